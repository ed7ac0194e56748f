package simulator

import (
	"unicode/utf8"
)

// responseOptions override the session for one response.
type responseOptions struct {
	set       settings // the session's, with the overrides
	metadata  any      // GA, echoed; nil is null
	outOfBand bool     // conversation "none": beside the talk, leaves no items
	refers    []string // items of the conversation that are its context
}

// readResponsePreview reads the options of response.create, preview dialect.
func readResponsePreview(o *object, s settings, seed, spoken bool) responseOptions {
	allowed := []string{"modalities", "instructions", "voice", "output_audio_format", "tools", "tool_choice", "temperature",
		"max_output_tokens"}
	if !seed {
		allowed = append(allowed, "max_response_output_tokens", "conversation", "metadata", "input")
	}
	o.only(allowed...)
	if o.has("max_output_tokens") && o.has("max_response_output_tokens") {
		o.complain(codeInvalidValue, o.at("max_output_tokens"), "Only one of 'max_output_tokens' and 'max_response_output_tokens' may be given.")
	}
	for _, name := range []string{"max_output_tokens", "max_response_output_tokens"} {
		if o.has(name) {
			s.maxTokens = readLimit(o, name)
		}
	}
	if o.has("temperature") {
		s.temperature = o.number("temperature", 0.6, 1.2)
	}
	if o.has("modalities") {
		s.textOnly = readModalities(o)
	}
	if o.has("voice") {
		s.voice = readVoice(o, "voice", s.voice, spoken, previewVoices)
	}
	if o.has("output_audio_format") {
		s.out = previewFormats[o.oneOf("output_audio_format", "pcm16", "g711_ulaw", "g711_alaw")]
	}
	if o.has("tool_choice") {
		s.toolChoice = readPreviewChoice(o)
	}
	return readResponseCommon(o, s, false)
}

// readResponseGA reads the options of response.create, GA dialect.
func readResponseGA(o *object, s settings, model string, spoken bool) responseOptions {
	o.only("instructions", "output_modalities", "audio", "tools", "tool_choice", "max_output_tokens", "parallel_tool_calls",
		"reasoning", "prompt", "metadata", "conversation", "input")
	if o.has("output_modalities") {
		s.textOnly = readOutputModalities(o)
	}
	if o.has("audio") {
		a := o.child("audio")
		a.only("output")
		if a.has("output") {
			out := a.child("output")
			out.only("format", "voice")
			s.updateAudioOutput(out, spoken)
		}
	}
	if o.has("max_output_tokens") {
		s.maxTokens = readLimit(o, "max_output_tokens")
	}
	if o.has("tool_choice") {
		s.toolChoice = readGAChoice(o)
	}
	for _, name := range []string{"parallel_tool_calls", "reasoning", "prompt"} {
		if o.has(name) {
			checkExtra(o, name, model)
		}
	}
	return readResponseCommon(o, s, true)
}

func readResponseCommon(o *object, s settings, ga bool) responseOptions {
	opts := responseOptions{}
	if o.has("instructions") {
		s.instructions = o.text("instructions")
	}
	if o.has("tools") {
		s.tools = readTools(o, ga)
	}
	if o.given("metadata") {
		m := o.child("metadata")
		checkMetadata(m)
		opts.metadata = m
	}
	if o.has("conversation") {
		opts.outOfBand = o.oneOf("conversation", "auto", "none") == "none"
	}
	if o.given("input") {
		opts.refers = readInput(o, ga)
	}
	opts.set = s
	return opts
}

// checkMetadata: at most 16 pairs, keys up to 64 and values up to 512 characters.
func checkMetadata(m *object) {
	if len(m.names) > 16 {
		m.complain(codeInvalidValue, m.path, "Invalid '%s': at most 16 pairs are allowed, but got %d.", m.path, len(m.names))
	}
	for _, name := range m.names {
		if utf8.RuneCountInString(name) > 64 {
			m.complain(codeInvalidValue, m.path, "Invalid '%s': keys are at most 64 characters long.", m.path)
		}
		if v := m.text(name); utf8.RuneCountInString(v) > 512 {
			m.complain(codeInvalidValue, m.at(name), "Invalid '%s': values are at most 512 characters long.", m.at(name))
		}
	}
}

// readInput checks the items that replace the conversation as context and
// returns those that are meant to be in it. The script reads none.
func readInput(o *object, ga bool) (refers []string) {
	for _, it := range o.objects("input") {
		if it.values["type"] == "item_reference" {
			it.only("type", "id")
			refers = append(refers, it.id("id"))
			continue
		}
		readItem(it, ga)
	}
	return refers
}

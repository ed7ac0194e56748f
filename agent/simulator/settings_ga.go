package simulator

var gaVoices = append(previewVoices[:len(previewVoices):len(previewVoices)], "marin", "cedar")

// updateGA applies the session of a GA session.update to s. Whether it was
// accepted is in o.err; s is a copy and may be thrown away.
func (s *settings) updateGA(o *object, model string, spoken bool) {
	o.only("type", "model", "instructions", "output_modalities", "audio", "tools", "tool_choice", "parallel_tool_calls",
		"max_output_tokens", "reasoning", "truncation", "include", "prompt", "tracing")
	o.oneOf("type", "realtime")
	if o.has("model") {
		readSameModel(o, model)
	}
	if o.has("instructions") {
		s.instructions = o.text("instructions")
	}
	if o.has("output_modalities") {
		s.textOnly = readOutputModalities(o)
	}
	if o.has("audio") {
		s.updateAudio(o.child("audio"), spoken)
	}
	if o.has("tools") {
		s.tools = readTools(o, true)
	}
	if o.has("tool_choice") {
		s.toolChoice = readGAChoice(o)
	}
	if o.has("max_output_tokens") {
		s.maxTokens = readLimit(o, "max_output_tokens")
	}
	s.updateExtra(o, model)
}

func readSameModel(o *object, model string) {
	if m := o.text("model"); o.err == nil && m != model {
		o.complain(codeInvalidValue, o.at("model"), "Cannot change the model of a session from '%s' to '%s'.", model, m)
	}
}

// readOutputModalities reports text alone. GA never has both.
func readOutputModalities(o *object) (textOnly bool) {
	m := o.texts("output_modalities")
	if len(m) == 1 && (m[0] == "text" || m[0] == "audio") {
		return m[0] == "text"
	}
	o.complain(codeInvalidValue, o.at("output_modalities"),
		"Invalid modalities: %s. Supported combinations are: ['text'] and ['audio'].", quoted(m))
	return false
}

func (s *settings) updateAudio(o *object, spoken bool) {
	o.only("input", "output")
	if o.has("input") {
		s.updateAudioInput(o.child("input"))
	}
	if o.has("output") {
		s.updateAudioOutput(o.child("output"), spoken)
	}
}

func (s *settings) updateAudioInput(o *object) {
	o.only("format", "transcription", "noise_reduction", "turn_detection")
	if o.has("format") {
		s.in = readGAFormat(o.child("format"))
	}
	if o.has("transcription") {
		s.transcription = readGATranscription(o)
	}
	if o.has("noise_reduction") {
		s.noise = readNoise(o, "noise_reduction", "type", "strength")
	}
	if o.null("turn_detection") {
		s.turns = nil
	} else if o.has("turn_detection") {
		s.turns = readTurns(o.child("turn_detection"), []string{"server_vad", "semantic_vad"},
			[]string{"create_response", "interrupt_response", "idle_timeout_ms"})
		s.turns.late = true
	}
}

func (s *settings) updateAudioOutput(o *object, spoken bool) {
	o.only("format", "voice", "speed")
	if o.has("format") {
		s.out = readGAFormat(o.child("format"))
	}
	if v, isObject := o.values["voice"].(*object); isObject {
		v.path = o.at("voice")
		v.only("id")
		id := v.text("id")
		if spoken && id != s.voice {
			o.complain(codeVoice, o.at("voice"), "Cannot update a conversation's voice if assistant audio is present.")
		}
		s.voice = id
	} else if o.has("voice") {
		s.voice = readVoice(o, "voice", s.voice, spoken, gaVoices)
	}
	if o.has("speed") {
		s.speed = o.number("speed", 0.25, 1.5)
	}
}

// readGAFormat: pcm has a rate and it is 24000; the laws have none.
func readGAFormat(o *object) format {
	f := gaFormats[o.oneOf("type", "audio/pcm", "audio/pcmu", "audio/pcma")]
	if f != pcm24 || o.err != nil {
		o.only("type")
		return f
	}
	o.only("type", "rate")
	o.integer("rate", 24000, 24000)
	return f
}

func readGATranscription(o *object) *transcription {
	if o.null("transcription") {
		return nil
	}
	t := o.child("transcription")
	t.only("model", "language", "languages", "prompt", "keywords", "delay")
	model := "whisper-1"
	if t.has("model") {
		model = t.textUpTo("model", 128)
	}
	for _, name := range []string{"language", "prompt", "delay"} {
		if t.has(name) {
			t.text(name)
		}
	}
	for _, name := range []string{"languages", "keywords"} {
		if t.has(name) {
			t.texts(name)
		}
	}
	return &transcription{model: model, echo: t}
}

func readGAChoice(o *object) any {
	if _, isText := o.values["tool_choice"].(string); isText {
		return o.oneOf("tool_choice", "auto", "none", "required")
	}
	c := o.child("tool_choice")
	if c.oneOf("type", "function", "mcp") == "mcp" {
		c.only("type", "server_label", "name")
		c.text("server_label")
		return c
	}
	c.only("type", "name")
	c.text("name")
	return c
}

// gaSession is the session object of session.created and session.updated.
func (s *settings) gaSession(id, model string, expires int64) fields {
	f := fields{
		"type", "realtime",
		"object", "realtime.session",
		"id", id,
		"model", model,
		"expires_at", expires,
		"output_modalities", gaModalities(s.textOnly),
		"instructions", s.instructions,
		"audio", fields{
			"input", fields{
				"format", s.in.ga(),
				"transcription", s.transcription.body(),
				"noise_reduction", s.noise,
				"turn_detection", s.turns.body(true),
			},
			"output", fields{"format", s.out.ga(), "voice", s.voice, "speed", s.speed},
		},
		"tools", toolBodies(s.tools),
		"tool_choice", s.toolChoice,
		"max_output_tokens", s.maxTokens,
	}
	for _, e := range s.extra {
		f = append(f, e.name, e.value)
	}
	return f
}

func gaModalities(textOnly bool) []string {
	if textOnly {
		return []string{"text"}
	}
	return []string{"audio"}
}

package simulator

var previewVoices = []string{"alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse"}

// updatePreview applies the session of a preview session.update to s. Whether
// it was accepted is in o.err; s is a copy and may be thrown away. With seed the
// dialect is that of 2024-10-01 to the letter, without the later additions.
func (s *settings) updatePreview(o *object, seed, spoken bool) {
	allowed := []string{"modalities", "instructions", "voice", "input_audio_format", "output_audio_format",
		"input_audio_transcription", "turn_detection", "tools", "tool_choice", "temperature", "max_response_output_tokens"}
	if !seed {
		allowed = append(allowed, "input_audio_noise_reduction", "speed", "tracing")
	}
	o.only(allowed...)
	s.updatePreviewVoice(o, spoken)
	if o.has("instructions") {
		s.instructions = o.text("instructions")
	}
	if o.has("input_audio_transcription") {
		s.transcription = readPreviewTranscription(o, seed)
	}
	if o.has("turn_detection") {
		s.turns = readPreviewTurns(o, seed)
	}
	if o.has("tools") {
		s.tools = readTools(o, false)
	}
	if o.has("tool_choice") {
		s.toolChoice = readPreviewChoice(o)
	}
	if o.has("temperature") {
		s.temperature = o.number("temperature", 0.6, 1.2)
	}
	if o.has("max_response_output_tokens") {
		s.maxTokens = readLimit(o, "max_response_output_tokens")
	}
	s.updatePreviewLate(o)
}

func (s *settings) updatePreviewVoice(o *object, spoken bool) {
	if o.has("modalities") {
		s.textOnly = readModalities(o)
	}
	if o.has("voice") {
		s.voice = readVoice(o, "voice", s.voice, spoken, previewVoices)
	}
	if o.has("input_audio_format") {
		s.in = previewFormats[o.oneOf("input_audio_format", "pcm16", "g711_ulaw", "g711_alaw")]
	}
	if o.has("output_audio_format") {
		s.out = previewFormats[o.oneOf("output_audio_format", "pcm16", "g711_ulaw", "g711_alaw")]
	}
}

// updatePreviewLate reads what later preview versions added.
func (s *settings) updatePreviewLate(o *object) {
	if o.has("speed") {
		s.speed = o.number("speed", 0.25, 1.5)
	}
	if o.has("tracing") {
		checkTracing(o, "tracing")
	}
	if o.has("input_audio_noise_reduction") {
		s.noise = readNoise(o, "input_audio_noise_reduction", "type")
	}
}

// readModalities reports text alone. Audio alone is refused: the preview
// dialect speaks only together with text.
func readModalities(o *object) (textOnly bool) {
	m := o.texts("modalities")
	switch {
	case len(m) == 1 && m[0] == "text":
		return true
	case len(m) == 2 && contains(m, "text") && contains(m, "audio"):
		return false
	}
	o.complain(codeInvalidValue, o.at("modalities"),
		"Invalid modalities: %v. Supported combinations are: ['text'] and ['audio', 'text'].", quoted(m))
	return false
}

func readPreviewTranscription(o *object, seed bool) *transcription {
	if o.null("input_audio_transcription") {
		return nil
	}
	t := o.child("input_audio_transcription")
	models := []string{"whisper-1"}
	if seed {
		t.only("model")
	} else {
		t.only("model", "language", "prompt")
		models = append(models, "gpt-4o-transcribe", "gpt-4o-mini-transcribe")
	}
	model := "whisper-1"
	if t.has("model") {
		model = t.oneOf("model", models...)
	}
	for _, name := range []string{"language", "prompt"} {
		if t.has(name) {
			t.text(name)
		}
	}
	return &transcription{model: model, echo: t}
}

func readPreviewTurns(o *object, seed bool) *turnDetection {
	if o.null("turn_detection") {
		return nil
	}
	if seed {
		return readTurns(o.child("turn_detection"), []string{"server_vad"}, nil)
	}
	return readTurns(o.child("turn_detection"), []string{"server_vad", "semantic_vad"},
		[]string{"create_response", "interrupt_response"})
}

// readPreviewChoice accepts the three spellings of "this function" that the
// preview dialect was seen to have.
func readPreviewChoice(o *object) any {
	if _, isText := o.values["tool_choice"].(string); isText {
		return o.oneOf("tool_choice", "auto", "none", "required")
	}
	c := o.child("tool_choice")
	c.only("type", "function", "name")
	c.oneOf("type", "function")
	switch c.values["function"].(type) {
	case *object:
		c.child("function").text("name")
	case string:
	default:
		c.text("name")
	}
	return c
}

// readNoise reads the noise reduction; members are those of the dialect.
func readNoise(o *object, name string, members ...string) any {
	if o.null(name) {
		return nil
	}
	n := o.child(name)
	n.only(members...)
	n.oneOf("type", "near_field", "far_field")
	return n
}

// previewSession is the session object of session.created and session.updated.
func (s *settings) previewSession(id, model string, expires int64) fields {
	return fields{
		"id", id,
		"object", "realtime.session",
		"model", model,
		"expires_at", expires,
		"modalities", previewModalities(s.textOnly),
		"instructions", s.instructions,
		"voice", s.voice,
		"input_audio_format", s.in.preview(),
		"output_audio_format", s.out.preview(),
		"input_audio_transcription", s.transcription.body(),
		"turn_detection", s.turns.body(false),
		"tools", toolBodies(s.tools),
		"tool_choice", s.toolChoice,
		"temperature", s.temperature,
		"max_response_output_tokens", s.maxTokens,
	}
}

func previewModalities(textOnly bool) []string {
	if textOnly {
		return []string{"text"}
	}
	return []string{"text", "audio"}
}

// body shows the transcription with its model, which a client may leave out.
func (t *transcription) body() any {
	if t == nil {
		return nil
	}
	f := fields{"model", t.model}
	for _, n := range t.echo.names {
		if n != "model" {
			f = append(f, n, t.echo.values[n])
		}
	}
	return f
}

func toolBodies(tools []tool) []*object {
	out := make([]*object, len(tools))
	for i, t := range tools {
		out[i] = t.echo
	}
	return out
}

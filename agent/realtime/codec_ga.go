package realtime

import "fmt"

// gaCodec speaks the current dialect.
type gaCodec struct{}

// gaSession holds the session members that the GA dialect spells in its own way, for both directions.
type gaSession struct {
	Kind             string        `json:"type,omitempty"` // required in every update
	OutputModalities []string      `json:"output_modalities,omitempty"`
	Audio            gaAudio       `json:"audio,omitzero"`
	MaxTokens        TokenLimit    `json:"max_output_tokens,omitzero"`
	Reasoning        gaReasoning   `json:"reasoning,omitzero"`
	Parallel         Opt[bool]     `json:"parallel_tool_calls,omitzero"`
	Truncation       truncation    `json:"truncation,omitzero"`
	Include          Opt[[]string] `json:"include,omitzero"`
	Tracing          Opt[tracing]  `json:"tracing,omitzero"`
}

type gaReasoning struct {
	Effort string `json:"effort,omitempty"`
}

type gaAudio struct {
	Input  gaInput  `json:"input,omitzero"`
	Output gaOutput `json:"output,omitzero"`
}

type gaInput struct {
	Format         gaFormat           `json:"format,omitzero"`
	Transcription  Opt[Transcription] `json:"transcription,omitzero"`
	NoiseReduction Opt[noise]         `json:"noise_reduction,omitzero"`
	TurnDetection  Opt[TurnDetection] `json:"turn_detection,omitzero"`
}

type gaOutput struct {
	Format gaFormat     `json:"format,omitzero"`
	Voice  Opt[voice]   `json:"voice,omitzero"`
	Speed  Opt[float64] `json:"speed,omitzero"`
}

// gaFormat is {"type":"audio/pcmu"}.
type gaFormat AudioFormat

// MarshalJSON gives pcm its rate and the laws none: servers refuse both mistakes.
func (f gaFormat) MarshalJSON() ([]byte, error) {
	if AudioFormat(f) == FormatPCM24 {
		return []byte(`{"type":"audio/pcm","rate":24000}`), nil
	}
	return fmt.Appendf(nil, `{"type":%q}`, AudioFormat(f)), nil
}

// UnmarshalJSON reads either dialect's spelling.
func (f *gaFormat) UnmarshalJSON(data []byte) error {
	*f = gaFormat(readFormat(data))
	return nil
}

// session writes all that is set. Audio is nested; whoever sets one member of audio.input should set them all, because
// some servers fill an omitted format with their default.
func (gaCodec) session(s *Session) (any, error) {
	shared, err := shareSession(s)
	if err != nil {
		return nil, err
	}
	cut, err := encodeTruncation(s)
	if err != nil {
		return nil, err
	}
	body := struct {
		gaSession
		sharedSession
	}{gaSession{
		Kind: "realtime", OutputModalities: gaModalities(s.TextOnly), Audio: gaSounds(s),
		MaxTokens: s.MaxOutputTokens, Reasoning: gaReasoning{s.ReasoningEffort}, Parallel: s.ParallelToolCalls,
		Truncation: cut, Include: mapOpt(s.Include, notNil), Tracing: mapOpt(s.Tracing, encodeTracing),
	}, shared}
	return body, nil
}

func gaSounds(s *Session) gaAudio {
	return gaAudio{
		Input: gaInput{
			Format: gaFormat(s.InputFormat), Transcription: s.Transcription,
			NoiseReduction: encodeNoise(s.NoiseReduction, s.NoiseStrength), TurnDetection: mapOpt(s.TurnDetection, gaTurns),
		},
		Output: gaOutput{Format: gaFormat(s.OutputFormat), Voice: encodeVoice(s.Voice, s.VoiceIsID), Speed: s.Speed},
	}
}

// notNil makes no words an empty list, which null is not.
func notNil(words []string) []string {
	return append([]string{}, words...)
}

// gaModalities: audio always comes with its transcript, and both together are refused.
func gaModalities(textOnly bool) []string {
	if textOnly {
		return []string{"text"}
	}
	return []string{"audio"}
}

// gaTurns writes both switches always: a server's default for the one that is missing cancels announcements or doubles answers.
func gaTurns(t TurnDetection) TurnDetection {
	t = ownMembers(t)
	if t.Type != noTurns {
		t.CreateResponse = Some(t.CreateResponse.Or(true))
		t.InterruptResponse = Some(t.InterruptResponse.Or(true))
	}
	return t
}

// gaResponse is the body of response.create.
type gaResponse struct {
	Conversation     string            `json:"conversation,omitempty"`
	Metadata         map[string]string `json:"metadata,omitempty"`
	OutputModalities []string          `json:"output_modalities,omitempty"`
	Audio            gaAudio           `json:"audio,omitzero"` // output alone
	MaxTokens        TokenLimit        `json:"max_output_tokens,omitzero"`
	Reasoning        gaReasoning       `json:"reasoning,omitzero"`
	Parallel         Opt[bool]         `json:"parallel_tool_calls,omitzero"`
	sharedResponse
	Input []*outItem `json:"input,omitzero"`
}

func (c gaCodec) response(r *ResponseOptions) (any, error) {
	shared, err := shareResponse(r)
	if err != nil {
		return nil, err
	}
	body := gaResponse{
		Metadata: r.Metadata, MaxTokens: r.MaxOutputTokens, Reasoning: gaReasoning{r.ReasoningEffort},
		Parallel: r.ParallelToolCalls, sharedResponse: shared,
	}
	body.Audio.Output = gaOutput{Format: gaFormat(r.OutputFormat), Voice: responseVoice(r)}
	if r.OutOfBand {
		body.Conversation = "none"
	}
	if r.TextOnly {
		body.OutputModalities = gaModalities(true)
	}
	body.Input, err = encodeInput(c, r.Input)
	return body, err
}

func (gaCodec) partName(k PartKind) string {
	if k == PartOutputText {
		return "output_text"
	}
	return inputPartName(k)
}

func (gaCodec) cancelID(id string) string { return id }

func (gaCodec) unknown(s *Session) []string {
	if s.Temperature.IsZero() {
		return nil
	}
	return []string{"temperature"}
}

// fill copies what the dialect's own members say.
func (g *gaSession) fill(s *Session) {
	if len(g.OutputModalities) > 0 {
		s.TextOnly = onlyText(g.OutputModalities)
	}
	set(&s.InputFormat, AudioFormat(g.Audio.Input.Format))
	set(&s.OutputFormat, AudioFormat(g.Audio.Output.Format))
	setOpt(&s.Transcription, g.Audio.Input.Transcription)
	fillNoise(s, g.Audio.Input.NoiseReduction)
	setOpt(&s.TurnDetection, g.Audio.Input.TurnDetection)
	fillVoice(s, g.Audio.Output.Voice)
	setOpt(&s.Speed, g.Audio.Output.Speed)
	set(&s.MaxOutputTokens, g.MaxTokens)
	set(&s.ReasoningEffort, g.Reasoning.Effort)
	setOpt(&s.ParallelToolCalls, g.Parallel)
	g.Truncation.fill(s)
	setOpt(&s.Include, g.Include)
	setOpt(&s.Tracing, mapOpt(g.Tracing, tracing.tracing))
}

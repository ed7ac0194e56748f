package realtime

import "fmt"

// gaCodec speaks the current dialect.
type gaCodec struct{}

// gaSession holds the session members that the GA dialect spells in its own way, for both directions.
type gaSession struct {
	Kind             string      `json:"type,omitempty"` // required in every update
	OutputModalities []string    `json:"output_modalities,omitempty"`
	Audio            gaAudio     `json:"audio,omitzero"`
	MaxTokens        TokenLimit  `json:"max_output_tokens,omitzero"`
	Reasoning        gaReasoning `json:"reasoning,omitzero"`
	Truncation       label       `json:"truncation,omitempty"`
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
	Voice  Opt[label]   `json:"voice,omitzero"`
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
func (gaCodec) session(s *Session) any {
	body := struct {
		gaSession
		sharedSession
	}{gaSession{Kind: "realtime"}, shareSession(s)}
	body.OutputModalities = gaModalities(s.TextOnly)
	body.Audio.Input = gaInput{
		Format: gaFormat(s.InputFormat), Transcription: s.Transcription,
		NoiseReduction: mapOpt(s.NoiseReduction, toNoise), TurnDetection: mapOpt(s.TurnDetection, gaTurns),
	}
	body.Audio.Output = gaOutput{Format: gaFormat(s.OutputFormat), Voice: mapOpt(s.Voice, toLabel), Speed: s.Speed}
	body.MaxTokens, body.Reasoning.Effort, body.Truncation = s.MaxOutputTokens, s.ReasoningEffort, label(s.Truncation)
	return body
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
	Instructions     string            `json:"instructions,omitempty"`
	ToolChoice       string            `json:"tool_choice,omitempty"`
	Input            []*outItem        `json:"input,omitzero"`
}

func (c gaCodec) response(r *ResponseOptions) (any, error) {
	body := gaResponse{Metadata: r.Metadata, Instructions: r.Instructions, ToolChoice: r.ToolChoice}
	if r.OutOfBand {
		body.Conversation = "none"
	}
	if r.TextOnly {
		body.OutputModalities = gaModalities(true)
	}
	if r.Input == nil {
		return body, nil
	}
	body.Input = make([]*outItem, len(r.Input)) // [] means an empty context
	for i := range r.Input {
		it, err := encodeItem(c, &r.Input[i])
		if err != nil {
			return nil, err
		}
		body.Input[i] = it
	}
	return body, nil
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
	setOpt(&s.NoiseReduction, mapOpt(g.Audio.Input.NoiseReduction, fromNoise))
	setOpt(&s.TurnDetection, g.Audio.Input.TurnDetection)
	setOpt(&s.Voice, mapOpt(g.Audio.Output.Voice, fromLabel))
	setOpt(&s.Speed, g.Audio.Output.Speed)
	set(&s.MaxOutputTokens, g.MaxTokens)
	set(&s.ReasoningEffort, g.Reasoning.Effort)
	set(&s.Truncation, string(g.Truncation))
}

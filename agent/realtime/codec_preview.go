package realtime

import (
	"errors"
	"fmt"
)

// previewCodec speaks the first dialect. It sends nothing that api-version 2024-10-01-preview does not know unless the
// caller asks for it: the later additions are members of Session that are unset by default.
type previewCodec struct{}

// previewSession holds the session members that the preview dialect spells in its own way, for both directions.
type previewSession struct {
	Modalities     []string           `json:"modalities,omitempty"`
	Voice          Opt[label]         `json:"voice,omitzero"`
	InputFormat    previewFormat      `json:"input_audio_format,omitzero"`
	OutputFormat   previewFormat      `json:"output_audio_format,omitzero"`
	Transcription  Opt[Transcription] `json:"input_audio_transcription,omitzero"`
	NoiseReduction Opt[noise]         `json:"input_audio_noise_reduction,omitzero"` // a later addition
	TurnDetection  Opt[TurnDetection] `json:"turn_detection,omitzero"`
	Temperature    Opt[float64]       `json:"temperature,omitzero"`
	MaxTokens      TokenLimit         `json:"max_response_output_tokens,omitzero"`
}

// previewFormat is "g711_ulaw".
type previewFormat AudioFormat

var previewFormats = map[AudioFormat]string{FormatPCMU: "g711_ulaw", FormatPCMA: "g711_alaw", FormatPCM24: "pcm16"}

// MarshalJSON writes the name with underscores; servers refuse any other spelling.
func (f previewFormat) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "%q", previewFormats[AudioFormat(f)]), nil
}

// UnmarshalJSON reads either dialect's spelling.
func (f *previewFormat) UnmarshalJSON(data []byte) error {
	*f = previewFormat(readFormat(data))
	return nil
}

// session writes all that is set, flat.
func (previewCodec) session(s *Session) any {
	return struct {
		previewSession
		sharedSession
	}{previewSession{
		Modalities: previewModalities(s.TextOnly), Voice: mapOpt(s.Voice, toLabel),
		InputFormat: previewFormat(s.InputFormat), OutputFormat: previewFormat(s.OutputFormat),
		Transcription: s.Transcription, NoiseReduction: mapOpt(s.NoiseReduction, toNoise),
		TurnDetection: mapOpt(s.TurnDetection, previewTurns), Temperature: s.Temperature, MaxTokens: s.MaxOutputTokens,
	}, shareSession(s)}
}

// previewModalities: audio alone is refused.
func previewModalities(textOnly bool) []string {
	if textOnly {
		return []string{"text"}
	}
	return []string{"text", "audio"}
}

// previewTurns drops the idle timeout, which is GA's. The two switches came after 2024-10-01: they are written when the
// caller uses one of them, and then both.
func previewTurns(t TurnDetection) TurnDetection {
	t = ownMembers(t)
	t.IdleTimeoutMS = Opt[int]{}
	if t.CreateResponse.IsZero() && t.InterruptResponse.IsZero() {
		return t
	}
	t.CreateResponse = Some(t.CreateResponse.Or(true))
	t.InterruptResponse = Some(t.InterruptResponse.Or(true))
	return t
}

// previewResponse is the body of response.create. The token limit is the session's: its name here differs from server to
// server.
type previewResponse struct {
	Modalities   []string `json:"modalities,omitempty"`
	Instructions string   `json:"instructions,omitempty"`
	ToolChoice   string   `json:"tool_choice,omitempty"`
}

// response drops metadata, which is a label. It refuses what would turn a silent side question into a spoken answer.
func (previewCodec) response(r *ResponseOptions) (any, error) {
	if r.OutOfBand || r.Input != nil {
		return nil, errors.New("it has no responses beside the conversation and none with an input of their own")
	}
	body := previewResponse{Instructions: r.Instructions, ToolChoice: r.ToolChoice}
	if r.TextOnly {
		body.Modalities = previewModalities(true)
	}
	return body, nil
}

func (previewCodec) partName(k PartKind) string {
	if k == PartOutputText {
		return "text"
	}
	return inputPartName(k)
}

// cancelID is empty: there is one response, and response_id came later.
func (previewCodec) cancelID(string) string { return "" }

func (previewCodec) unknown(s *Session) (names []string) {
	if !s.Speed.IsZero() {
		names = append(names, "speed")
	}
	if s.ReasoningEffort != "" {
		names = append(names, "reasoning")
	}
	if s.Truncation != "" {
		names = append(names, "truncation")
	}
	if t, _ := s.TurnDetection.Get(); !t.IdleTimeoutMS.IsZero() {
		names = append(names, "turn_detection.idle_timeout_ms")
	}
	return names
}

// fill copies what the dialect's own members say.
func (p *previewSession) fill(s *Session) {
	if len(p.Modalities) > 0 {
		s.TextOnly = onlyText(p.Modalities)
	}
	set(&s.InputFormat, AudioFormat(p.InputFormat))
	set(&s.OutputFormat, AudioFormat(p.OutputFormat))
	setOpt(&s.Transcription, p.Transcription)
	setOpt(&s.NoiseReduction, mapOpt(p.NoiseReduction, fromNoise))
	setOpt(&s.TurnDetection, p.TurnDetection)
	setOpt(&s.Voice, mapOpt(p.Voice, fromLabel))
	setOpt(&s.Temperature, p.Temperature)
	set(&s.MaxOutputTokens, p.MaxTokens)
}

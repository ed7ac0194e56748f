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
	Voice          Opt[voice]         `json:"voice,omitzero"`
	InputFormat    previewFormat      `json:"input_audio_format,omitzero"`
	OutputFormat   previewFormat      `json:"output_audio_format,omitzero"`
	Transcription  Opt[Transcription] `json:"input_audio_transcription,omitzero"`
	NoiseReduction Opt[noise]         `json:"input_audio_noise_reduction,omitzero"` // a later addition
	TurnDetection  Opt[TurnDetection] `json:"turn_detection,omitzero"`
	Temperature    Opt[float64]       `json:"temperature,omitzero"`
	MaxTokens      TokenLimit         `json:"max_response_output_tokens,omitzero"`
	Speed          Opt[float64]       `json:"speed,omitzero"` // a later addition: read, never written
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
func (previewCodec) session(s *Session) (any, error) {
	shared, err := shareSession(s)
	if err != nil {
		return nil, err
	}
	if s.ToolName != "" {
		return nil, errChoiceByName
	}
	return struct {
		previewSession
		sharedSession
	}{previewSession{
		Modalities: previewModalities(s.TextOnly), Voice: previewVoice(s),
		InputFormat: previewFormat(s.InputFormat), OutputFormat: previewFormat(s.OutputFormat),
		Transcription:  mapOpt(s.Transcription, previewTranscription),
		NoiseReduction: encodeNoise(s.NoiseReduction, Opt[float64]{}),
		TurnDetection:  mapOpt(s.TurnDetection, previewTurns), Temperature: s.Temperature, MaxTokens: s.MaxOutputTokens,
	}, shared}, nil
}

// errChoiceByName: servers of this dialect want the name in three different places.
var errChoiceByName = errors.New("it has no tool choice by name that all servers take; offer that tool alone and require one")

// previewVoice leaves out the id of a voice: as a name it would lose the whole update.
func previewVoice(s *Session) Opt[voice] {
	if s.VoiceIsID {
		return Opt[voice]{}
	}
	return encodeVoice(s.Voice, false)
}

func previewTranscription(t Transcription) Transcription {
	return Transcription{Model: t.Model, Language: t.Language, Prompt: t.Prompt}
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
	Modalities   []string      `json:"modalities,omitempty"`
	Voice        Opt[voice]    `json:"voice,omitzero"`
	OutputFormat previewFormat `json:"output_audio_format,omitzero"`
	Temperature  Opt[float64]  `json:"temperature,omitzero"`
	sharedResponse
}

// response drops metadata, which is a label, and what steers the model a little. It refuses what would turn a silent side
// question into a spoken answer.
func (previewCodec) response(r *ResponseOptions) (any, error) {
	if r.OutOfBand || r.Input != nil {
		return nil, errors.New("it has no responses beside the conversation and none with an input of their own")
	}
	shared, err := shareResponse(r)
	if err != nil {
		return nil, err
	}
	if r.ToolName != "" {
		return nil, errChoiceByName
	}
	body := previewResponse{OutputFormat: previewFormat(r.OutputFormat), Temperature: r.Temperature, sharedResponse: shared}
	if !r.VoiceIsID {
		body.Voice = responseVoice(r)
	}
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
	t, _ := s.TurnDetection.Get()
	words, _ := s.Transcription.Get()
	for _, member := range []struct {
		name string
		set  bool
	}{
		{"voice.id", s.VoiceIsID},
		{"speed", !s.Speed.IsZero()},
		{"reasoning", s.ReasoningEffort != ""},
		{"parallel_tool_calls", !s.ParallelToolCalls.IsZero()},
		{"truncation", s.Truncation != "" || !s.TruncationRatio.IsZero()},
		{"include", !s.Include.IsZero()},
		{"tracing", !s.Tracing.IsZero()},
		{"noise_reduction.strength", !s.NoiseStrength.IsZero()},
		{"turn_detection.idle_timeout_ms", !t.IdleTimeoutMS.IsZero()},
		{"transcription.languages", words.Languages != nil},
		{"transcription.keywords", words.Keywords != nil},
		{"transcription.delay", words.Delay != ""},
	} {
		if member.set {
			names = append(names, member.name)
		}
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
	fillNoise(s, p.NoiseReduction)
	setOpt(&s.TurnDetection, p.TurnDetection)
	fillVoice(s, p.Voice)
	setOpt(&s.Speed, p.Speed)
	setOpt(&s.Temperature, p.Temperature)
	set(&s.MaxOutputTokens, p.MaxTokens)
}

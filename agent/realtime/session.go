package realtime

import (
	"encoding/json"
	"time"
)

// AudioFormat is the coding of one direction of a session's audio. Each dialect spells it in its own way.
type AudioFormat uint8

// The formats of the protocol. FormatUnknown is what a server answered that is none of them.
const (
	FormatUnknown AudioFormat = iota
	FormatPCMU                // g711_ulaw, audio/pcmu: 8 kHz, 8 bytes a millisecond
	FormatPCMA                // g711_alaw, audio/pcma: 8 kHz, 8 bytes a millisecond
	FormatPCM24               // pcm16, audio/pcm: 24 kHz 16-bit little endian, 48 bytes a millisecond
)

// String names the format as the GA dialect does.
func (f AudioFormat) String() string {
	switch f {
	case FormatPCMU:
		return "audio/pcmu"
	case FormatPCMA:
		return "audio/pcma"
	case FormatPCM24:
		return "audio/pcm"
	}
	return "unknown"
}

// BytesPerMS is the volume of one millisecond of audio, 0 for FormatUnknown.
func (f AudioFormat) BytesPerMS() int {
	switch f {
	case FormatPCMU, FormatPCMA:
		return 8
	case FormatPCM24:
		return 48
	}
	return 0
}

// Session is the configuration of a session, in the words of both dialects. In SessionUpdate only what is set is sent;
// the codec drops what its dialect does not know (Temperature in GA; Speed, Reasoning and the like in preview).
// Stored prompts and tools of MCP servers are not among it: the one ends, the other is not for a telephone.
type Session struct {
	// Told by the server only.
	ID        string
	Model     string
	ExpiresAt time.Time // zero when the server does not say

	Instructions    Opt[string]
	TextOnly        bool // modalities: text alone; default is spoken answers with their transcript
	Voice           Opt[string]
	VoiceIsID       bool // Voice is the id of a voice of one's own, {"id":…} on the wire; GA only
	InputFormat     AudioFormat
	OutputFormat    AudioFormat
	Transcription   Opt[Transcription]
	TurnDetection   Opt[TurnDetection] // null: manual commit and response.create
	NoiseReduction  Opt[string]        // near_field, far_field; null: off
	NoiseStrength   Opt[float64]       // 1 is the server's default, more suppresses more; needs NoiseReduction; GA only
	Tools           Opt[[]Tool]
	ToolChoice      string       // auto, none, required, function; "" leaves it
	ToolName        string       // what must be called when ToolChoice is function; GA only
	Temperature     Opt[float64] // 0.6..1.2, preview only
	MaxOutputTokens TokenLimit
	Speed           Opt[float64] // 0.25..1.5, GA only
	ReasoningEffort string       // minimal..xhigh, GA reasoning models only

	// GA only from here on.
	ParallelToolCalls Opt[bool] // reasoning models only
	// Truncation says what happens when the context is full: auto, disabled, or retention_ratio with its two figures; ""
	// leaves it.
	Truncation       string
	TruncationRatio  Opt[float64]  // 0..1: what is kept of the conversation; sets retention_ratio by itself
	TruncationTokens int           // of the conversation after the instructions; 0 leaves it to the model
	Include          Opt[[]string] // more to be told, see IncludeLogprobs; [] is nothing
	Tracing          Opt[Tracing]  // null: off; cannot be changed once it is on
}

// IncludeLogprobs asks for the probability of each token of the caller's words.
const IncludeLogprobs = "item.input_audio_transcription.logprobs"

// Tracing names the call in the server's own traces. The zero value takes the server's names, "auto" on the wire.
type Tracing struct {
	Workflow string            `json:"workflow_name,omitempty"`
	Group    string            `json:"group_id,omitempty"`
	Metadata map[string]string `json:"metadata,omitempty"`
}

// Transcription asks for the caller's words. Which members a model takes differs from one to the next.
type Transcription struct {
	Model     string   `json:"model,omitempty"`
	Language  string   `json:"language,omitempty"` // ISO 639-1
	Prompt    string   `json:"prompt,omitempty"`
	Languages []string `json:"languages,omitempty"` // GA only: the languages it may be
	Keywords  []string `json:"keywords,omitempty"`  // GA only: words to expect
	Delay     string   `json:"delay,omitempty"`     // GA only: minimal..xhigh; longer is surer
}

// TurnDetection decides when the caller's turn ends.
type TurnDetection struct {
	Type              string       `json:"type"` // server_vad, semantic_vad
	Threshold         Opt[float64] `json:"threshold,omitzero"`
	PrefixPaddingMS   Opt[int]     `json:"prefix_padding_ms,omitzero"`
	SilenceDurationMS Opt[int]     `json:"silence_duration_ms,omitzero"`
	Eagerness         string       `json:"eagerness,omitempty"`
	CreateResponse    Opt[bool]    `json:"create_response,omitzero"`
	InterruptResponse Opt[bool]    `json:"interrupt_response,omitzero"`
	IdleTimeoutMS     Opt[int]     `json:"idle_timeout_ms,omitzero"`
}

// Tool is a function the model may call: exactly these members, because servers refuse a session with any other.
type Tool struct {
	Name        string
	Description string
	Parameters  json.RawMessage // a JSON Schema object; nil means no arguments
}

package realtime

import (
	"encoding/json"
	"strconv"
	"strings"
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
type Session struct {
	// Told by the server only.
	ID        string
	Model     string
	ExpiresAt time.Time // zero when the server does not say

	Instructions    Opt[string]
	TextOnly        bool // modalities: text alone; default is spoken answers with their transcript
	Voice           Opt[string]
	InputFormat     AudioFormat
	OutputFormat    AudioFormat
	Transcription   Opt[Transcription]
	TurnDetection   Opt[TurnDetection] // null: manual commit and response.create
	NoiseReduction  Opt[string]        // near_field, far_field; null: off
	Tools           Opt[[]Tool]
	ToolChoice      string       // auto, none, required; "" leaves it
	Temperature     Opt[float64] // 0.6..1.2, preview only
	MaxOutputTokens TokenLimit
	Speed           Opt[float64] // 0.25..1.5, GA only
	ReasoningEffort string       // minimal..xhigh, GA reasoning models only
	Truncation      string       // auto, disabled; GA only
}

// Transcription asks for the caller's words.
type Transcription struct {
	Model    string `json:"model,omitempty"`
	Language string `json:"language,omitempty"`
	Prompt   string `json:"prompt,omitempty"`
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

// TokenLimit is max_output_tokens: unset, a number (1..4096), or Unlimited ("inf" on the wire).
type TokenLimit int

// Unlimited is the limit "inf".
const Unlimited TokenLimit = -1

// MarshalJSON writes a number, "inf", or null for unset.
func (t TokenLimit) MarshalJSON() ([]byte, error) {
	switch {
	case t == 0:
		return []byte("null"), nil
	case t < 0:
		return []byte(`"inf"`), nil
	}
	return strconv.AppendInt(nil, int64(t), 10), nil
}

// UnmarshalJSON reads a number, a number in quotes, "inf" or null. What is none of them is unset.
func (t *TokenLimit) UnmarshalJSON(data []byte) error {
	text := strings.Trim(string(data), `"`)
	*t = 0
	if text == "inf" {
		*t = Unlimited
	} else if n, err := strconv.Atoi(text); err == nil && n > 0 {
		*t = TokenLimit(n)
	}
	return nil
}

// String shows the limit as on the wire, "" when unset.
func (t TokenLimit) String() string {
	switch {
	case t == 0:
		return ""
	case t < 0:
		return "inf"
	}
	return strconv.Itoa(int(t))
}

// Item is one entry of the conversation, sent or received.
type Item struct {
	ID     string
	Type   ItemType
	Status string // in_progress, completed, incomplete; servers may leave it out
	Role   string // messages: system, user, assistant
	// Content holds the parts of a message.
	Content []Part
	// Name, CallID and Arguments belong to function_call; CallID and Output to function_call_output.
	Name      string
	CallID    string
	Arguments string
	Output    string
}

// ItemType is the kind of an item.
type ItemType string

// The item kinds a telephone client meets.
const (
	ItemMessage            ItemType = "message"
	ItemFunctionCall       ItemType = "function_call"
	ItemFunctionCallOutput ItemType = "function_call_output"
)

// Part is one content part of a message. Kind is normalised: the codec writes text or output_text as its dialect wants.
type Part struct {
	Kind       PartKind
	Text       string
	Transcript Opt[string]
	Audio      []byte // client-made input_audio only
}

// PartKind is the normalised kind of a content part.
type PartKind uint8

// Content part kinds of both dialects.
const (
	PartUnknown     PartKind = iota
	PartInputText            // input_text
	PartInputAudio           // input_audio
	PartOutputText           // text, output_text
	PartOutputAudio          // audio, output_audio
)

// String names the kind as the preview dialect does.
func (k PartKind) String() string {
	switch k {
	case PartInputText:
		return "input_text"
	case PartInputAudio:
		return "input_audio"
	case PartOutputText:
		return "text"
	case PartOutputAudio:
		return "audio"
	}
	return "unknown"
}

// Response is the server's record of one inference.
type Response struct {
	ID             string
	Status         string // in_progress, completed, cancelled, incomplete, failed
	Reason         string // status_details.reason: turn_detected, client_cancelled, max_output_tokens, content_filter
	Error          *Error // status_details.error of a failed response
	Output         []Item
	Usage          *Usage
	Metadata       map[string]string
	ConversationID string
	OutOfBand      bool // GA: conversation_id was an explicit null
}

// Usage counts the tokens of one response. All earlier turns count as input again.
type Usage struct {
	Total, Input, Output               int
	InputText, InputAudio, InputCached int
	OutputText, OutputAudio            int
}

// ResponseOptions override the session for one response. Instructions replace the session's, they are not added to them.
type ResponseOptions struct {
	Instructions string
	TextOnly     bool
	ToolChoice   string
	Metadata     map[string]string // GA only; at most 16 pairs
	OutOfBand    bool              // GA only: conversation "none"
	Input        []Item            // GA only; replaces the conversation as context when not nil
}

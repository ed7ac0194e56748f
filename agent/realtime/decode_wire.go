package realtime

import (
	"encoding/json"
	"math"
)

// The objects inside server events. Their methods take nil receivers: a missing object is a zero one.

type wireID struct {
	ID string `json:"id"`
}

type wireItem struct {
	ID        string      `json:"id"`
	Type      ItemType    `json:"type"`
	Status    string      `json:"status"`
	Role      string      `json:"role"`
	Content   []*wirePart `json:"content"`
	Name      string      `json:"name"`
	CallID    string      `json:"call_id"`
	Arguments string      `json:"arguments"`
	Output    string      `json:"output"`
}

func (w *wireItem) item() Item {
	if w == nil {
		return Item{}
	}
	it := Item{ID: w.ID, Type: w.Type, Status: w.Status, Role: w.Role,
		Name: w.Name, CallID: w.CallID, Arguments: w.Arguments, Output: w.Output}
	for _, p := range w.Content {
		it.Content = append(it.Content, p.part())
	}
	return it
}

// wirePart is a content part. Items name the assistant's parts as the dialect does, part events may name them in either
// way.
type wirePart struct {
	Type       string      `json:"type"`
	Text       string      `json:"text"`
	Transcript Opt[string] `json:"transcript"`
}

var partKinds = map[string]PartKind{
	"input_text": PartInputText, "input_audio": PartInputAudio,
	"text": PartOutputText, "output_text": PartOutputText,
	"audio": PartOutputAudio, "output_audio": PartOutputAudio,
}

func (w *wirePart) part() Part {
	if w == nil {
		return Part{}
	}
	return Part{Kind: partKinds[w.Type], Text: w.Text, Transcript: w.Transcript}
}

type wireResponse struct {
	ID             string            `json:"id"`
	Status         string            `json:"status"`
	Details        wireDetails       `json:"status_details"`
	Output         []*wireItem       `json:"output"`
	Usage          *wireUsage        `json:"usage"`
	Metadata       map[string]string `json:"metadata"`
	ConversationID Opt[string]       `json:"conversation_id"`
}

// response reads the response of the event. An explicit null conversation means out-of-band in GA; in the other dialect
// it means that the server has nothing to say.
func (w *wireEvent) response() Response {
	r := w.Response
	if r == nil {
		return Response{}
	}
	out := Response{ID: r.ID, Status: r.Status, Reason: r.Details.Reason, Usage: r.Usage.usage(), Metadata: r.Metadata,
		ConversationID: r.ConversationID.Or(""),
		OutOfBand:      r.ConversationID.IsNull() && w.decoder.dialect == DialectGA}
	if r.Details.Error != nil {
		e := r.Details.Error.error()
		out.Error = &e
	}
	for _, it := range r.Output {
		out.Output = append(out.Output, it.item())
	}
	return out
}

// wireDetails is an object, null, or on some servers a plain string.
type wireDetails struct {
	Reason string     `json:"reason"`
	Error  *wireError `json:"error"`
}

// UnmarshalJSON never fails on well-formed JSON.
func (w *wireDetails) UnmarshalJSON(data []byte) error {
	*w = wireDetails{}
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &w.Reason)
	}
	type plain wireDetails // without this method
	return unlessMistyped(json.Unmarshal(data, (*plain)(w)))
}

type wireUsage struct {
	Total  int `json:"total_tokens"`
	Input  int `json:"input_tokens"`
	Output int `json:"output_tokens"`
	In     struct {
		Text   int `json:"text_tokens"`
		Audio  int `json:"audio_tokens"`
		Cached int `json:"cached_tokens"`
	} `json:"input_token_details"`
	Out struct {
		Text  int `json:"text_tokens"`
		Audio int `json:"audio_tokens"`
	} `json:"output_token_details"`
}

func (w *wireUsage) usage() *Usage {
	if w == nil {
		return nil
	}
	return &Usage{Total: w.Total, Input: w.Input, Output: w.Output,
		InputText: w.In.Text, InputAudio: w.In.Audio, InputCached: w.In.Cached,
		OutputText: w.Out.Text, OutputAudio: w.Out.Audio}
}

type wireLimit struct {
	Name         string  `json:"name"`
	Limit        float64 `json:"limit"`
	Remaining    float64 `json:"remaining"`
	ResetSeconds float64 `json:"reset_seconds"`
}

type wireError struct {
	Type    string `json:"type"`
	Code    string `json:"code"`
	Message string `json:"message"`
	Param   string `json:"param"`
	EventID string `json:"event_id"`
}

func (w *wireError) error() Error {
	if w == nil {
		return Error{}
	}
	return Error{Type: w.Type, Code: w.Code, Message: w.Message, Param: w.Param, EventID: w.EventID}
}

// milliseconds is whole; a server that sends fractions is rounded down.
type milliseconds int

// UnmarshalJSON never fails on well-formed JSON.
func (m *milliseconds) UnmarshalJSON(data []byte) error {
	*m = 0
	var f float64
	if err := json.Unmarshal(data, &f); err != nil {
		return unlessMistyped(err)
	}
	if math.Abs(f) < math.MaxInt32 {
		*m = milliseconds(math.Floor(f))
	}
	return nil
}

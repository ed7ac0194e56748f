package realtime

import (
	"encoding/base64"
	"encoding/json"
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
	Phase     string      `json:"phase"`
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
	it := Item{ID: w.ID, Type: w.Type, Status: w.Status, Role: w.Role, Phase: w.Phase,
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
	Audio      string      `json:"audio"`
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
	p := Part{Kind: partKinds[w.Type], Text: w.Text, Transcript: w.Transcript}
	if audio, err := base64.StdEncoding.DecodeString(w.Audio); err == nil && len(audio) > 0 {
		p.Audio = audio
	}
	return p
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
	Total   count   `json:"total_tokens"`
	Input   count   `json:"input_tokens"`
	Output  count   `json:"output_tokens"`
	Seconds seconds `json:"seconds"` // of transcriptions that are billed by time
	In      struct {
		Text   count `json:"text_tokens"`
		Audio  count `json:"audio_tokens"`
		Image  count `json:"image_tokens"`
		Cached count `json:"cached_tokens"`
		Parts  struct {
			Text  count `json:"text_tokens"`
			Audio count `json:"audio_tokens"`
			Image count `json:"image_tokens"`
		} `json:"cached_tokens_details"`
	} `json:"input_token_details"`
	Out struct {
		Text  count `json:"text_tokens"`
		Audio count `json:"audio_tokens"`
	} `json:"output_token_details"`
}

func (w *wireUsage) usage() *Usage {
	if w == nil {
		return nil
	}
	return &Usage{Total: int(w.Total), Input: int(w.Input), Output: int(w.Output),
		InputText: int(w.In.Text), InputAudio: int(w.In.Audio), InputCached: int(w.In.Cached),
		OutputText: int(w.Out.Text), OutputAudio: int(w.Out.Audio),
		CachedText: int(w.In.Parts.Text), CachedAudio: int(w.In.Parts.Audio), CachedImage: int(w.In.Parts.Image),
		InputImage: int(w.In.Image)}
}

func (w *wireUsage) transcription() TranscriptionUsage {
	if w == nil {
		return TranscriptionUsage{}
	}
	return TranscriptionUsage{Seconds: float64(w.Seconds), Total: int(w.Total), Input: int(w.Input), Output: int(w.Output),
		InputText: int(w.In.Text), InputAudio: int(w.In.Audio)}
}

type wireLimit struct {
	Name         string  `json:"name"`
	Limit        count   `json:"limit"`
	Remaining    count   `json:"remaining"`
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

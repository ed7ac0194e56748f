package realtime

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Encode appends the JSON text of ev in dialect d to dst. Members that the dialect has no word for are left out, as the
// fields' comments say; an event that would mean something else without them is an error. The error is one of the event,
// not of a connection.
func Encode(dst []byte, d Dialect, ev ClientEvent) ([]byte, error) {
	if a, ok := ev.(*AudioAppend); ok {
		return appendAudio(dst, a.Audio), nil
	}
	m, err := message(d.codec(), ev)
	if err != nil {
		return dst, fmt.Errorf("encode %s event for the %s dialect: %w", m.Type, d, err)
	}
	out, err := appendJSON(dst, m)
	if err != nil {
		return dst, fmt.Errorf("encode %s event: %w", m.Type, err)
	}
	return out, nil
}

// clientMessage is any client event on the wire but the append.
type clientMessage struct {
	Type           string   `json:"type"`
	EventID        string   `json:"event_id,omitempty"`
	Session        any      `json:"session,omitempty"`
	PreviousItemID string   `json:"previous_item_id,omitempty"`
	Item           *outItem `json:"item,omitempty"`
	ItemID         string   `json:"item_id,omitempty"`
	ContentIndex   Opt[int] `json:"content_index,omitzero"`
	AudioEndMS     Opt[int] `json:"audio_end_ms,omitzero"`
	Response       any      `json:"response,omitempty"`
	ResponseID     string   `json:"response_id,omitempty"`
}

// message turns ev into its wire form. The type is set also when there is an error.
func message(c codec, ev ClientEvent) (m clientMessage, err error) {
	switch ev := ev.(type) {
	case *SessionUpdate:
		m = clientMessage{Type: "session.update", EventID: ev.EventID}
		m.Session, err = c.session(&ev.Session)
		return m, err
	case *AudioCommit:
		return clientMessage{Type: "input_audio_buffer.commit", EventID: ev.EventID}, nil
	case *AudioClear:
		return clientMessage{Type: "input_audio_buffer.clear", EventID: ev.EventID}, nil
	case *OutputAudioClear:
		return clientMessage{Type: "output_audio_buffer.clear", EventID: ev.EventID}, nil
	case *ResponseCreate:
		m = clientMessage{Type: "response.create", EventID: ev.EventID}
		m.Response, err = c.response(&ev.Response)
		return m, err
	case *ResponseCancel:
		return clientMessage{Type: "response.cancel", EventID: ev.EventID, ResponseID: c.cancelID(ev.ResponseID)}, nil
	}
	return itemMessage(c, ev)
}

func itemMessage(c codec, ev ClientEvent) (m clientMessage, err error) {
	switch ev := ev.(type) {
	case *ItemCreate:
		m = clientMessage{Type: "conversation.item.create", EventID: ev.EventID, PreviousItemID: ev.PreviousItemID}
		m.Item, err = encodeItem(c, &ev.Item)
		return m, err
	case *ItemRetrieve:
		return clientMessage{Type: "conversation.item.retrieve", EventID: ev.EventID, ItemID: ev.ItemID}, nil
	case *ItemDelete:
		return clientMessage{Type: "conversation.item.delete", EventID: ev.EventID, ItemID: ev.ItemID}, nil
	case *ItemTruncate:
		return clientMessage{Type: "conversation.item.truncate", EventID: ev.EventID, ItemID: ev.ItemID,
			ContentIndex: Some(ev.ContentIndex), AudioEndMS: Some(ev.AudioEndMS)}, nil
	}
	return clientMessage{Type: fmt.Sprintf("%T", ev)}, errors.New("no such client event")
}

// appendJSON appends v as JSON without escaping for HTML: prompts are full of < and &, and nobody here is a browser.
func appendJSON(dst []byte, v any) ([]byte, error) {
	w := tail(dst)
	enc := json.NewEncoder(&w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return dst, err
	}
	return w[:len(w)-1], nil // Encode ends with a newline
}

// tail is a writer that appends.
type tail []byte

func (t *tail) Write(p []byte) (int, error) {
	*t = append(*t, p...)
	return len(p), nil
}

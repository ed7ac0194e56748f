package realtime

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzRoundTrip: what was read from a server and is written by this side is read and written in the same words again. A
// member that one of the two forgets shows up here.
func FuzzRoundTrip(f *testing.F) {
	addSamples(f, DialectGA)
	addSamples(f, DialectPreview)
	for _, d := range []Dialect{DialectGA, DialectPreview} {
		for _, c := range clientCases {
			if echo, ok := echoed(d, c.ev); ok {
				f.Add(echo)
			}
		}
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		for _, d := range []Dialect{DialectGA, DialectPreview} {
			first, ok := returned(d, msg)
			if !ok {
				continue
			}
			second, ok := returned(d, first)
			if !ok || string(first) != string(second) {
				t.Fatalf("%s dialect: %s\nbecomes %s\n", d, first, second)
			}
		}
	})
}

// returned reads a server event, writes what a client would make of it, and gives that the shape of a server event.
func returned(d Dialect, msg []byte) (echo []byte, ok bool) {
	ev, err := NewDecoder(d).Decode(append([]byte(nil), msg...))
	if err != nil {
		return nil, false
	}
	switch ev := ev.(type) {
	case *SessionUpdated:
		return echoed(d, &SessionUpdate{Session: ev.Session})
	case *SessionCreated:
		return echoed(d, &SessionUpdate{Session: ev.Session})
	case *ItemAdded:
		return echoed(d, &ItemCreate{PreviousItemID: ev.PreviousItemID, Item: ev.Item})
	}
	return nil, false
}

// echoed is the event by which a faithful server answers ev.
func echoed(d Dialect, ev ClientEvent) ([]byte, bool) {
	out, err := Encode(nil, d, ev)
	text := string(out)
	for from, to := range map[string]string{
		"session.update": "session.updated", "conversation.item.create": "conversation.item.added",
	} {
		if rest, ok := strings.CutPrefix(text, `{"type":"`+from+`"`); ok && err == nil {
			return []byte(`{"type":"` + to + `"` + rest), true
		}
	}
	return nil, false
}

// FuzzEncode: no text of a prompt, a caller or a tool breaks out of the JSON it is put into, and it arrives as it was.
func FuzzEncode(f *testing.F) {
	for _, text := range []string{"", "plain", "<b>&\"\\", "\x00\x1f\x7f", "grüß Gott \u2028\u2029 \U0001F600", "\xff\xfe", `"},"type":"x"`} {
		f.Add(text, []byte(text), 7)
	}
	f.Fuzz(func(t *testing.T, text string, audio []byte, n int) {
		for _, d := range []Dialect{DialectGA, DialectPreview} {
			for _, ev := range wordy(text, audio, n) {
				checkWords(t, d, ev, text)
			}
		}
	})
}

// wordy are client events that hold text wherever text can be.
func wordy(text string, audio []byte, n int) []ClientEvent {
	item := Item{ID: text, Type: ItemMessage, Role: text, Content: []Part{{Kind: PartInputText, Text: text},
		{Kind: PartInputAudio, Audio: audio, Transcript: Some(text)}}}
	tools := Some([]Tool{{Name: text, Description: text, Parameters: json.RawMessage(`{}`)}})
	return []ClientEvent{
		&SessionUpdate{EventID: text, Session: Session{Instructions: Some(text), Voice: Some(text), Tools: tools, ToolChoice: text,
			Transcription: Some(Transcription{Model: text, Keywords: []string{text}}), Tracing: Some(Tracing{Group: text}),
			TurnDetection: Some(TurnDetection{Type: text, Eagerness: text, IdleTimeoutMS: Some(n)}), MaxOutputTokens: TokenLimit(n)}},
		&AudioAppend{Audio: audio},
		&ItemCreate{EventID: text, PreviousItemID: text, Item: item},
		&ItemCreate{EventID: text, Item: Item{Type: ItemFunctionCall, Name: text, CallID: text, Arguments: text}},
		&ItemCreate{EventID: text, Item: Item{Type: ItemFunctionCallOutput, CallID: text, Output: text}},
		&ItemTruncate{EventID: text, ItemID: text, ContentIndex: n, AudioEndMS: n},
		&ResponseCreate{EventID: text, Response: ResponseOptions{Instructions: text, Voice: text, Metadata: map[string]string{text: text}}},
		&ResponseCreate{EventID: text, Response: ResponseOptions{Input: []Item{item}, OutOfBand: true}},
		&ResponseCancel{EventID: text, ResponseID: text},
	}
}

func checkWords(t *testing.T, d Dialect, ev ClientEvent, text string) {
	out, err := Encode(nil, d, ev)
	if err != nil {
		return // the dialect has no such event, or the choice of a tool has no name
	}
	var back struct {
		Type    string `json:"type"`
		EventID string `json:"event_id"`
	}
	if err := json.Unmarshal(out, &back); err != nil || back.Type == "" {
		t.Fatalf("%s dialect: %T is %s: %v", d, ev, out, err)
	}
	if _, silent := ev.(*AudioAppend); !silent && utf8.ValidString(text) && back.EventID != text {
		t.Fatalf("%s dialect: %T with %q arrives with %q", d, ev, text, back.EventID)
	}
	if !utf8.Valid(out) {
		t.Fatalf("%s dialect: %T is no UTF-8: %q", d, ev, out)
	}
}

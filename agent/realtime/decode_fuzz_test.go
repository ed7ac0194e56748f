package realtime

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// addSamples seeds a target with every sample of a dialect, and with what breaks careless readers.
func addSamples(f *testing.F, d Dialect) {
	for _, s := range readSections(f, "testdata/decode_"+d.String()+".txtar") {
		sample, _, _ := strings.Cut(s.text, "\n=> ")
		f.Add([]byte(sample))
	}
	for _, msg := range hostile {
		if len(msg) < 4096 {
			f.Add([]byte(msg))
		}
	}
}

// oracle is an audio delta as encoding/json reads it.
type oracle struct {
	Type         string `json:"type"`
	ResponseID   string `json:"response_id"`
	ItemID       string `json:"item_id"`
	OutputIndex  int    `json:"output_index"`
	ContentIndex int    `json:"content_index"`
	Delta        []byte `json:"delta"`
}

// FuzzScan holds the scan to encoding/json: it may decline a message, but not read it in another way.
func FuzzScan(f *testing.F) {
	addSamples(f, DialectGA)
	addSamples(f, DialectPreview)
	f.Add([]byte("{\"type\":\"response.audio.delta\",\"delta\":\"AAEC\nAAE\"}"))
	f.Add([]byte(`{"type":"response.audio.delta","delta":"AAEC","Delta":"AwQF"}`))
	f.Add([]byte(`{"type":"response.audio.delta","output_index":01,"delta":"AAEC"}`))
	f.Fuzz(func(t *testing.T, msg []byte) {
		var want oracle
		wantErr := json.Unmarshal(msg, &want)
		span, ok := scanAudio(msg)
		if !ok {
			return
		}
		got := oracle{want.Type, string(span.responseID), string(span.itemID), span.outputIndex, span.contentIndex, nil}
		var err error
		got.Delta, err = decodeInPlace(span.delta)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("scan says %v, encoding/json says %v", err, wantErr)
		}
		if err == nil && (!reflect.DeepEqual(got, want) || !strings.HasSuffix(got.Type, "audio.delta")) {
			t.Fatalf("scan reads %+v, encoding/json %+v", got, want)
		}
	})
}

// FuzzDecodeGA: no message brings the decoder down, and what is read as an event is in the ranges that the types promise.
func FuzzDecodeGA(f *testing.F) { fuzzDecode(f, DialectGA) }

// FuzzDecodePreview is FuzzDecodeGA for the other dialect.
func FuzzDecodePreview(f *testing.F) { fuzzDecode(f, DialectPreview) }

func fuzzDecode(f *testing.F, d Dialect) {
	addSamples(f, d)
	f.Fuzz(func(t *testing.T, msg []byte) {
		dec := NewDecoder(d)
		ev, err := dec.Decode(bytes.Clone(msg))
		if (ev == nil) == (err == nil) {
			t.Fatalf("both or neither: event %v, error %v", ev, err)
		}
		if err != nil {
			return
		}
		serverFamily(ev)
		checkRanges(t, ev)
		if first, second := show(ev), decoded(dec, string(msg)); first != second {
			t.Fatalf("read as %s and the second time as %s", first, second)
		}
	})
}

// checkRanges: what a client counts with is never negative, and a time is one.
func checkRanges(t *testing.T, ev ServerEvent) {
	switch ev := ev.(type) {
	case *ResponseDone:
		checkUsage(t, ev.Response.Usage)
	case *TranscriptionCompleted:
		if u := ev.Usage; u.Seconds < 0 || min(u.Total, u.Input, u.Output, u.InputText, u.InputAudio) < 0 {
			t.Fatalf("usage %+v", u)
		}
	case *TranscriptionSegment:
		if ev.Start < 0 || ev.End < 0 {
			t.Fatalf("segment from %v to %v", ev.Start, ev.End)
		}
	case *SpeechStopped:
		if ev.AudioEndMS < 0 {
			t.Fatalf("speech ends at %d ms", ev.AudioEndMS)
		}
	case *SessionCreated:
		if at := ev.Session.ExpiresAt; !at.IsZero() && (at.Unix() < 0 || at.Year() > 9999) {
			t.Fatalf("session expires at %v", at)
		}
	case *AudioDelta:
		if ev.OutputIndex < 0 || ev.ContentIndex < 0 {
			t.Fatalf("audio at %+v", ev.Loc)
		}
	}
}

func checkUsage(t *testing.T, u *Usage) {
	if u == nil {
		return
	}
	v := reflect.ValueOf(*u)
	for i := range v.NumField() {
		if v.Field(i).Int() < 0 {
			t.Fatalf("usage %+v", *u)
		}
	}
}

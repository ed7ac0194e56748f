package realtime

import (
	"strings"
	"testing"
)

func TestR13UnreadMembersAreCounted(t *testing.T) {
	for text, want := range map[string]int64{
		`{"type":"error","event_id":"e","obfuscation":"x","error":{"future":1}}`:                  0,
		`{"type":"error","future":1,"error":{"a":[{"b":1},2]},"more":{"type":[{"x":",\"y\":"}]}}`: 2,
		`{"type":"error" , "fut\"ure" : "a,b" , "\\" : {} }`:                                      2,
		`{"type":"response.audio.delta","delta":"AAEC","seq":7,"final":true}`:                     2,
		`{"type":"response.audio.delta","delta":"AA\u0045C","seq":7,"nested":{"delta":1}}`:        2,
		`{"type":"response.future","a":1,"b":2}`:                                                  0, // nothing of it is read
	} {
		dec := NewDecoder(DialectGA)
		if _, err := dec.Decode([]byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if dec.unread != want {
			t.Errorf("%s: %d members are unread, want %d", text, dec.unread, want)
		}
	}
}

// TestNothingOfTheProtocolIsUnread holds the decoder to the samples from the descriptions of the protocol.
func TestNothingOfTheProtocolIsUnread(t *testing.T) {
	for _, d := range []Dialect{DialectGA, DialectPreview} {
		dec := NewDecoder(d)
		for _, s := range readSections(t, "testdata/decode_"+d.String()+".txtar") {
			sample, _, _ := strings.Cut(s.text, "\n=> ")
			before := dec.unread
			if decoded(dec, sample); strings.HasPrefix(s.name, "spec: ") && dec.unread != before {
				t.Errorf("%s dialect, %s: %d members are unread", d, s.name, dec.unread-before)
			}
		}
	}
}

// TestOddMembersCostNoEvent: a known event is an event whatever its members hold. Audio alone has to be audio.
func TestOddMembersCostNoEvent(t *testing.T) {
	for _, msg := range Hostile()[len(hostile):] {
		for _, d := range []Dialect{DialectGA, DialectPreview} {
			if _, err := NewDecoder(d).Decode([]byte(msg)); err != nil && !strings.Contains(msg[:40], "audio.delta") {
				t.Errorf("%s dialect: %.200s…: %v", d, msg, err)
			}
		}
	}
}

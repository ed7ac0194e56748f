package sdp

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestParseReadsEveryPart(t *testing.T) {
	s := mustParse(t, lines(
		"v=0", "o=mod 12 3 IN IP4 192.0.2.1", "s=call", "c=IN IP4 192.0.2.9", "t=0 0", "a=sendonly", "a=maxptime:40",
		"m=audio 40000/2 RTP/AVP 8 96 101", "a=rtpmap:96 pcmu/8000/1", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15", "a=ptime:30",
		"m=video 40010 RTP/AVP 99", "c=IN IP6 2001:db8::1", "a=inactive",
	))
	if got := s.Origin; got != (Origin{"mod", "12", "3", "192.0.2.1"}) {
		t.Errorf("origin = %+v", got)
	}
	if len(s.Media) != 2 {
		t.Fatalf("%d streams, want 2", len(s.Media))
	}
	a, v := s.Media[0], s.Media[1]
	if a.Port != 40000 || a.Proto != "RTP/AVP" || a.Addr != netip.MustParseAddr("192.0.2.9") {
		t.Errorf("audio = %+v", a)
	}
	if a.Direction != SendOnly || a.PTime != 30*time.Millisecond || a.MaxPTime != 40*time.Millisecond {
		t.Errorf("audio flow = %v %v %v", a.Direction, a.PTime, a.MaxPTime)
	}
	want := []Codec{
		{PayloadType: 8, Name: "pcma", Clock: 8000, Channels: 1},
		{PayloadType: 96, Name: "pcmu", Clock: 8000, Channels: 1},
		{PayloadType: 101, Name: "telephone-event", Clock: 8000, Channels: 1, Fmtp: "0-15"},
	}
	for i := range want {
		if a.Codecs[i] != want[i] {
			t.Errorf("codec %d = %+v, want %+v", i, a.Codecs[i], want[i])
		}
	}
	if a.EventPT() != 101 || v.EventPT() != -1 {
		t.Errorf("event types = %d, %d", a.EventPT(), v.EventPT())
	}
	if v.Direction != Inactive || v.Addr != netip.MustParseAddr("2001:db8::1") {
		t.Errorf("video = %v %v", v.Direction, v.Addr)
	}
}

func TestParseToleratesWhatTrunksSend(t *testing.T) {
	const audio = "m=audio 40000 RTP/AVP 0"
	for name, body := range map[string]string{
		"no s= and no t=":       "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.1\r\n" + audio + "\r\n",
		"no final newline":      "v=0\r\nc=IN IP4 192.0.2.1\r\n" + audio,
		"bare line feeds":       "v=0\nc=IN IP4 192.0.2.1\n" + audio + "\na=sendrecv\n",
		"a= before t=":          "v=0\r\nc=IN IP4 192.0.2.1\r\na=group:BUNDLE 0\r\nt=0 0\r\n" + audio + "\r\n",
		"unknown types":         "v=0\r\nX=what\r\n?\r\n\r\nc=IN IP4 192.0.2.1\r\n" + audio + "\r\nz=1\r\n",
		"negative session id":   "v=0\r\no=- -17 99999999999999999999999 IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.1\r\n" + audio + "\r\n",
		"c= after a=":           "v=0\r\n" + audio + "\r\na=sendrecv\r\nc=IN IP4 192.0.2.1\r\n",
		"broken o=":             "v=0\r\no=x\r\nc=IN IP4 192.0.2.1\r\n" + audio + "\r\n",
		"trailing spaces":       "v=0 \r\nc=IN IP4 192.0.2.1 \r\n" + audio + " \r\n",
		"multicast TTL":         "c=IN IP4 192.0.2.1/127\r\n" + audio + "\r\n",
		"c= of a stream only":   audio + "\r\nc=IN IP4 192.0.2.1\r\n",
		"fractional ptime":      "c=IN IP4 192.0.2.1\r\n" + audio + "\r\na=ptime:20.0\r\n",
		"nonsense attributes":   "c=IN IP4 192.0.2.1\r\n" + audio + "\r\na=ptime:x\r\na=rtpmap:999 a/8000\r\na=rtpmap\r\na=:\r\na=\r\n",
		"upper case attributes": "c=IN IP4 192.0.2.1\r\n" + audio + "\r\na=SendRecv\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			n, _, err := Answer(mustParse(t, body), testLocal)
			if err != nil {
				t.Fatal(err)
			}
			if n.Remote != netip.MustParseAddrPort("192.0.2.1:40000") || n.PTime != 20*time.Millisecond {
				t.Errorf("remote %v ptime %v", n.Remote, n.PTime)
			}
		})
	}
}

func TestParseRefusesWhatItCannotRead(t *testing.T) {
	for name, body := range map[string]string{
		"m= too short":         "m=audio\r\n",
		"m= port is a word":    "m=audio x RTP/AVP 0\r\n",
		"m= port too large":    "m=audio 65536 RTP/AVP 0\r\n",
		"m= port is negative":  "m=audio -1 RTP/AVP 0\r\n",
		"m= control character": "m=au\x00dio 1 RTP/AVP 0\r\n",
		"m= not ASCII":         "m=audiö 1 RTP/AVP 0\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			var syntax *SyntaxError
			if _, err := Parse([]byte(body)); !errors.As(err, &syntax) || syntax.Line != 1 {
				t.Errorf("err = %v, want a syntax error in line 1", err)
			}
		})
	}
	for name, body := range map[string]string{
		"bytes": strings.Repeat("a", MaxBytes+1),
		"lines": strings.Repeat("\n", MaxLines),
		"media": strings.Repeat("m=audio 1 RTP/AVP 0\n", MaxMedia+1),
	} {
		if _, err := Parse([]byte(body)); !errors.Is(err, ErrTooLarge) {
			t.Errorf("too many %s: err = %v", name, err)
		}
	}
}

func TestSyntaxErrorKeepsTheTextOut(t *testing.T) {
	_, err := Parse([]byte("m=audio inline:c2VjcmV0 RTP/SAVP 0"))
	if err == nil || strings.Contains(err.Error(), "c2VjcmV0") {
		t.Errorf("err = %v", err)
	}
}

func mustParse(t *testing.T, body string) *Session {
	t.Helper()
	s, err := Parse([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func lines(l ...string) string { return strings.Join(l, "\r\n") + "\r\n" }

package sipua

import (
	"net"
	"slices"
	"testing"

	"github.com/emiago/sipgo/sip"
)

// fakeConn is just an address, for building messages.
type fakeConn struct{ net.Conn }

func (fakeConn) LocalAddr() net.Addr { return &net.UDPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 5060} }

func TestParseReason(t *testing.T) {
	for value, want := range map[string]Reason{
		`Q.850;cause=16;text="Normal; call, clearing"`:                   {"Q.850", 16, "Normal; call, clearing"},
		`SIP ;cause=200 ;text="Call completed elsewhere", Q.850;cause=3`: {"SIP", 200, "Call completed elsewhere"},
		`Q.850`:              {"Q.850", 0, ""},
		`Q.850;cause=x`:      {"Q.850", 0, ""},
		``:                   {},
		`SIP;TEXT=a;CAUSE=5`: {"SIP", 5, "a"},
	} {
		if got := parseReason(value); got != want {
			t.Errorf("%s: %+v, want %+v", value, got, want)
		}
		if again := parseReason(want.String()); want.Protocol != "" && again != want {
			t.Errorf("%s reads back as %+v", want, again)
		}
	}
}

func TestClean(t *testing.T) {
	if got := clean("Busy\r\nX-Evil: 1\x00"); got != "Busy  X-Evil: 1 " {
		t.Errorf("clean = %q", got)
	}
}

func TestRequestHeaders(t *testing.T) {
	p := &peer{transport: "udp", callID: "1@test", conn: fakeConn{}, contact: "sip:a@b"}
	raw := p.request("INVITE", 1, "", testOffer, "k: timer", "Diversion: <sip:1@a>", "Diversion: <sip:2@b>", "X-Fold: a\r\n b")
	msg, err := newParser().ParseSIP([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	msg.SetSource("[::ffff:192.0.2.7]:5062")
	r := snapshot(msg.(*sip.Request), "carrier")
	for name, want := range map[string][]string{
		"SUPPORTED": {"timer"}, "diversion": {"<sip:1@a>", "<sip:2@b>"}, "X-Fold": {"a b"}, "none": nil,
	} {
		if got := r.Headers(name); !slices.Equal(got, want) {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if r.From.Display != "Caller" || r.From.URI.User != "+15557654321" || r.RequestURI.User != "+15551230001" || r.Source.String() != "192.0.2.7:5062" {
		t.Errorf("request %+v", r)
	}
	if string(r.Body) != testOffer || r.ContentType != "application/sdp" || r.Peer != "carrier" {
		t.Errorf("request %+v", r)
	}
}

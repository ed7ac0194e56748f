package sipua

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

// What is wrong, and the response it deserves. Each case edits a good INVITE.
var malformed = []struct {
	name   string
	status int
	edit   func(string) string
	header string // a header line that the response must have
}{
	{"version", 505, replace("trunkline.test SIP/2.0\r\nVia", "trunkline.test SIP/7.0\r\nVia"), ""},
	{"CSeq method", 400, replace("CSeq: 1 INVITE", "CSeq: 1 BYE"), ""},
	{"no From tag", 400, replace(";tag=from-1", ""), ""},
	{"two From", 400, replace("Call-ID:", "From: <sip:x@y>;tag=2\r\nCall-ID:"), ""},
	{"two CSeq", 400, replace("Call-ID:", "CSeq: 2 INVITE\r\nCall-ID:"), ""},
	{"no Contact", 400, replace("Contact:", "X-Contact:"), ""},
	{"star Contact", 400, func(s string) string {
		a, b, _ := strings.Cut(s, "Contact: ")
		_, b, _ = strings.Cut(b, "\r\n")
		return a + "Contact: *\r\n" + b
	}, ""},
	{"endless Call-ID", 400, replace("Call-ID: ", "Call-ID: "+strings.Repeat("x", 600)), ""},
	{"endless branch", 400, replace("branch=", "branch=z9hG4bK"+strings.Repeat("x", 600)), ""},
	{"sips", 416, replace("INVITE sip:", "INVITE sips:"), ""},
	{"Require", 420, replace("Max-Forwards", "Require: 100rel , frob\r\nRequire: Timer,grob\r\nMax-Forwards"), "Unsupported: frob, grob"},
	{"text body", 415, replace("application/sdp", "text/plain"), "Accept: application/sdp"},
	{"untyped body", 415, replace("Content-Type: application/sdp\r\n", ""), "Accept: application/sdp"},
	{"packed body", 415, replace("Max-Forwards", "e: gzip\r\nMax-Forwards"), "Accept: application/sdp"},
	{"multipart without SDP", 415, replace("application/sdp", `multipart/mixed;boundary="b"`), "Accept: application/sdp"},
	{"unknown method", 405, func(s string) string { return strings.ReplaceAll(s, "INVITE", "FROBNICATE") }, "Allow: " + allowed},
	{"extensions that are served", 404, replace("Max-Forwards", "Require: 100rel, timer\r\nMax-Forwards"), ""},
	{"good", 404, replace("", ""), ""},
	{"Max-Forwards 0 at the end of the path", 404, replace("Max-Forwards: 70", "Max-Forwards: 0"), ""},
	{"no Max-Forwards", 404, replace("Max-Forwards: 70\r\n", ""), ""},
	{"compact forms", 404, func(s string) string {
		return strings.NewReplacer("From:", "f:", "To:", "t:", "Call-ID:", "i:", "Via:", "v:", "Contact:", "m:", "Content-Type:", "c:", "Content-Length:", "l:").Replace(s)
	}, ""},
	{"tel URI", 404, replace("INVITE sip:+15551230001@trunkline.test", "INVITE tel:+15551230001"), ""},
	{"typed with parameters", 404, replace("application/sdp", "Application/SDP; charset=utf-8"), ""},
}

func replace(old, new string) func(string) string {
	return func(s string) string { return strings.Replace(s, old, new, 1) }
}

func TestMalformedRequests(t *testing.T) {
	u := start(t, Config{})
	for _, transport := range transports {
		for _, tc := range malformed {
			t.Run(transport+" "+tc.name, func(t *testing.T) {
				p := dial(t, transport, u.listening(transport))
				p.send(tc.edit(p.request("INVITE", 1, "", testOffer)))
				m := p.until("final response", func(m message) bool { return m.status() >= 200 })
				if m.status() != tc.status {
					t.Errorf("got %q, want %d", m.start, tc.status)
				}
				if name, value, ok := strings.Cut(tc.header, ": "); ok && m.headers.Get(name) != value {
					t.Errorf("%s: %q, want %q", name, m.headers.Get(name), value)
				}
				if !strings.HasPrefix(m.start, "SIP/2.0 ") || m.headers.Get("Server") != "" || m.headers.Get("User-Agent") != "" {
					t.Errorf("response %q %v", m.start, m.headers)
				}
			})
		}
	}
}

// Junk gets a 400 or silence, and the next caller gets service.
func TestJunk(t *testing.T) {
	u := start(t, Config{})
	p := dial(t, "udp", u.listening("udp"))
	good := p.request("OPTIONS", 1, "", "")
	for _, junk := range []string{
		"\r\n", "\r\n\r\n", "\x00\x00\x00", "hello\r\n\r\n", strings.Repeat("A", 60000),
		"INVITE\r\n\r\n", "INVITE sip: SIP/2.0\r\n\r\n", "SIP/2.0 200 OK\r\n\r\n", "SIP/2.0 99999 OK\r\nVia: x\r\n\r\n",
		replace("CSeq: 1 OPTIONS", "CSeq: x OPTIONS")(good), replace("CSeq: 1 OPTIONS\r\n", "")(good),
		replace("Call-ID:", "X:")(good), replace("From:", "X:")(good), replace("To:", "X:")(good), replace("Via:", "X:")(good),
		replace("Content-Length: 0", "Content-Length: -1")(good), replace("Content-Length: 0", "Content-Length: 99999999999")(good),
		good[:len(good)/2], strings.ReplaceAll(good, "\r\n", "\n"),
	} {
		p.send(junk)
	}
	p.callID = newCallID()
	m := p.want(200, "7 OPTIONS", p.request("OPTIONS", 7, "", ""))
	if m.headers.Get("Allow") != allowed {
		t.Errorf("Allow %q", m.headers.Get("Allow"))
	}
	if s := u.Stats(); s.Panics != 0 || s.Malformed == 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestMultipartOffer(t *testing.T) {
	bodies := make(chan string, 1)
	u := start(t, Config{Invite: func(_ context.Context, d *Dialog) {
		bodies <- string(d.Request().Body)
		_ = d.Reject(486, "Busy Here")
	}})
	p := dial(t, "udp", u.listening("udp"))
	body := "--b1\r\nContent-Type: application/isup\r\n\r\n\x01\x02\r\n--b1\r\nContent-Type: application/sdp\r\n\r\n" + testOffer + "\r\n--b1--\r\n"
	p.want(486, "1 INVITE", replace("application/sdp", "multipart/mixed; boundary=b1")(p.request("INVITE", 1, "", body)))
	if got := recv(t, bodies); got != testOffer {
		t.Errorf("offer %q", got)
	}
}

// FuzzRequest runs any datagram through everything that touches it before a call
// exists, in the order of the real path.
func FuzzRequest(f *testing.F) {
	p := &peer{transport: "udp", callID: "1@test", conn: fakeConn{}, contact: "sip:a@b"}
	good := p.request("INVITE", 1, "", testOffer, "Record-Route: <sip:a;lr>, \"x,y\" <sip:b>", "Reason: SIP;cause=1;text=\"a\\\"b\"", "P-Asserted-Identity: <tel:+1>, \"B\" <sip:c@d>")
	for _, tc := range malformed {
		f.Add([]byte(tc.edit(good)))
	}
	u := &UA{parser: newParser(), registry: newRegistry(10, 0), tagger: newTagger(), strangers: newBucket(1e9, 1e9), log: discardLogger()}
	u.conns, u.floods = newConns(u), newFloods(-1, &u.counters)
	src := netip.MustParseAddrPort("192.0.2.1:5060")
	f.Fuzz(func(t *testing.T, data []byte) {
		u.forbid(data, src, "UDP")
		msg, err := u.parser.ParseSIP(data)
		if err != nil {
			return
		}
		msg.SetSource(src.String())
		msg.SetTransport("UDP")
		u.arrive(msg)
		req, ok := msg.(*sip.Request)
		if !ok || screenForm(req) != nil {
			return
		}
		_ = newResponse(req, 200, "OK").String()
		_, _ = screenMethod(req, u.tags), reasonOf(req)
		_, _ = u.screenSession(req), leastAsk(req)
		_, _, _ = parseRAck(firstValue(req, "rack", ""))
		_, _ = digitOf(req)
		if req.IsInvite() && screenInvite(req) == nil {
			_ = snapshot(req, "")
			uri, routes := aim(routeSet(req), req.Contact().Address)
			hop := nextHop(routes, uri)
			_, _ = uri.String(), hop.String()
		}
		if u.counters.panics.Load() > 0 {
			t.Fatal("panic on the way")
		}
	})
}

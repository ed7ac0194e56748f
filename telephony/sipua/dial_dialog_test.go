package sipua

import (
	"context"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

// Reliable provisional responses are acknowledged in order (RFC 3262 §4), and their
// description holds when the 200 brings none (§5).
func TestDialAcknowledgesProvisional(t *testing.T) {
	u := start(t, Config{})
	c := newCallee(t, u)
	progress, bodies := make(chan Progress, 10), make(chan string, 1)
	done := place(t, u, DialRequest{URI: c.uri(),
		Progress: func(p Progress) { progress <- p },
		Accept:   func(_ *Dialog, answer []byte) error { bodies <- string(answer); return nil },
		Serve:    func(context.Context, *Dialog) {}})
	m := c.expect("INVITE")
	if m.headers.Get("Supported") != "timer, 100rel" {
		t.Errorf("Supported: %q", m.headers.Get("Supported"))
	}
	c.send(c.reply(m, 183, "end", testAnswer, "Require: 100rel", "RSeq: 41"))
	prack := c.expect("PRACK")
	if prack.headers.Get("Rack") != "41 1 INVITE" || prack.cseq() != "2 PRACK" || prack.toTag() != "end" {
		t.Errorf("PRACK %v", prack.headers)
	}
	c.send(c.okFor(prack))
	c.send(c.reply(m, 183, "end", testAnswer, "Require: 100rel", "RSeq: 41")) // our PRACK crossed it
	c.send(c.reply(m, 180, "end", "", "Require: 100rel", "RSeq: 43"))         // 42 is missing
	c.send(c.reply(m, 182, "end", "", "Require: precondition,100rel", "RSeq: 42"))
	second := c.expect("PRACK")
	if second.headers.Get("Rack") != "42 1 INVITE" || second.cseq() != "3 PRACK" {
		t.Errorf("PRACK %v", second.headers)
	}
	c.send(c.okFor(second))
	c.want(500, "5 UPDATE", c.own("UPDATE", 5, "end", testOffer)) // one offer at a time
	c.want(200, "6 UPDATE", c.own("UPDATE", 6, "end", ""))
	c.send(c.reply(m, 200, "end", ""))
	if ack := c.expect("ACK"); ack.cseq() != "1 ACK" {
		t.Errorf("ACK %v", ack.headers)
	}
	if bye := c.expect("BYE"); bye.cseq() != "4 BYE" {
		t.Errorf("BYE %v", bye.headers)
	} else {
		c.send(c.okFor(bye))
	}
	if err := recv(t, done); err != nil {
		t.Error(err)
	}
	if body := recv(t, bodies); body != testAnswer {
		t.Errorf("answer %q", body)
	}
	if a, b := recv(t, progress), recv(t, progress); a.Status != 183 || b.Status != 182 || len(progress) != 0 {
		t.Errorf("progress %+v %+v and %d more", a, b, len(progress))
	}
}

// A proxy may ask for credentials for a BYE, too.
func TestDialChallengedBye(t *testing.T) {
	u := start(t, Config{})
	for _, password := range []string{"secret", ""} {
		c := newCallee(t, u)
		r := DialRequest{URI: c.uri(), Serve: func(context.Context, *Dialog) {}}
		if password != "" {
			r.Credentials = Credentials{"user", password}
		}
		done := place(t, u, r)
		c.answer()
		first := c.expect("BYE")
		c.send(c.reply(first, 407, "end", "", `Proxy-Authenticate: Digest realm="p", nonce="1"`))
		if password != "" {
			second := c.until("another BYE", func(m message) bool { return m.method() == "BYE" && m.cseq() != first.cseq() })
			if second.cseq() != "3 BYE" || !strings.Contains(second.headers.Get("Proxy-Authorization"), `realm="p"`) ||
				second.headers.Get("Via") == first.headers.Get("Via") || len(second.headers["Via"]) != 1 || second.headers.Get("Reason") != first.headers.Get("Reason") {
				t.Errorf("second BYE %v", second.headers)
			}
			c.send(c.okFor(second))
		}
		if err := recv(t, done); err != nil {
			t.Error(err)
		}
	}
}

// Whatever a response holds, it is read without a panic, and our requests stay in shape.
func FuzzResponse(f *testing.F) {
	head := "SIP/2.0 183 Progress\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n"
	for _, rest := range []string{"Contact: <sip:c@h>\r\nRequire: 100rel\r\nRSeq: 1\r\n", "Contact: *\r\nRecord-Route: <sip:x>,,<sip:y;lr>\r\n", "Require: ,100rel,\r\nRSeq: -1\r\n", "Contact: <tel:1>\r\n"} {
		f.Add([]byte(head + rest + "Content-Length: 0\r\n\r\n"))
	}
	parser := newParser()
	f.Fuzz(func(t *testing.T, b []byte) {
		msg, err := parser.ParseSIP(b)
		res, ok := msg.(*sip.Response)
		if err != nil || !ok || res.Via() == nil || res.From() == nil || res.To() == nil || res.CallID() == nil || res.CSeq() == nil {
			return
		}
		c := &dialling{callID: "1", tag: "1"}
		_ = sip.ParseUri("sip:b@h", &c.uri)
		a := &attempt{ua: &UA{calls: context.Background(), cfg: Config{SessionTimers: SessionTimers{Expires: -1}}}, dialling: c, flow: flow{host: "h", transport: "udp"}}
		d := a.newDialog(res.Clone())
		defer d.cancel(nil)
		if n, reliable := reliableNumber(res); reliable && n == 0 {
			t.Error("reliable without a number")
		}
		raw := d.newRequest(sip.ACK, 1, d.target).String()
		_, _ = nextHop(d.routeSet(), d.target), d.confirm(res.Clone())
		if strings.Count(raw, "\r\n\r\n") != 1 || strings.Count(raw, "\r\nCSeq:") != 1 {
			t.Errorf("a header broke out:\n%s", raw)
		}
	})
}

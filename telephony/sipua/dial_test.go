package sipua

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestDialIsAnsweredAndHungUp(t *testing.T) {
	u := start(t, Config{})
	progress, bodies := make(chan Progress, 10), make(chan string, 1)
	r := DialRequest{
		From:     Address{`A "b"`, URI{User: "+4940555"}},
		Headers:  []Header{{"P-Asserted-Identity", "<sip:+4940555@us>"}, {"Privacy", "none\r\nX-Evil: 1"}},
		Progress: func(p Progress) { progress <- p },
		Accept:   func(_ *Dialog, answer []byte) error { bodies <- string(answer); return nil },
		Serve: func(ctx context.Context, d *Dialog) {
			if d.LocalHost().String() != "127.0.0.1" || ctx.Err() != nil {
				t.Errorf("host %v, %v", d.LocalHost(), context.Cause(ctx))
			}
			for _, err := range []error{d.Ring(), d.Answer(ctx, nil), d.Reject(486, "Busy Here")} {
				if !errors.Is(err, ErrState) {
					t.Errorf("%v, want ErrState", err)
				}
			}
			d.OnReturn(Reason{"Q.850", 16, "bye"})
		},
	}
	for _, transport := range transports {
		var c *callee
		var done <-chan error
		if transport == "tcp" {
			c, done = callTCP(t, u, r)
		} else {
			c = newCallee(t, u)
			r.URI = c.uri()
			done = place(t, u, r)
		}
		m := c.expect("INVITE")
		from := m.headers.Get("From")
		if !strings.HasPrefix(from, `"A b" <sip:+4940555@127.0.0.1>;tag=`) || m.headers.Get("Max-Forwards") != "70" || m.body != testOffer ||
			!strings.HasPrefix(m.start, "INVITE sip:+4930123@") || m.headers.Get("P-Asserted-Identity") != "<sip:+4940555@us>" ||
			m.headers.Get("X-Evil") != "" || m.headers.Get("Contact") == "" || m.headers.Get("Content-Type") != "application/sdp" {
			t.Errorf("INVITE %q %v", m.start, m.headers)
		}
		c.send(c.reply(m, 100, "", ""))
		c.send(c.reply(m, 180, "end", ""))
		c.send(c.reply(m, 183, "end", testAnswer))
		c.send(c.reply(m, 200, "end", testAnswer))
		ack := c.expect("ACK")
		if !strings.HasPrefix(ack.start, "ACK sip:end@"+c.addr.String()) || ack.cseq() != "1 ACK" || ack.toTag() != "end" ||
			ack.headers.Get("Via") == m.headers.Get("Via") {
			t.Errorf("ACK %q %v", ack.start, ack.headers)
		}
		bye := c.expect("BYE")
		c.send(c.okFor(bye))
		if bye.cseq() != "2 BYE" || !strings.Contains(bye.headers.Get("Reason"), "bye") {
			t.Errorf("BYE %v", bye.headers)
		}
		if err := recv(t, done); err != nil {
			t.Errorf("Dial: %v", err)
		}
		if a, b := recv(t, progress), recv(t, progress); a.Status != 180 || a.SDP != nil || b.Status != 183 || string(b.SDP) != testAnswer {
			t.Errorf("progress %+v %+v", a, b)
		}
		if body := recv(t, bodies); body != testAnswer {
			t.Errorf("answer %q", body)
		}
	}
	if s := u.Stats(); s.Dialogs != 0 {
		t.Errorf("%+v", s)
	}
}

func TestDialIsRefused(t *testing.T) {
	u := start(t, Config{})
	for status, question := range map[int]error{486: ErrBusy, 600: ErrBusy, 480: ErrNoAnswer, 408: ErrNoAnswer, 302: ErrRedirected, 404: nil, 503: nil, 401: nil} {
		c := newCallee(t, u)
		done := place(t, u, DialRequest{URI: c.uri(), Serve: func(context.Context, *Dialog) { t.Error("served") }})
		m := c.expect("INVITE")
		c.send(c.reply(m, 180, "end", ""))
		refusal := c.reply(m, status, "end", "", "Contact: <sip:+1900666@127.0.0.1:5060>", `WWW-Authenticate: Digest realm="x", nonce="1"`)
		c.send(refusal)
		first := c.expect("ACK")
		c.send(refusal) // our ACK was lost
		again := c.expect("ACK")
		if first.headers.Get("Via") != m.headers.Get("Via") || again.headers.Get("Via") != m.headers.Get("Via") {
			t.Error("the ACK of a refusal belongs to the transaction")
		}
		err := recv(t, done)
		var refused *StatusError
		if !errors.As(err, &refused) || refused.Status != status || refused.Method != "INVITE" {
			t.Errorf("%d: %v", status, err)
		}
		for _, q := range []error{ErrBusy, ErrNoAnswer, ErrRedirected} {
			if errors.Is(err, q) != (q == question) {
				t.Errorf("%d is %v: %v", status, q, errors.Is(err, q))
			}
		}
		if m, got := c.next(50 * time.Millisecond); got && m.method() == "INVITE" {
			t.Errorf("%d: called again", status)
		}
	}
	if s := u.Stats(); s.Dialogs != 0 {
		t.Errorf("%+v", s)
	}
}

func TestDialAnswersChallenges(t *testing.T) {
	u := start(t, Config{})
	r := DialRequest{Credentials: Credentials{"user", "secret"}}
	for _, good := range []bool{true, false} {
		c := newCallee(t, u)
		r.URI = c.uri()
		done := place(t, u, r)
		m := c.expect("INVITE")
		c.send(c.reply(m, 407, "a", "", `Proxy-Authenticate: Digest realm="p", nonce="1", algorithm=MD5`))
		c.expect("ACK")
		second := c.expect("INVITE")
		c.send(c.reply(second, 401, "b", "", `WWW-Authenticate: Digest realm="s", nonce="2", algorithm=SHA-256, qop="auth"`))
		c.expect("ACK")
		third := c.expect("INVITE")
		if third.cseq() != "3 INVITE" || third.headers.Get("Call-Id") != m.headers.Get("Call-Id") || third.headers.Get("From") != m.headers.Get("From") ||
			third.headers.Get("Via") == second.headers.Get("Via") || !strings.Contains(third.headers.Get("Authorization"), `realm="s"`) ||
			!strings.Contains(third.headers.Get("Proxy-Authorization"), `realm="p"`) || strings.Contains(third.headers.Get("Authorization"), "secret") {
			t.Errorf("third INVITE %v", third.headers)
		}
		if !good {
			c.send(c.reply(third, 401, "c", "", `WWW-Authenticate: Digest realm="s", nonce="3"`))
			var refused *StatusError
			if err := recv(t, done); !errors.As(err, &refused) || refused.Status != 401 {
				t.Errorf("Dial: %v", err)
			}
			continue
		}
		c.send(c.reply(third, 200, "d", testAnswer))
		ack := c.expect("ACK")
		if ack.cseq() != "3 ACK" || ack.headers.Get("Authorization") != third.headers.Get("Authorization") || ack.headers.Get("Proxy-Authorization") == "" {
			t.Errorf("ACK %v", ack.headers)
		}
		c.want(200, "9 BYE", c.own("BYE", 9, "d", ""))
		if err := recv(t, done); err != nil {
			t.Errorf("Dial: %v", err)
		}
	}
}

// A 200 is acknowledged as often as it comes, also when the call is over.
func TestDialAcknowledgesAgain(t *testing.T) {
	u := start(t, Config{})
	c := newCallee(t, u)
	done := place(t, u, DialRequest{URI: c.uri()})
	ack := c.answer()
	for range 2 {
		c.send(c.reply(c.invite, 200, "end", testAnswer))
		if again := c.expect("ACK"); again.headers.Get("Via") != ack.headers.Get("Via") || again.cseq() != ack.cseq() {
			t.Errorf("another ACK: %v", again.headers)
		}
	}
	c.want(200, "1 BYE", c.own("BYE", 1, "end", ""))
	recv(t, done)
	c.send(c.reply(c.invite, 200, "end", testAnswer))
	c.expect("ACK")
}

// Two proxies behind the peer: our requests go the way back, in its order reversed.
func TestDialFollowsRecordRoute(t *testing.T) {
	u := start(t, Config{})
	c, proxy := newCallee(t, u), newCallee(t, u)
	done := place(t, u, DialRequest{URI: c.uri(), Serve: func(context.Context, *Dialog) {}})
	m := c.expect("INVITE")
	near := "<sip:" + proxy.addr.String() + ";lr;x=1>"
	c.send(c.reply(m, 200, "end", testAnswer, "Record-Route: <sip:far.test;lr>, <sip:10.0.0.1;lr>", "Record-Route: "+near))
	ack, bye := proxy.expect("ACK"), proxy.expect("BYE")
	proxy.send(c.okFor(bye))
	for _, m := range []message{ack, bye} {
		if got := strings.Join(m.headers["Route"], ","); got != near+",<sip:10.0.0.1;lr>,<sip:far.test;lr>" || !strings.Contains(m.start, " sip:end@"+c.addr.String()) {
			t.Errorf("%s: Route %s", m.start, got)
		}
	}
	if err := recv(t, done); err != nil {
		t.Error(err)
	}
}

// What a 200 names as its Contact is not believed when it is none of the peer's addresses.
func TestDialStaysWithThePeer(t *testing.T) {
	u := start(t, Config{Admit: func(src Source) Admission {
		if src.Addr.Addr() != netip.MustParseAddr("127.0.0.1") {
			return Admission{}
		}
		return Admission{Allow, "carrier"}
	}})
	c := newCallee(t, u)
	done := place(t, u, DialRequest{Peer: "carrier", URI: c.uri(), Serve: func(context.Context, *Dialog) {}})
	m := c.expect("INVITE")
	c.send(strings.Replace(c.reply(m, 200, "end", testAnswer), "Contact: <sip:end@127.0.0.1:", "Contact: <sip:end@127.0.0.2:", 1))
	if ack := c.expect("ACK"); !strings.HasPrefix(ack.start, "ACK sip:end@127.0.0.2:") {
		t.Errorf("ACK %q", ack.start)
	}
	c.send(c.okFor(c.expect("BYE")))
	if err := recv(t, done); err != nil {
		t.Error(err)
	}
	other := place(t, u, DialRequest{Peer: "other", URI: c.uri()})
	if err := recv(t, other); !errors.Is(err, ErrNotPeer) {
		t.Errorf("a foreign address was called: %v", err)
	}
}

func TestDialRefusesNonsense(t *testing.T) {
	u := start(t, Config{})
	for _, r := range []DialRequest{
		{URI: ""}, {URI: "+4930123"}, {URI: "sips:a@127.0.0.1"}, {URI: "sip:a@h?Subject=x"}, {URI: "tel:+4930"}, {URI: "sip:a@h\r\n"},
		{URI: "sip:a@127.0.0.1", Server: "tel:1"}, {URI: "sip:a@127.0.0.1", Headers: []Header{{"Route", "<sip:x>"}}},
		{URI: "sip:a@127.0.0.1", Headers: []Header{{"X: 1\r\nVia", "x"}}}, {URI: "sip:a@127.0.0.1", Headers: []Header{{"f", "x"}}},
	} {
		if err := recv(t, place(t, u, r)); !errors.Is(err, ErrBadDial) {
			t.Errorf("%+v: %v", r, err)
		}
	}
	if err := recv(t, place(t, u, DialRequest{URI: "sip:a@127.0.0.1;transport=tls"})); !errors.Is(err, errNoListener) {
		t.Errorf("tls: %v", err)
	}
	_ = u.Close()
	if err := recv(t, place(t, u, DialRequest{URI: "sip:a@127.0.0.1"})); !errors.Is(err, ErrShutdown) {
		t.Errorf("closed: %v", err)
	}
}

// An answer that cannot be used is acknowledged and hung up at once.
func TestDialRefusesAnswer(t *testing.T) {
	u := start(t, Config{})
	c := newCallee(t, u)
	bad := errors.New("bad answer")
	done := place(t, u, DialRequest{URI: c.uri(), Accept: func(*Dialog, []byte) error { return bad }, Serve: func(context.Context, *Dialog) { t.Error("served") }})
	c.answer()
	bye := c.expect("BYE")
	c.send(c.okFor(bye))
	if err := recv(t, done); !errors.Is(err, bad) || !strings.Contains(bye.headers.Get("Reason"), "488") {
		t.Errorf("%v, %v", err, bye.headers)
	}
}

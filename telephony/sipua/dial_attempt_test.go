package sipua

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
)

// A proxy that calls two ends may bring two answers: the first counts.
func TestDialForks(t *testing.T) {
	u := start(t, Config{})
	c := newCallee(t, u)
	served := make(chan *Dialog, 2)
	done := place(t, u, DialRequest{URI: c.uri(), Serve: func(ctx context.Context, d *Dialog) { served <- d; <-ctx.Done() }})
	m := c.expect("INVITE")
	c.send(c.reply(m, 180, "two", ""))
	c.send(c.reply(m, 180, "one", ""))
	c.send(c.reply(m, 200, "one", testAnswer))
	c.send(c.reply(m, 200, "two", testAnswer))
	c.send(c.reply(m, 200, "three", testAnswer))
	seen := map[string]int{}
	for seen["ACK one"] == 0 || seen["ACK two"] == 0 || seen["ACK three"] == 0 || seen["BYE two"] == 0 || seen["BYE three"] == 0 {
		r := c.until("ACK or BYE", func(m message) bool { return m.method() == "ACK" || m.method() == "BYE" })
		seen[r.method()+" "+r.toTag()]++
		if r.method() == "BYE" {
			c.send(c.okFor(r))
		}
	}
	if d := recv(t, served); d.id.remote != "one" || seen["BYE one"] != 0 {
		t.Errorf("served %q, %v", d.id.remote, seen)
	}
	c.want(200, "7 BYE", c.own("BYE", 7, "one", ""))
	if err := recv(t, done); err != nil || len(served) != 0 {
		t.Errorf("%v, %d more served", err, len(served))
	}
}

// BYE and re-INVITE right behind the 200, before our ACK is there.
func TestDialMeetsEarlyRequests(t *testing.T) {
	u := start(t, Config{})
	for range 20 {
		c := newCallee(t, u)
		entered, release := make(chan struct{}), make(chan struct{})
		causes := make(chan error, 1)
		done := place(t, u, DialRequest{URI: c.uri(),
			Accept: func(d *Dialog, _ []byte) error {
				close(entered)
				<-release
				d.OnReoffer(func([]byte) ([]byte, error) { return []byte(testAnswer), nil })
				return nil
			},
			Serve: func(ctx context.Context, _ *Dialog) { <-ctx.Done(); causes <- context.Cause(ctx) }})
		m := c.expect("INVITE")
		c.send(c.reply(m, 200, "end", testAnswer))
		c.send(c.own("INVITE", 70, "end", testOffer))
		c.send(c.own("OPTIONS", 71, "end", ""))
		<-entered
		close(release)
		if m := c.final("70 INVITE"); m.status() != 200 || m.body != testAnswer {
			t.Fatalf("re-INVITE: %q", m.start)
		}
		c.send(c.own("ACK", 70, "end", ""))
		if m := c.final("71 OPTIONS"); m.status() != 200 {
			t.Fatalf("OPTIONS: %q", m.start)
		}
		c.want(200, "72 BYE", c.own("BYE", 72, "end", ""))
		var bye *ByeError
		if cause := recv(t, causes); !errors.As(cause, &bye) {
			t.Errorf("cause %v", cause)
		}
		if err := recv(t, done); err != nil {
			t.Errorf("Dial: %v", err)
		}
	}
}

func TestDialMeetsByeBehindAnswer(t *testing.T) {
	u := start(t, Config{})
	for range 20 {
		c := newCallee(t, u)
		causes := make(chan error, 1)
		done := place(t, u, DialRequest{URI: c.uri(), Serve: func(ctx context.Context, _ *Dialog) { <-ctx.Done(); causes <- context.Cause(ctx) }})
		m := c.expect("INVITE")
		c.send(c.reply(m, 200, "end", testAnswer))
		c.want(200, "1 BYE", c.own("BYE", 1, "end", ""))
		var bye *ByeError
		if cause := recv(t, causes); !errors.As(cause, &bye) {
			t.Errorf("cause %v", cause)
		}
		recv(t, done)
	}
}

// Our own requests inside a call that we placed are like those of any other.
func TestDialTransfers(t *testing.T) {
	u := start(t, Config{})
	c := newCallee(t, u)
	errs := make(chan error, 1)
	done := place(t, u, DialRequest{URI: c.uri(), Serve: func(ctx context.Context, d *Dialog) {
		errs <- d.Refer(ctx, "sip:desk@pbx.test", 0)
		<-ctx.Done()
	}})
	c.answer()
	refer := c.expect("REFER")
	if refer.cseq() != "2 REFER" {
		t.Errorf("REFER %v", refer.headers)
	}
	c.send(c.reply(refer, 603, "end", ""))
	var failed *TransferError
	if err := recv(t, errs); !errors.As(err, &failed) || failed.Status != 603 {
		t.Errorf("Refer: %v", err)
	}
	c.want(200, "0 OPTIONS", c.own("OPTIONS", 0, "end", ""))
	c.want(500, "0 INFO", c.own("INFO", 0, "end", ""))
	c.want(200, "1 BYE", c.own("BYE", 1, "end", ""))
	recv(t, done)
}

// A stranger can neither end the call nor answer for the peer.
func TestDialHearsThePeerOnly(t *testing.T) {
	var peerPort uint16
	u := start(t, Config{Admit: func(src Source) Admission {
		if src.Addr.Port() == peerPort {
			return Admission{Allow, "carrier"}
		}
		return Admission{Allow, "other"}
	}})
	l := newCallee(t, u)
	s := newCallee(t, u)
	peerPort = l.addr.Port()
	done := place(t, u, DialRequest{Peer: "carrier", URI: l.uri()})
	m := l.expect("INVITE")
	s.send(s.reply(m, 200, "stranger", testAnswer))
	s.invite = m
	s.want(481, "1 OPTIONS", s.own("OPTIONS", 1, "stranger", "")) // the 200 was read before
	l.send(l.reply(m, 200, "end", testAnswer))
	if ack := l.expect("ACK"); ack.toTag() != "end" {
		t.Errorf("ACK for %q", ack.toTag())
	}
	s.want(481, "1 BYE", s.own("BYE", 1, "end", ""))
	l.want(200, "1 BYE", l.own("BYE", 1, "end", ""))
	recv(t, done)
}

// The next address is tried when one is silent, unreachable or overloaded.
func TestDialTriesTheNextAddress(t *testing.T) {
	u := start(t, Config{}, func(t *timing) { t.t1 = 50 * time.Millisecond })
	dead, full, good := newCallee(t, u), newCallee(t, u), newCallee(t, u)
	c := &dialling{ua: u, callID: "x", tag: "y", r: DialRequest{From: Address{}, Offer: func(netip.Addr) ([]byte, error) { return []byte(testOffer), nil }}}
	if err := sip.ParseUri("sip:a@b", &c.uri); err != nil {
		t.Fatal(err)
	}
	results := make(chan *Dialog, 1)
	go func() {
		d, err := c.tryHops(t.Context(), []hop{{transport: "udp", addr: dead.addr}, {transport: "sctp", addr: dead.addr}, {transport: "udp", addr: full.addr}, {transport: "udp", addr: good.addr}})
		if err != nil {
			t.Error(err)
		}
		results <- d
	}()
	dead.expect("INVITE")
	full.send(full.reply(full.expect("INVITE"), 503, "full", ""))
	good.send(good.reply(good.expect("INVITE"), 200, "end", testAnswer))
	if d := recv(t, results); d == nil || d.id.remote != "end" {
		t.Errorf("%+v", d)
	} else {
		go d.decline(Reason{})
	}
	good.send(good.okFor(good.expect("BYE")))
	// The silent one wakes up: it must not ring on.
	dead.send(dead.reply(dead.invite, 180, "late", ""))
	dead.send(dead.reply(dead.expect("CANCEL"), 200, "late", ""))
	dead.send(dead.reply(dead.invite, 487, "late", ""))
	dead.expect("ACK")
}

// A response may have been looked up just before its attempt was forgotten: it leaves no
// dialog behind, and a call that it makes is hung up.
func TestDialForgetsBeforeAResponse(t *testing.T) {
	u := start(t, Config{})
	c := newCallee(t, u)
	done := place(t, u, DialRequest{URI: c.uri(), Serve: func(context.Context, *Dialog) { t.Error("served") }})
	m := c.expect("INVITE")
	var a *attempt
	u.attempts.mu.Lock()
	for _, a = range u.attempts.all {
	}
	u.attempts.mu.Unlock()
	c.send(c.reply(m, 486, "one", ""))
	if err := recv(t, done); !errors.Is(err, ErrBusy) {
		t.Errorf("Dial: %v", err)
	}
	for status, tag := range map[int]string{180: "two", 200: "three"} {
		msg, err := sip.ParseMessage([]byte(c.reply(m, status, tag, "")))
		if err != nil {
			t.Fatal(err)
		}
		a.arrived(msg.(*sip.Response))
	}
	c.until("ACK", func(m message) bool { return m.method() == "ACK" && m.toTag() == "three" })
	c.send(c.okFor(c.expect("BYE")))
	a.mu.Lock()
	a.forgotten = false // as it was in the last moment
	a.mu.Unlock()
	msg, err := sip.ParseMessage([]byte(c.reply(m, 200, "four", "")))
	if err != nil {
		t.Fatal(err)
	}
	a.arrived(msg.(*sip.Response))
	a.lose()
	c.until("ACK", func(m message) bool { return m.method() == "ACK" && m.toTag() == "four" })
	c.send(c.okFor(c.expect("BYE")))
	eventually(t, "no dialog is left", func() bool { return u.Stats().Dialogs == 0 })
}

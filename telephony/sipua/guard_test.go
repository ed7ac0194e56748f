package sipua

import (
	"context"
	"net/netip"
	"testing"
)

// A panic over the answer to a call of ours ends that call, with BYE, and nothing else.
func TestPanicOverAnAnswer(t *testing.T) {
	u := start(t, Config{})
	c := newCallee(t, u)
	got := make(chan error, 1)
	go func() {
		got <- u.Dial(t.Context(), DialRequest{URI: c.uri(), Offer: func(netip.Addr) ([]byte, error) { return []byte(testOffer), nil },
			Accept: func(*Dialog, []byte) error { panic("answer") }, Serve: func(context.Context, *Dialog) {}})
	}()
	c.send(c.reply(c.expect("INVITE"), 200, "end", testAnswer))
	c.expect("ACK")
	c.send(c.reply(c.expect("BYE"), 200, "end", ""))
	if err := recv(t, got); err == nil {
		t.Error("Dial says nothing")
	}
	if s := u.Stats(); s.Panics != 1 {
		t.Errorf("%d panics", s.Panics)
	}
}

func TestGuard(t *testing.T) {
	u := start(t, Config{})
	if u.guard("test", func() { panic("x") }) || !u.guard("test", func() {}) || u.Stats().Panics != 1 {
		t.Errorf("%d panics are counted", u.Stats().Panics)
	}
	done := make(chan struct{})
	u.spawn(func() { defer close(done); panic("task") })
	recv(t, done)
}

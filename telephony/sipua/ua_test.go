package sipua

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestCloseEndsCalls(t *testing.T) {
	causes := make(chan error, 2)
	u := start(t, Config{Invite: func(ctx context.Context, d *Dialog) {
		if len(d.Request().Headers("X-Ring")) > 0 {
			ringAndWait(causes)(ctx, d)
			return
		}
		answerAndWait(causes)(ctx, d)
	}})
	up, ringing := dial(t, "tcp", u.listening("tcp")), dial(t, "udp", u.listening("udp"))
	up.call()
	ringing.send(ringing.request("INVITE", 1, "", testOffer, "X-Ring: yes"))
	ringing.until("180", func(m message) bool { return m.status() == 180 })
	closed := make(chan error, 1)
	go func() { closed <- u.Close() }()
	bye := up.until("BYE", func(m message) bool { return m.method() == "BYE" })
	up.send(up.okFor(bye))
	if m := ringing.final("1 INVITE"); m.status() != 503 {
		t.Errorf("ringing call got %q", m.start)
	}
	if err := recv(t, closed); err != nil {
		t.Error(err)
	}
	for range 2 {
		if cause := recv(t, causes); !errors.Is(cause, ErrShutdown) {
			t.Errorf("cause = %v", cause)
		}
	}
	if err := u.Serve(context.Background()); !errors.Is(err, ErrClosed) {
		t.Errorf("Serve after Close: %v", err)
	}
}

// A peer that is gone may not keep Close waiting for the 64·T1 of a missing ACK or of
// an unanswered BYE.
func TestCloseDoesNotWaitForTheDead(t *testing.T) {
	u := start(t, Config{Invite: answerAndWait(make(chan error, 2))}, func(t *timing) { t.closeGrace = 100 * time.Millisecond })
	silent, deaf := dial(t, "udp", u.listening("udp")), dial(t, "udp", u.listening("udp"))
	silent.want(200, "1 INVITE", silent.request("INVITE", 1, "", testOffer))
	deaf.call()
	eventually(t, "two calls", func() bool { return u.Stats().Dialogs == 2 })
	closed := make(chan error, 1)
	go func() { closed <- u.Close() }()
	silent.until("BYE", func(m message) bool { return m.method() == "BYE" })
	recv(t, closed)
}

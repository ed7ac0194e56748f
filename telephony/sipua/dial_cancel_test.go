package sipua

import (
	"context"
	"errors"
	"testing"
	"time"
)

var errEnough = errors.New("enough")

// No CANCEL before the first response, however long that takes (RFC 3261 §9.1).
func TestDialIsCancelled(t *testing.T) {
	u := start(t, Config{})
	c := newCallee(t, u)
	ctx, cancel := context.WithCancelCause(t.Context())
	done := placeUntil(ctx, u, DialRequest{URI: c.uri()})
	m := c.expect("INVITE")
	cancel(errEnough)
	if err := recv(t, done); !errors.Is(err, errEnough) {
		t.Errorf("Dial: %v", err)
	}
	for end := time.Now().Add(60 * time.Millisecond); time.Now().Before(end); {
		if m, ok := c.next(time.Until(end)); ok && m.method() != "INVITE" {
			t.Errorf("%q before any response", m.start)
		}
	}
	c.send(c.reply(m, 180, "end", ""))
	req := c.expect("CANCEL")
	if req.headers.Get("Via") != m.headers.Get("Via") || req.cseq() != "1 CANCEL" || req.headers.Get("To") != m.headers.Get("To") ||
		req.headers.Get("From") != m.headers.Get("From") {
		t.Errorf("CANCEL %v", req.headers)
	}
	c.send(c.reply(req, 200, "end", ""))
	c.send(c.reply(m, 487, "end", ""))
	c.expect("ACK")
	eventually(t, "all is forgotten", func() bool { return u.Stats().Dialogs == 0 && u.attempts.count() == 0 })
}

// A 200 that crosses the CANCEL has made a call: ACK, BYE.
func TestDialCancelMeetsAnswer(t *testing.T) {
	u := start(t, Config{})
	c := newCallee(t, u)
	ctx, cancel := context.WithCancelCause(t.Context())
	done := placeUntil(ctx, u, DialRequest{URI: c.uri(), Serve: func(context.Context, *Dialog) { t.Error("served") }})
	m := c.expect("INVITE")
	c.send(c.reply(m, 180, "end", ""))
	eventually(t, "it rings", func() bool { return u.Stats().Dialogs == 1 })
	cancel(errEnough)
	req := c.expect("CANCEL")
	c.send(c.reply(m, 200, "end", testAnswer))
	c.expect("ACK")
	c.send(c.okFor(c.expect("BYE")))
	c.send(c.reply(req, 481, "end", ""))
	if err := recv(t, done); !errors.Is(err, errEnough) {
		t.Errorf("Dial: %v", err)
	}
	eventually(t, "all is over", func() bool { return u.Stats().Dialogs == 0 })
}

func TestDialRingsInVain(t *testing.T) {
	u := start(t, Config{})
	c := newCallee(t, u)
	done := place(t, u, DialRequest{URI: c.uri(), RingTimeout: 100 * time.Millisecond})
	m := c.expect("INVITE")
	c.send(c.reply(m, 180, "end", ""))
	if err := recv(t, done); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("Dial: %v", err)
	}
	c.send(c.reply(c.expect("CANCEL"), 200, "end", ""))
	c.send(c.reply(m, 487, "end", ""))
	c.expect("ACK")
}

// Close gives up what rings, and does not wait for long.
func TestDialEndsWithTheUserAgent(t *testing.T) {
	u := start(t, Config{}, func(t *timing) { t.closeGrace = 200 * time.Millisecond })
	c := newCallee(t, u)
	done := place(t, u, DialRequest{URI: c.uri()})
	c.send(c.reply(c.expect("INVITE"), 180, "end", ""))
	eventually(t, "it rings", func() bool { return u.Stats().Dialogs == 1 })
	_ = u.Close()
	if err := recv(t, done); !errors.Is(err, ErrShutdown) {
		t.Errorf("Dial: %v", err)
	}
	c.expect("CANCEL")
}

func (t *attempts) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.all)
}

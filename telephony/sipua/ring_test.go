package sipua

import (
	"context"
	"testing"
	"time"
)

// A long ringing is told again and again, and the answer ends it.
func TestRingIsRepeated(t *testing.T) {
	answer := make(chan struct{})
	u := start(t, Config{Invite: func(ctx context.Context, d *Dialog) {
		_ = d.Ring()
		waitFor(ctx, answer)
		_ = d.Answer(ctx, []byte(testAnswer))
		<-ctx.Done()
	}}, func(t *timing) { t.ringAgain = 30 * time.Millisecond })
	p := dial(t, "udp", u.listening("udp"))
	p.send(p.request("INVITE", 1, "", testOffer, "Supported: 100rel"))
	var first message
	for i := range 3 {
		m := p.until("180", func(m message) bool { return m.status() == 180 })
		if first.start == "" {
			first = m
		}
		if m.headers.Get("RSeq") != "" || m.headers.Get("Require") != "" || m.toTag() != first.toTag() || m.headers.Get("Contact") == "" {
			t.Errorf("180 number %d: %v", i, m.headers)
		}
	}
	close(answer)
	p.toTag = p.final("1 INVITE").toTag()
	p.send(p.request("ACK", 1, "", ""))
	for end := time.Now().Add(150 * time.Millisecond); time.Now().Before(end); {
		if m, ok := p.next(time.Until(end)); ok && m.status() == 180 {
			t.Error("it rings after the answer")
		}
	}
	p.want(200, "2 BYE", p.request("BYE", 2, "", ""))
}

// A CANCEL ends the ringing; what is repeated then is the 487.
func TestRingMeetsCancel(t *testing.T) {
	over := make(chan struct{})
	u := start(t, Config{Invite: func(ctx context.Context, d *Dialog) {
		_ = d.Ring()
		<-ctx.Done()
		waitFor(t.Context(), over)
	}}, func(t *timing) { t.ringAgain = 5 * time.Millisecond })
	p := dial(t, "udp", u.listening("udp"))
	branch := p.branch()
	p.send(p.request("INVITE", 1, branch, testOffer))
	p.until("180", func(m message) bool { return m.status() == 180 })
	p.send(p.request("CANCEL", 1, branch, ""))
	p.until("487", func(m message) bool { return m.status() == 487 })
	for range 3 { // without an ACK the transaction repeats it
		if m := p.until("the INVITE's response", func(m message) bool { return m.cseq() == "1 INVITE" }); m.status() != 487 {
			t.Errorf("got %q behind the 487", m.start)
		}
	}
	p.send(p.request("ACK", 1, branch, ""))
	close(over)
}

// waitFor waits for ch, or for the end of ctx after a test that failed.
func waitFor(ctx context.Context, ch <-chan struct{}) {
	select {
	case <-ch:
	case <-ctx.Done():
	}
}

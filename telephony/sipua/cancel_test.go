package sipua

import (
	"context"
	"errors"
	"sync"
	"testing"
)

func TestOneTagForTheWholeCall(t *testing.T) {
	u := start(t, Config{Invite: ringAndWait(make(chan error, 1))})
	p := dial(t, "udp", u.listening("udp"))
	branch := p.branch()
	p.send(p.request("INVITE", 1, branch, testOffer))
	tag := p.until("180", func(m message) bool { return m.status() == 180 }).toTag()
	p.send(p.request("CANCEL", 1, branch, ""))
	tags := map[string]string{}
	p.until("200 and 487", func(m message) bool { tags[m.start] = m.toTag(); return m.status() == 487 })
	for start, got := range tags {
		if got != tag {
			t.Errorf("%q has tag %q, the 180 had %q", start, got, tag)
		}
	}
}

// A CANCEL racing the answer must leave one truth: either 487 and never a 200, or 200
// and a call.
func TestCancelRacesAnswer(t *testing.T) {
	var outcomes sync.Map // Call-ID → what Answer said
	u := start(t, Config{Invite: func(ctx context.Context, d *Dialog) {
		outcomes.Store(d.Request().CallID, d.Answer(ctx, []byte(testAnswer)) == nil)
		<-ctx.Done()
	}})
	var cancelled, answered int
	for range 60 {
		p := dial(t, "udp", u.listening("udp"))
		branch := p.branch()
		p.send(p.request("INVITE", 1, branch, testOffer))
		p.send(p.request("CANCEL", 1, branch, ""))
		m := p.final("1 INVITE")
		p.toTag = m.toTag()
		if m.status() == 200 {
			p.send(p.request("ACK", 1, "", ""))
			p.want(200, "2 BYE", p.request("BYE", 2, "", ""))
			answered++
		} else {
			// No ACK: sipgo repeats its response, which must still be the 487.
			again := p.until("a repetition", func(m message) bool { return m.cseq() == "1 INVITE" && m.status() >= 200 })
			if again.status() != 487 {
				t.Fatalf("487 was followed by %q", again.start)
			}
			p.send(p.request("ACK", 1, branch, ""))
			cancelled++
		}
		eventually(t, "call over", func() bool { return u.Stats().Dialogs == 0 })
		if said, ran := outcomes.Load(p.callID); ran && said != (m.status() == 200) {
			t.Fatalf("peer got %q, Answer succeeded: %v", m.start, said)
		}
	}
	t.Logf("%d cancelled, %d answered", cancelled, answered)
}

// The worst moment for a CANCEL is between our decision to answer and the write.
func TestAnswerThatLostToCancelIsNotRepeated(t *testing.T) {
	said := make(chan error, 1)
	u := start(t, Config{Invite: func(ctx context.Context, d *Dialog) {
		_ = d.Ring()
		<-ctx.Done()
		said <- d.send(newResponse(d.invite, 200, "OK"))
	}})
	p := dial(t, "udp", u.listening("udp"))
	branch := p.branch()
	p.send(p.request("INVITE", 1, branch, testOffer))
	p.until("180", func(m message) bool { return m.status() == 180 })
	p.send(p.request("CANCEL", 1, branch, ""))
	for range 3 {
		if m := p.final("1 INVITE"); m.status() != 487 {
			t.Fatalf("got %q after a CANCEL", m.start)
		}
	}
	if err := recv(t, said); !errors.Is(err, ErrCancelled) {
		t.Errorf("send said %v", err)
	}
}

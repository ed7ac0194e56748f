package sipua

import (
	"context"
	"errors"
	"net/netip"
	"sync/atomic"
	"testing"
)

func TestByeBeforeACK(t *testing.T) {
	causes := make(chan error, 1)
	u := start(t, Config{Invite: answerAndWait(causes)})
	p := dial(t, "udp", u.listening("udp"))
	p.toTag = p.want(200, "1 INVITE", p.request("INVITE", 1, "", testOffer)).toTag()
	p.want(200, "2 BYE", p.request("BYE", 2, "", ""))
	var bye *ByeError
	if cause := recv(t, causes); !errors.As(cause, &bye) {
		t.Errorf("cause = %v", cause)
	}
	p.want(200, "3 BYE", p.request("BYE", 3, "", "")) // the tombstone
	p.want(481, "4 OPTIONS", p.request("OPTIONS", 4, "", ""))
}

func TestByeWhileRinging(t *testing.T) {
	causes := make(chan error, 1)
	u := start(t, Config{Invite: ringAndWait(causes)})
	p := dial(t, "udp", u.listening("udp"))
	p.send(p.request("INVITE", 1, "", testOffer))
	p.toTag = p.until("180", func(m message) bool { return m.status() == 180 }).toTag()
	p.send(p.request("BYE", 2, "", ""))
	seen := map[string]int{}
	p.until("both answers", func(m message) bool { seen[m.cseq()] = m.status(); return len(seen) == 2 && seen["1 INVITE"] >= 200 })
	if seen["2 BYE"] != 200 || seen["1 INVITE"] != 487 {
		t.Errorf("answers %v", seen)
	}
	recv(t, causes)
}

func TestRepeatedAndMergedInvites(t *testing.T) {
	var calls atomic.Int32
	u := start(t, Config{Invite: func(ctx context.Context, d *Dialog) {
		calls.Add(1)
		_ = d.Answer(ctx, []byte(testAnswer))
		<-ctx.Done()
	}})
	p := dial(t, "udp", u.listening("udp"))
	branch := p.branch()
	invite := p.request("INVITE", 1, branch, testOffer)
	p.send(invite)
	p.send(invite)
	ok := p.final("1 INVITE")
	if m := p.want(482, "1 INVITE", p.request("INVITE", 1, "", testOffer)); m.toTag() == "" {
		t.Error("482 without a tag")
	}
	p.toTag = ok.toTag()
	p.send(p.request("ACK", 1, "", ""))
	eventually(t, "ACK seen", func() bool { return len(u.onlyDialog(t).waiting()) == 0 })
	p.send(invite) // late copy after the transaction is over
	p.want(200, "2 OPTIONS", p.request("OPTIONS", 2, "", ""))
	p.want(200, "3 BYE", p.request("BYE", 3, "", ""))
	if n := calls.Load(); n != 1 {
		t.Errorf("%d calls for one INVITE", n)
	}
}

func (u *UA) onlyDialog(t *testing.T) *Dialog {
	t.Helper()
	u.registry.mu.Lock()
	defer u.registry.mu.Unlock()
	for _, e := range u.registry.dialogs {
		if e.dialog != nil {
			return e.dialog
		}
	}
	t.Fatal("no dialog")
	return nil
}

// A proxy that was refused may come again with the same CSeq on another branch.
func TestRefusedInviteMayComeAgain(t *testing.T) {
	u := start(t, Config{})
	p := dial(t, "udp", u.listening("udp"))
	for range 3 {
		branch := p.branch()
		m := p.want(404, "1 INVITE", p.request("INVITE", 1, branch, testOffer))
		tag := p.toTag
		p.toTag = m.toTag()
		p.send(p.request("ACK", 1, branch, ""))
		p.toTag = tag
		eventually(t, "call over", func() bool { return u.Stats().Dialogs == 0 })
	}
}

func TestOtherPeerCannotEndACall(t *testing.T) {
	var second atomic.Pointer[netip.AddrPort]
	u := start(t, Config{
		Invite: answerAndWait(make(chan error, 1)),
		Admit: func(src Source) Admission {
			if other := second.Load(); other != nil && *other == src.Addr {
				return Admission{Allow, "other"}
			}
			return Admission{Allow, "carrier"}
		},
	})
	p := dial(t, "udp", u.listening("udp"))
	p.call()
	q := dial(t, "udp", u.listening("udp"))
	addr := addrPort(q.conn.LocalAddr())
	second.Store(&addr)
	q.callID, q.toTag = p.callID, p.toTag
	q.want(481, "2 BYE", q.request("BYE", 2, "", ""))
	p.want(200, "2 BYE", p.request("BYE", 2, "", ""))
}

func TestPanicCostsOneCall(t *testing.T) {
	causes := make(chan error, 1)
	wait := answerAndWait(causes)
	u := start(t, Config{Invite: func(ctx context.Context, d *Dialog) {
		switch d.Request().Headers("X-Panic") {
		case nil:
			wait(ctx, d)
		default:
			if d.Request().Headers("x-panic")[0] == "late" {
				_ = d.Answer(ctx, []byte(testAnswer))
			}
			panic("boom")
		}
	}})
	good := dial(t, "udp", u.listening("udp"))
	good.call()
	early := dial(t, "udp", u.listening("udp"))
	early.want(500, "1 INVITE", early.request("INVITE", 1, "", testOffer, "X-Panic: early"))
	late := dial(t, "udp", u.listening("udp"))
	late.toTag = late.want(200, "1 INVITE", late.request("INVITE", 1, "", testOffer, "X-Panic: late")).toTag()
	late.send(late.request("ACK", 1, "", ""))
	late.send(late.okFor(late.until("BYE", func(m message) bool { return m.method() == "BYE" })))
	good.want(200, "2 BYE", good.request("BYE", 2, "", ""))
	recv(t, causes)
	if n := u.Stats().Panics; n != 2 {
		t.Errorf("%d panics counted", n)
	}
}

func TestMethodsFitTheState(t *testing.T) {
	results := make(chan []error, 1)
	u := start(t, Config{Invite: func(ctx context.Context, d *Dialog) {
		results <- []error{
			d.Bye(ctx, Reason{}), d.Reject(200, "OK"), d.Ring(), d.Answer(ctx, []byte(testAnswer)),
			d.Ring(), d.Answer(ctx, []byte(testAnswer)), d.Reject(486, "Busy Here"),
		}
		<-ctx.Done()
	}})
	p := dial(t, "udp", u.listening("udp"))
	p.call()
	want := []error{ErrState, ErrState, nil, nil, ErrState, ErrState, ErrState}
	for i, err := range recv(t, results) {
		if !errors.Is(err, want[i]) {
			t.Errorf("step %d: %v, want %v", i, err, want[i])
		}
	}
	p.want(200, "2 BYE", p.request("BYE", 2, "", ""))
}

func TestHandlerThatForgetsToAnswer(t *testing.T) {
	u := start(t, Config{Invite: func(context.Context, *Dialog) {}})
	p := dial(t, "udp", u.listening("udp"))
	p.want(500, "1 INVITE", p.request("INVITE", 1, "", testOffer))
}

package sipua

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
)

type change struct {
	answer string
	err    error
}

// changing is a handler that answers and then makes one offer after the other.
func changing(results chan<- change, offers ...string) func(context.Context, *Dialog) {
	return func(ctx context.Context, d *Dialog) {
		d.OnReoffer(func([]byte) ([]byte, error) { return []byte(testAnswer), nil })
		_ = d.Answer(ctx, []byte(testAnswer))
		for _, offer := range offers {
			answer, err := d.Reinvite(ctx, []byte(offer))
			results <- change{string(answer), err}
		}
		<-ctx.Done()
	}
}

// accept is a 200 with a description, and a Contact that the peer moved to.
func (p *peer) accept(m message, body, contact string) string {
	head, _, _ := strings.Cut(p.okFor(m), "Content-Length")
	return head + "Contact: <" + contact + ">\r\nContent-Type: application/sdp\r\nContent-Length: " + itoa(len(body)) + "\r\n\r\n" + body
}

func itoa(n int) string { return uintString(uint32(n)) }

func TestReinviteOfOurs(t *testing.T) {
	for _, transport := range transports {
		results := make(chan change, 2)
		u := start(t, Config{Invite: changing(results, "first", "second")})
		p := dial(t, transport, u.listening(transport))
		p.call()
		m := p.until("INVITE", isMethod("INVITE"))
		if m.body != "first" || m.headers.Get("Contact") == "" || m.headers.Get("Allow") != allowed || !strings.HasPrefix(m.start, "INVITE "+p.contact) {
			t.Errorf("%s: %q %v %q", transport, m.start, m.headers, m.body)
		}
		p.send(responseFor(m, "100 Trying"))
		p.send(p.accept(m, "their answer", "sip:moved@192.0.2.9:5062"))
		if ack := p.until("ACK", isMethod("ACK")); !strings.HasPrefix(ack.start, "ACK sip:moved@192.0.2.9:5062 ") || ack.body != "" {
			t.Errorf("%s: %q", transport, ack.start)
		}
		if r := recv(t, results); r.err != nil || r.answer != "their answer" {
			t.Errorf("%s: %+v", transport, r)
		}
		m = p.until("INVITE", isMethod("INVITE"))
		if m.body != "second" || !strings.HasPrefix(m.start, "INVITE sip:moved@192.0.2.9:5062 ") {
			t.Errorf("%s: %q %q", transport, m.start, m.body)
		}
		p.send(responseFor(m, "488 Not Acceptable Here"))
		if ack := p.until("ACK", isMethod("ACK")); ack.headers.Get("Via") != m.headers.Get("Via") {
			t.Errorf("%s: the ACK to a 488 has a branch of its own", transport)
		}
		if r := recv(t, results); statusOf(r.err) != 488 {
			t.Errorf("%s: %+v", transport, r)
		}
		d := u.onlyDialog(t)
		d.mu.Lock()
		if string(d.answer) != "first" {
			t.Errorf("%s: description in force %q", transport, d.answer)
		}
		d.mu.Unlock()
		p.want(200, "2 BYE", p.request("BYE", 2, "", ""))
	}
}

// Offers cross: both sides say 491, the peer's is met while we step back, and then ours.
func TestGlare(t *testing.T) {
	results := make(chan change, 1)
	u := start(t, Config{Invite: changing(results, "ours")}, func(t *timing) { t.glare = time.Millisecond })
	p := dial(t, "udp", u.listening("udp"))
	p.call()
	m := p.until("INVITE", isMethod("INVITE"))
	branch := p.branch()
	p.want(491, "2 INVITE", p.request("INVITE", 2, branch, testOffer))
	p.send(p.request("ACK", 2, branch, ""))
	contact := "Contact: <" + p.contact + ">"
	p.want(491, "3 UPDATE", p.request("UPDATE", 3, "", testOffer, contact))
	p.want(200, "4 UPDATE", p.request("UPDATE", 4, "", "", contact)) // offers nothing
	p.send(responseFor(m, "491 Request Pending"))
	again := p.until("INVITE again", func(next message) bool { return next.method() == "INVITE" && next.cseq() != m.cseq() })
	p.send(p.accept(again, "met", p.contact))
	p.until("ACK", func(next message) bool {
		return next.method() == "ACK" && strings.HasPrefix(next.cseq(), strings.Fields(again.cseq())[0])
	})
	if r := recv(t, results); r.err != nil || r.answer != "met" {
		t.Errorf("%+v", r)
	}
	p.want(200, "5 INVITE", p.request("INVITE", 5, "", testOffer)) // the claim is free
	p.send(p.request("ACK", 5, "", ""))
	p.want(200, "6 BYE", p.request("BYE", 6, "", ""))
}

// One offer at a time, also of ours; and none while a 200 is without its ACK.
func TestOffersWaitForEachOther(t *testing.T) {
	var both sync.WaitGroup
	u := start(t, Config{Invite: func(ctx context.Context, d *Dialog) {
		_ = d.Answer(ctx, []byte(testAnswer))
		for range 2 {
			both.Go(func() {
				if _, err := d.Reinvite(ctx, []byte("offer")); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		<-ctx.Done()
	}})
	p := dial(t, "udp", u.listening("udp"))
	p.toTag = p.want(200, "1 INVITE", p.request("INVITE", 1, "", testOffer)).toTag()
	for end := time.Now().Add(100 * time.Millisecond); time.Now().Before(end); {
		if m, ok := p.next(time.Until(end)); ok && m.method() == "INVITE" {
			t.Error("an offer before the ACK")
		}
	}
	p.send(p.request("ACK", 1, "", ""))
	first := p.until("INVITE", isMethod("INVITE"))
	for end := time.Now().Add(100 * time.Millisecond); time.Now().Before(end); {
		if m, ok := p.next(time.Until(end)); ok && m.method() == "INVITE" && m.cseq() != first.cseq() {
			t.Error("two offers at once")
		}
	}
	p.send(p.accept(first, "a", p.contact))
	second := p.until("INVITE", func(m message) bool { return m.method() == "INVITE" && m.cseq() != first.cseq() })
	p.send(p.accept(second, "b", p.contact))
	p.until("ACK", isMethod("ACK"))
	p.want(200, "2 BYE", p.request("BYE", 2, "", ""))
}

// Silence to a re-INVITE means that nobody is there; a BYE means what it says.
func TestReinviteMeetsTheEnd(t *testing.T) {
	results := make(chan change, 1)
	u := start(t, Config{Invite: changing(results, "offer")}, func(t *timing) { t.t1 = 5 * time.Millisecond })
	p := dial(t, "udp", u.listening("udp"))
	p.call()
	if r := recv(t, results); !errors.Is(r.err, ErrGone) {
		t.Errorf("unanswered: %v", r.err)
	}
	p.send(p.okFor(p.until("BYE", isMethod("BYE"))))
	p = dial(t, "udp", u.listening("udp"))
	p.call()
	p.until("INVITE", isMethod("INVITE"))
	p.want(200, "2 BYE", p.request("BYE", 2, "", ""))
	var bye *ByeError
	if r := recv(t, results); !errors.As(r.err, &bye) {
		t.Errorf("hung up: %v", r.err)
	}
}

func TestReinviteNeedsItsState(t *testing.T) {
	u := start(t, Config{Invite: func(ctx context.Context, d *Dialog) {
		if _, err := d.Reinvite(ctx, nil); !errors.Is(err, ErrState) {
			t.Errorf("Reinvite while ringing: %v", err)
		}
		if _, err := d.Update(ctx, nil); !errors.Is(err, ErrState) {
			t.Errorf("Update while ringing: %v", err)
		}
	}})
	p := dial(t, "udp", u.listening("udp"))
	p.want(500, "1 INVITE", p.request("INVITE", 1, "", testOffer))
}

// Whoever owns the Call-ID waits longer, so that the two do not meet again.
func TestGlareWait(t *testing.T) {
	for range 2000 {
		if n := glareWait(true); n < 210 || n > 400 {
			t.Fatalf("owner waits %d", n)
		}
		if n := glareWait(false); n < 0 || n > 200 {
			t.Fatalf("the other waits %d", n)
		}
	}
}

// Whatever we send inside the call goes along its route: a loose one keeps the target, a
// strict one takes its place, and the order stays.
func TestRoutesOfOurRequests(t *testing.T) {
	for name, tc := range map[string]struct{ record, uri, routes string }{
		"two loose": {"<sip:a@192.0.2.5;lr>, <sip:b@192.0.2.6;lr;x=1>", "sip:moved@192.0.2.9", "<sip:a@192.0.2.5;lr>|<sip:b@192.0.2.6;lr;x=1>"},
		"strict":    {"<sip:a@192.0.2.5>, <sip:b@192.0.2.6;lr>", "sip:a@192.0.2.5", "<sip:b@192.0.2.6;lr>|<sip:moved@192.0.2.9>"},
	} {
		results := make(chan change, 1)
		release := make(chan struct{})
		u := start(t, Config{Invite: func(ctx context.Context, d *Dialog) {
			_ = d.Answer(ctx, []byte(testAnswer))
			_, err := d.Reinvite(ctx, []byte("offer"))
			results <- change{err: err}
			waitFor(ctx, release)
		}})
		p := dial(t, "udp", u.listening("udp"))
		p.contact = "sip:moved@192.0.2.9"
		p.toTag = p.want(200, "1 INVITE", p.request("INVITE", 1, "", testOffer, "Record-Route: "+tc.record)).toTag()
		p.send(p.request("ACK", 1, "", ""))
		along := func(m message) message {
			if !strings.HasPrefix(m.start, m.method()+" "+tc.uri+" ") || strings.Join(m.headers["Route"], "|") != tc.routes {
				t.Errorf("%s: %q along %q", name, m.start, m.headers["Route"])
			}
			return m
		}
		p.send(p.accept(along(p.until("INVITE", isMethod("INVITE"))), "answer", p.contact))
		along(p.until("ACK", isMethod("ACK")))
		if r := recv(t, results); r.err != nil {
			t.Error(r.err)
		}
		close(release)
		p.send(p.okFor(along(p.until("BYE", isMethod("BYE")))))
	}
}

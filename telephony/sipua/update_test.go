package sipua

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
)

const heldOffer = testOffer + "a=sendonly\r\n"

func TestUpdate(t *testing.T) {
	var refuse atomic.Bool
	u := start(t, Config{Invite: func(ctx context.Context, d *Dialog) {
		d.OnReoffer(func(offer []byte) ([]byte, error) {
			if refuse.Load() {
				return nil, errors.New("no")
			}
			return []byte("answer to " + string(offer)), nil
		})
		answerAndWait(make(chan error, 1))(ctx, d)
	}})
	for _, transport := range transports {
		refuse.Store(false)
		p := dial(t, transport, u.listening(transport))
		p.call()
		contact := "Contact: <sip:moved@192.0.2.7>"
		m := p.want(200, "2 UPDATE", p.request("UPDATE", 2, "", heldOffer, contact))
		if m.body != "answer to "+heldOffer || m.headers.Get("Content-Type") != "application/sdp" || m.headers.Get("Contact") == "" {
			t.Errorf("%s: %v %q", transport, m.headers, m.body)
		}
		if m := p.want(200, "3 UPDATE", p.request("UPDATE", 3, "", "", contact)); m.body != "" || m.headers.Get("Content-Type") != "" {
			t.Errorf("%s: a refresh without offer is answered with %q", transport, m.body)
		}
		refuse.Store(true)
		if m := p.want(488, "4 UPDATE", p.request("UPDATE", 4, "", testOffer, "Contact: <sip:refused@192.0.2.8>")); m.headers.Get("Warning") == "" {
			t.Error("488 without a Warning")
		}
		p.want(400, "5 UPDATE", p.request("UPDATE", 5, "", testOffer))
		p.want(415, "6 UPDATE", p.request("UPDATE", 6, "", testOffer, contact, "Content-Encoding: gzip"))
		d := u.onlyDialog(t)
		d.mu.Lock()
		if d.target.User != "moved" || string(d.answer) != "answer to "+heldOffer {
			t.Errorf("target %v, last answer %q", d.target, d.answer)
		}
		d.mu.Unlock()
		p.want(200, "7 BYE", p.request("BYE", 7, "", ""))
		p.want(481, "8 UPDATE", p.request("UPDATE", 8, "", "", contact))
		eventually(t, "call over", func() bool { return u.Stats().Dialogs == 0 })
	}
}

func TestUpdateWhileRinging(t *testing.T) {
	u := start(t, Config{Invite: ringAndWait(make(chan error, 1))})
	p := dial(t, "udp", u.listening("udp"))
	branch := p.branch()
	p.send(p.request("INVITE", 1, branch, testOffer))
	p.toTag = p.until("180", func(m message) bool { return m.status() == 180 }).toTag()
	contact := "Contact: <sip:a@192.0.2.1>"
	p.want(200, "2 UPDATE", p.request("UPDATE", 2, "", "", contact))
	if m := p.want(500, "3 UPDATE", p.request("UPDATE", 3, "", testOffer, contact)); m.headers.Get("Retry-After") == "" {
		t.Error("500 without Retry-After")
	}
	p.toTag = ""
	p.send(p.request("CANCEL", 1, branch, ""))
	p.final("1 INVITE")
}

// A re-INVITE without an offer gets ours, and the ACK brings the answer; an answer to
// an offer that another has overtaken is not one.
func TestLateOffer(t *testing.T) {
	answers := make(chan string, 10)
	var peer atomic.Pointer[netip.AddrPort]
	u := start(t, Config{
		Admit: func(src Source) Admission {
			if own := peer.Load(); own != nil && *own != src.Addr {
				return Admission{Allow, "other"}
			}
			return Admission{Allow, "carrier"}
		},
		Invite: func(ctx context.Context, d *Dialog) {
			d.OnReoffer(func([]byte) ([]byte, error) { return []byte("answer"), nil })
			d.OnLateOffer(func() []byte { return []byte("offer") }, func(answer []byte) { answers <- string(answer) })
			answerAndWait(make(chan error, 1))(ctx, d)
		},
	})
	p := dial(t, "udp", u.listening("udp"))
	p.call()
	own := addrPort(p.conn.LocalAddr())
	peer.Store(&own)
	contact := "Contact: <sip:a@192.0.2.1>"
	if m := p.want(200, "2 INVITE", p.request("INVITE", 2, "", "")); m.body != "offer" {
		t.Errorf("offered %q", m.body)
	}
	p.want(491, "3 UPDATE", p.request("UPDATE", 3, "", testOffer, contact))
	p.want(200, "4 UPDATE", p.request("UPDATE", 4, "", "", contact))
	p.send(p.request("ACK", 2, "", heldOffer))
	if got := recv(t, answers); got != heldOffer {
		t.Errorf("answer %q", got)
	}
	p.send(p.request("ACK", 2, "", testOffer)) // once only
	p.want(200, "5 INVITE", p.request("INVITE", 5, "", ""))
	p.send(p.request("ACK", 5, "", "")) // no answer: all stays as it was
	p.want(200, "6 UPDATE", p.request("UPDATE", 6, "", testOffer, contact))
	p.want(200, "7 INVITE", p.request("INVITE", 7, "", ""))
	p.want(200, "8 INVITE", p.request("INVITE", 8, "", testOffer)) // overtakes the offer of 7
	p.send(p.request("ACK", 7, "", testOffer))
	p.send(p.request("ACK", 8, "", ""))
	p.want(200, "9 INVITE", p.request("INVITE", 9, "", ""))
	other := dial(t, "udp", u.listening("udp"))
	other.callID, other.toTag = p.callID, p.toTag
	other.send(other.request("ACK", 9, "", "evil"))
	d := u.onlyDialog(t)
	eventually(t, "every INVITE acknowledged", func() bool { return len(d.waiting()) == 0 })
	p.want(200, "10 BYE", p.request("BYE", 10, "", ""))
	if len(answers) != 0 {
		t.Errorf("a second answer: %q", <-answers)
	}
}

// Without a decider the last description is offered, whichever it was.
func TestLateOfferRepeatsTheLast(t *testing.T) {
	u := start(t, Config{Invite: func(ctx context.Context, d *Dialog) {
		d.OnReoffer(func([]byte) ([]byte, error) { return []byte("second"), nil })
		answerAndWait(make(chan error, 1))(ctx, d)
	}})
	p := dial(t, "udp", u.listening("udp"))
	p.call()
	p.want(200, "2 INVITE", p.request("INVITE", 2, "", heldOffer))
	p.send(p.request("ACK", 2, "", ""))
	if m := p.want(200, "3 INVITE", p.request("INVITE", 3, "", "")); !strings.HasPrefix(m.body, "second") {
		t.Errorf("offered %q", m.body)
	}
	p.send(p.request("ACK", 3, "", ""))
	p.want(200, "4 BYE", p.request("BYE", 4, "", ""))
}

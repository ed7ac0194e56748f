package sipua

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestAnswerIsRepeatedUntilGivenUp(t *testing.T) {
	const t1 = 20 * time.Millisecond
	causes := make(chan error, 1)
	u := start(t, Config{Invite: answerAndWait(causes)}, func(t *timing) { t.t1, t.t2 = t1, 8*t1 })
	for _, transport := range transports {
		p := dial(t, transport, u.listening(transport))
		first := p.want(200, "1 INVITE", p.request("INVITE", 1, "", testOffer))
		p.toTag = first.toTag()
		copies := 1
		bye := p.until("BYE", func(m message) bool {
			if m.status() == 200 {
				copies++
			}
			return m.method() == "BYE"
		})
		// At 0, 1, 3, 7, 15, 23, 31, 39, 47, 55, 63 times T1; the end is at 64.
		if copies != 11 {
			t.Errorf("%s: 200 sent %d times, want 11", transport, copies)
		}
		if early := 64*t1 - bye.at.Sub(first.at); early > 32*t1 {
			t.Errorf("%s: BYE %v too early", transport, early)
		}
		if reason := bye.headers.Get("Reason"); !strings.HasPrefix(reason, "SIP;cause=408") {
			t.Errorf("%s: Reason %q", transport, reason)
		}
		p.send(p.okFor(bye))
		if cause := recv(t, causes); !errors.Is(cause, ErrNoACK) {
			t.Errorf("%s: cause = %v", transport, cause)
		}
	}
}

// okFor answers a request of the user agent.
func (p *peer) okFor(m message) string {
	lines := []string{"SIP/2.0 200 OK"}
	for _, name := range []string{"Via", "From", "To", "Call-Id", "Cseq"} {
		for _, v := range m.headers[name] {
			lines = append(lines, name+": "+v)
		}
	}
	return strings.Join(append(lines, "Content-Length: 0", "", ""), "\r\n")
}

func TestACKIsRecognised(t *testing.T) {
	for name, ack := range map[string]func(p *peer, branch string){
		"on its own branch":      func(p *peer, _ string) { p.send(p.request("ACK", 1, "", "")) },
		"on the INVITE's branch": func(p *peer, branch string) { p.send(p.request("ACK", 1, branch, "")) },
		"after a later request": func(p *peer, _ string) {
			p.want(200, "2 INFO", p.request("INFO", 2, "", ""))
			p.send(p.request("ACK", 1, "", ""))
		},
		"twice": func(p *peer, branch string) {
			p.send(p.request("ACK", 1, branch, ""))
			p.send(p.request("ACK", 1, branch, ""))
		},
		"with a foreign tag first": func(p *peer, _ string) {
			tag := p.toTag
			p.toTag = "foreign"
			p.send(p.request("ACK", 1, "", ""))
			p.toTag = tag
			p.send(p.request("ACK", 1, "", ""))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dialogs, release := make(chan *Dialog, 1), make(chan struct{})
			u := start(t, Config{Invite: func(ctx context.Context, d *Dialog) {
				_ = d.Answer(ctx, []byte(testAnswer))
				dialogs <- d
				<-release
			}})
			p := dial(t, "udp", u.listening("udp"))
			branch := p.branch()
			p.toTag = p.want(200, "1 INVITE", p.request("INVITE", 1, branch, testOffer)).toTag()
			d := recv(t, dialogs)
			if len(d.waiting()) != 1 {
				t.Fatal("not waiting for the ACK")
			}
			ack(p, branch)
			eventually(t, "ACK seen", func() bool { return len(d.waiting()) == 0 })
			eventually(t, "INVITE transaction over", func() bool {
				select {
				case <-d.tx.Done():
					return true
				default:
					return false
				}
			})
			close(release)
			bye := p.until("BYE", func(m message) bool { return m.method() == "BYE" })
			p.send(p.okFor(bye))
		})
	}
}

func TestByeWaitsForACK(t *testing.T) {
	u := start(t, Config{Invite: func(ctx context.Context, d *Dialog) { _ = d.Answer(ctx, []byte(testAnswer)) }},
		func(t *timing) { t.t1 = 20 * time.Millisecond })
	p := dial(t, "udp", u.listening("udp"))
	p.toTag = p.want(200, "1 INVITE", p.request("INVITE", 1, "", testOffer)).toTag()
	for range 3 { // repetitions, no BYE in between
		if m, ok := p.next(20 * time.Second); !ok || m.status() != 200 {
			t.Fatalf("got %q before the ACK", m.start)
		}
	}
	p.send(p.request("ACK", 1, "", ""))
	p.send(p.okFor(p.until("BYE", func(m message) bool { return m.method() == "BYE" })))
}

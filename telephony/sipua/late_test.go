package sipua

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// opening is a handler that answers an INVITE without offer.
func opening(causes chan<- error, answers chan<- string) func(context.Context, *Dialog) {
	return func(ctx context.Context, d *Dialog) {
		d.OnReoffer(func([]byte) ([]byte, error) { return []byte(testAnswer), nil })
		d.OnAnswer(func(answer []byte) error {
			answers <- string(answer)
			if strings.Contains(string(answer), "unusable") {
				return errors.New("unusable")
			}
			return nil
		})
		answerAndWait(causes)(ctx, d)
	}
}

func TestLateOpening(t *testing.T) {
	for _, transport := range transports {
		causes, answers := make(chan error, 1), make(chan string, 2)
		u := start(t, Config{Invite: opening(causes, answers)})
		p := dial(t, transport, u.listening(transport))
		m := p.want(200, "1 INVITE", p.request("INVITE", 1, "", ""))
		if m.body != testAnswer {
			t.Errorf("%s: offered %q", transport, m.body)
		}
		p.toTag = m.toTag()
		p.want(491, "2 UPDATE", p.request("UPDATE", 2, "", testOffer, "Contact: <sip:a@192.0.2.1>"))
		p.send(p.request("ACK", 1, "", testOffer))
		if got := recv(t, answers); got != testOffer {
			t.Errorf("%s: answer %q", transport, got)
		}
		p.send(p.request("ACK", 1, "", testOffer)) // once only
		p.want(200, "3 INVITE", p.request("INVITE", 3, "", testOffer))
		p.send(p.request("ACK", 3, "", ""))
		p.want(200, "4 BYE", p.request("BYE", 4, "", ""))
		if len(answers) != 0 {
			t.Errorf("%s: answered twice", transport)
		}
		var bye *ByeError
		if cause := recv(t, causes); !errors.As(cause, &bye) {
			t.Errorf("%s: cause %v", transport, cause)
		}
	}
}

// A re-INVITE with an offer cannot come between the first offer and its answer.
func TestOfferBeforeTheFirstAnswer(t *testing.T) {
	causes, answers := make(chan error, 1), make(chan string, 1)
	u := start(t, Config{Invite: opening(causes, answers)})
	p := dial(t, "udp", u.listening("udp"))
	p.toTag = p.want(200, "1 INVITE", p.request("INVITE", 1, "", "")).toTag()
	p.want(491, "2 INVITE", p.request("INVITE", 2, "", testOffer))
	p.send(p.request("ACK", 1, "", testOffer))
	if got := recv(t, answers); got != testOffer {
		t.Errorf("answer %q", got)
	}
	p.want(200, "3 BYE", p.request("BYE", 3, "", ""))
	recv(t, causes)
}

func TestLateOpeningFails(t *testing.T) {
	for name, ack := range map[string]func(p *peer) string{
		"no answer":     func(p *peer) string { return p.request("ACK", 1, "", "") },
		"not SDP":       func(p *peer) string { return p.typed("ACK", 1, "text/plain", "hello") },
		"cannot be met": func(p *peer) string { return p.request("ACK", 1, "", "unusable") },
	} {
		t.Run(name, func(t *testing.T) {
			causes, answers := make(chan error, 1), make(chan string, 1)
			u := start(t, Config{Invite: opening(causes, answers)})
			p := dial(t, "udp", u.listening("udp"))
			p.toTag = p.want(200, "1 INVITE", p.request("INVITE", 1, "", "")).toTag()
			p.send(ack(p))
			bye := p.until("BYE", isMethod("BYE"))
			if !strings.HasPrefix(bye.headers.Get("Reason"), "SIP;cause=488") {
				t.Errorf("Reason %q", bye.headers.Get("Reason"))
			}
			p.send(p.okFor(bye))
			if cause := recv(t, causes); !errors.Is(cause, ErrNoDescription) {
				t.Errorf("cause %v", cause)
			}
		})
	}
}

// What is not ours to do is refused, and mailboxes may be full.
func TestOtherRequests(t *testing.T) {
	u := start(t, Config{Invite: answerAndWait(make(chan error, 1))})
	p := dial(t, "udp", u.listening("udp"))
	p.want(200, "1 NOTIFY", p.typed("NOTIFY", 1, "application/simple-message-summary", "Messages-Waiting: yes\r\n", "Event: message-summary", "Subscription-State: active"))
	p.want(200, "2 NOTIFY", p.request("NOTIFY", 2, "", "", "o: keep-alive"))
	p.want(489, "3 NOTIFY", p.request("NOTIFY", 3, "", "", "Event: check-sync"))
	if m := p.want(200, "4 OPTIONS", p.request("OPTIONS", 4, "", "")); m.headers.Get("Supported") != "timer, 100rel" || m.headers.Get("Allow") != allowed {
		t.Errorf("headers %v", m.headers)
	}
	p.callID = newCallID()
	p.call()
	for i, method := range []string{"REFER", "SUBSCRIBE", "PUBLISH", "MESSAGE"} {
		if m := p.want(405, itoa(2+i)+" "+method, p.request(method, 2+i, "", "", "Refer-To: <sip:a@192.0.2.1>", "Event: x")); m.headers.Get("Allow") != allowed {
			t.Errorf("%s: Allow %q", method, m.headers.Get("Allow"))
		}
	}
	p.want(481, "6 PRACK", p.request("PRACK", 6, "", "", "RAck: 1 1 INVITE"))
	p.want(420, "7 BYE", p.request("BYE", 7, "", "", "Require: timer, x"))
	p.want(200, "8 BYE", p.request("BYE", 8, "", "", "Require: timer"))
}

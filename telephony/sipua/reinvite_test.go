package sipua

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// acceptSame is what a call's owner does with a new offer: the same again is fine.
func acceptSame(d *Dialog) {
	d.OnReoffer(func(offer []byte) ([]byte, error) {
		if !bytes.Equal(offer, d.Request().Body) {
			return nil, errors.New("media changed")
		}
		return []byte(testAnswer), nil
	})
}

func TestReinvite(t *testing.T) {
	causes := make(chan error, 1)
	u := start(t, Config{Invite: func(ctx context.Context, d *Dialog) {
		acceptSame(d)
		answerAndWait(causes)(ctx, d)
	}})
	p := dial(t, "udp", u.listening("udp"))
	p.call()
	if m := p.want(200, "2 INVITE", p.request("INVITE", 2, "", testOffer)); m.body != testAnswer || m.toTag() != p.toTag {
		t.Errorf("refresh answered with %q", m.body)
	}
	p.send(p.request("ACK", 2, "", ""))
	if m := p.want(200, "3 INVITE", p.request("INVITE", 3, "", "")); m.body != testAnswer {
		t.Errorf("refresh without offer answered with %q", m.body)
	}
	p.send(p.request("ACK", 3, "", testOffer))
	branch := p.branch()
	if m := p.want(488, "4 INVITE", p.request("INVITE", 4, branch, testOffer+"m=image 1 udptl t38\r\n")); m.headers.Get("Warning") == "" {
		t.Error("488 without a Warning")
	}
	p.send(p.request("ACK", 4, branch, ""))
	d := u.onlyDialog(t)
	eventually(t, "every INVITE acknowledged", func() bool { return len(d.waiting()) == 0 })
	p.want(420, "5 INVITE", p.request("INVITE", 5, "", testOffer, "Require: frob"))
	p.want(415, "6 INVITE", p.request("INVITE", 6, "", testOffer, "Content-Encoding: gzip"))
	p.want(200, "7 BYE", p.request("BYE", 7, "", ""))
	recv(t, causes)
}

func TestReinviteWithoutDecider(t *testing.T) {
	u := start(t, Config{Invite: answerAndWait(make(chan error, 1))})
	p := dial(t, "udp", u.listening("udp"))
	p.call()
	p.want(488, "2 INVITE", p.request("INVITE", 2, "", testOffer))
	p.want(200, "3 BYE", p.request("BYE", 3, "", ""))
}

// Refusals that are never acknowledged may not shut the door for good.
func TestReinviteWithoutACKs(t *testing.T) {
	u := start(t, Config{Invite: answerAndWait(make(chan error, 1))})
	p := dial(t, "udp", u.listening("udp"))
	p.call()
	cseq := 2
	for ; cseq < 2+maxPending; cseq++ {
		p.want(488, fmt.Sprintf("%d INVITE", cseq), p.request("INVITE", cseq, "", testOffer))
	}
	p.want(500, fmt.Sprintf("%d INVITE", cseq), p.request("INVITE", cseq, "", testOffer))
	d := u.onlyDialog(t)
	eventually(t, "old refusals forgotten", func() bool { d.dropDead(); return len(d.waiting()) == 0 })
	cseq++
	p.want(488, fmt.Sprintf("%d INVITE", cseq), p.request("INVITE", cseq, "", testOffer))
	p.want(200, "99 BYE", p.request("BYE", 99, "", ""))
}

func TestReinviteBeforeTheAnswer(t *testing.T) {
	u := start(t, Config{Invite: ringAndWait(make(chan error, 1))})
	p := dial(t, "udp", u.listening("udp"))
	branch := p.branch()
	p.send(p.request("INVITE", 1, branch, testOffer))
	p.toTag = p.until("180", func(m message) bool { return m.status() == 180 }).toTag()
	if m := p.want(500, "2 INVITE", p.request("INVITE", 2, "", testOffer)); m.headers.Get("Retry-After") == "" {
		t.Error("500 without Retry-After")
	}
	p.toTag = ""
	p.send(p.request("CANCEL", 1, branch, ""))
	if m := p.final("1 INVITE"); m.status() != 487 {
		t.Errorf("got %q", m.start)
	}
}

// A re-INVITE that overtook the ACK waits for it, then goes on without.
func TestReinviteBeforeACK(t *testing.T) {
	u := start(t, Config{Invite: func(ctx context.Context, d *Dialog) {
		acceptSame(d)
		answerAndWait(make(chan error, 1))(ctx, d)
	}}, func(t *timing) { t.ackWait = 30 * time.Millisecond })
	p := dial(t, "udp", u.listening("udp"))
	p.toTag = p.want(200, "1 INVITE", p.request("INVITE", 1, "", testOffer)).toTag()
	p.want(200, "2 INVITE", p.request("INVITE", 2, "", testOffer))
	p.send(p.request("ACK", 2, "", ""))
	d := u.onlyDialog(t)
	eventually(t, "second ACK seen", func() bool { return len(d.waiting()) == 1 })
	p.send(p.request("ACK", 1, "", ""))
	eventually(t, "first ACK seen", func() bool { return len(d.waiting()) == 0 })
	p.want(200, "3 BYE", p.request("BYE", 3, "", ""))
}

// Our requests go to where the last accepted INVITE said.
func TestTargetRefresh(t *testing.T) {
	release := make(chan struct{})
	u := start(t, Config{Invite: func(ctx context.Context, d *Dialog) {
		acceptSame(d)
		_ = d.Answer(ctx, []byte(testAnswer))
		<-release
	}})
	p := dial(t, "udp", u.listening("udp"))
	p.call()
	p.contact = "sip:moved@192.0.2.1:5070"
	p.want(200, "2 INVITE", p.request("INVITE", 2, "", testOffer))
	p.send(p.request("ACK", 2, "", ""))
	close(release)
	bye := p.until("BYE", func(m message) bool { return m.method() == "BYE" })
	if !strings.HasPrefix(bye.start, "BYE sip:moved@192.0.2.1:5070 ") {
		t.Errorf("got %q", bye.start)
	}
	p.send(p.okFor(bye))
}

package sipua

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"
)

func is180(m message) bool { return m.status() == 180 }

// ringing100rel is a call that rings reliably, its first 180 and its INVITE's branch.
func ringing100rel(t *testing.T, p *peer, extra ...string) (message, string) {
	t.Helper()
	branch := p.branch()
	p.send(p.request("INVITE", 1, branch, testOffer, extra...))
	m := p.until("180", is180)
	if n, err := strconv.ParseUint(m.headers.Get("RSeq"), 10, 32); err != nil || n == 0 || n >= 1<<31 || m.headers.Get("Require") != "100rel" || m.body != "" {
		t.Fatalf("180 with %v %q", m.headers, m.body)
	}
	p.toTag = m.toTag()
	return m, branch
}

func rack(m message) string { return "RAck: " + m.headers.Get("RSeq") + " 1 INVITE" }

func TestReliableRinging(t *testing.T) {
	for _, transport := range transports {
		answer := make(chan struct{})
		u := start(t, Config{Invite: func(ctx context.Context, d *Dialog) {
			_ = d.Ring()
			_ = d.Ring() // one open reliable response is enough
			waitFor(ctx, answer)
			answerAndWait(make(chan error, 1))(ctx, d)
		}}, func(t *timing) { t.t1, t.ringAgain = 50*time.Millisecond, 100*time.Millisecond })
		p := dial(t, transport, u.listening(transport))
		first, _ := ringing100rel(t, p, "Require: 100rel")
		again := p.until("a copy", is180)
		if again.headers.Get("RSeq") != first.headers.Get("RSeq") {
			t.Errorf("the copy is numbered %q, not %q", again.headers.Get("RSeq"), first.headers.Get("RSeq"))
		}
		for i, bad := range []string{"RAck: 1 1 INVITE", strings.Replace(rack(first), " 1 ", " 2 ", 1), strings.Replace(rack(first), "INVITE", "UPDATE", 1), "RAck: x"} {
			p.want(481, strconv.Itoa(2+i)+" PRACK", p.request("PRACK", 2+i, "", "", bad))
		}
		p.want(488, "6 PRACK", p.request("PRACK", 6, "", testOffer, rack(first)))
		p.want(415, "7 PRACK", p.typed("PRACK", 7, "text/plain", "x", rack(first)))
		p.want(200, "8 PRACK", p.request("PRACK", 8, "", "", rack(first)))
		p.want(481, "9 PRACK", p.request("PRACK", 9, "", "", rack(first))) // it is acknowledged
		next := p.until("the next 180", func(m message) bool { return is180(m) && m.headers.Get("RSeq") != first.headers.Get("RSeq") })
		if next.headers.Get("RSeq") == "" || seqOf(next) != seqOf(first)+1 {
			t.Errorf("RSeq %q after %q", next.headers.Get("RSeq"), first.headers.Get("RSeq"))
		}
		close(answer) // while the second waits for its PRACK
		p.final("1 INVITE")
		p.send(p.request("ACK", 1, "", ""))
		p.want(200, "10 PRACK", p.request("PRACK", 10, "", "", rack(next)))
		p.want(200, "11 BYE", p.request("BYE", 11, "", ""))
	}
}

func seqOf(m message) int {
	n, _ := strconv.Atoi(m.headers.Get("RSeq"))
	return n
}

// Supported alone means reliable only where that is preferred.
func TestReliableByPreference(t *testing.T) {
	u := start(t, Config{PreferReliable: true, Invite: ringAndWait(make(chan error, 2))})
	p := dial(t, "udp", u.listening("udp"))
	m, branch := ringing100rel(t, p, "k: timer, 100REL")
	p.want(200, "2 PRACK", p.request("PRACK", 2, "", "", rack(m)))
	p.toTag = ""
	p.send(p.request("CANCEL", 1, branch, ""))
	p.final("1 INVITE")
	p = dial(t, "udp", u.listening("udp"))
	branch = p.branch()
	p.send(p.request("INVITE", 1, branch, testOffer, "Supported: timer"))
	if m := p.until("180", is180); m.headers.Get("RSeq") != "" {
		t.Error("reliable without support")
	}
	p.send(p.request("CANCEL", 1, branch, ""))
	p.final("1 INVITE")
}

func TestNoPRACK(t *testing.T) {
	const t1 = 10 * time.Millisecond
	causes := make(chan error, 1)
	u := start(t, Config{Invite: ringAndWait(causes)}, func(t *timing) { t.t1 = t1 })
	p := dial(t, "udp", u.listening("udp"))
	first, _ := ringing100rel(t, p, "Require: 100rel")
	copies := 1
	m := p.until("a final response", func(m message) bool {
		if is180(m) {
			copies++
		}
		return m.status() >= 200
	})
	// At 0, 1, 3, 7, 15, 31, 63 times T1; the end is at 64.
	if m.status() != 504 || copies != 7 || m.at.Sub(first.at) < 32*t1 {
		t.Errorf("%q after %d copies and %v", m.start, copies, m.at.Sub(first.at))
	}
	if cause := recv(t, causes); !errors.Is(cause, ErrNoPRACK) {
		t.Errorf("cause %v", cause)
	}
}

// CANCEL and BYE while the 180 is being repeated end everything.
func TestReliableRingingIsCutShort(t *testing.T) {
	for _, method := range []string{"CANCEL", "BYE"} {
		causes := make(chan error, 1)
		u := start(t, Config{Invite: ringAndWait(causes)}, func(t *timing) { t.t1 = 5 * time.Millisecond })
		p := dial(t, "udp", u.listening("udp"))
		m, branch := ringing100rel(t, p, "Require: 100rel")
		if method == "CANCEL" {
			p.toTag = ""
			p.send(p.request(method, 1, branch, ""))
		} else {
			p.send(p.request(method, 2, "", ""))
		}
		if end := p.final("1 INVITE"); end.status() != 487 || end.toTag() != m.toTag() {
			t.Errorf("%s: got %q", method, end.start)
		}
		recv(t, causes)
		for end := time.Now().Add(50 * time.Millisecond); time.Now().Before(end); {
			if m, ok := p.next(time.Until(end)); ok && is180(m) {
				t.Errorf("%s: it still rings", method)
			}
		}
	}
}

// The first reliable response to an INVITE without an offer would have to make ours.
func TestNoReliableRingingWithoutOffer(t *testing.T) {
	u := start(t, Config{Invite: func(ctx context.Context, d *Dialog) {
		if err := d.Ring(); err != nil {
			t.Error(err)
		}
		_ = d.Reject(486, "Busy Here")
	}})
	p := dial(t, "udp", u.listening("udp"))
	p.send(p.request("INVITE", 1, "", "", "Require: 100rel"))
	if m := p.until("more than a 100", func(m message) bool { return m.status() > 100 }); m.status() != 486 {
		t.Errorf("got %q", m.start)
	}
}

func TestParseRAck(t *testing.T) {
	for value, want := range map[string]bool{
		"4711 1 INVITE": true, "4294967295  2\tINVITE": true, "": false, "1 INVITE": false, "1 2 BYE": false, "-1 2 INVITE": false,
		"4294967296 1 INVITE": false, "1 2 INVITE x": false, "1 x INVITE": false,
	} {
		if _, _, ok := parseRAck(value); ok != want {
			t.Errorf("%q: %v", value, ok)
		}
	}
}

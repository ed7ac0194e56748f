package sipua

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
)

// quick has a second of Session-Expires last 4 ms: 90 of them are 360 ms.
func quick(t *timing) { secondsOf(4 * time.Millisecond)(t) }

func secondsOf(d time.Duration) func(*timing) {
	return func(t *timing) { t.second, t.glare = d, 100*time.Microsecond }
}

func isMethod(method string) func(message) bool {
	return func(m message) bool { return m.method() == method }
}

// What the peer asks for, and the terms it gets.
func TestSessionTerms(t *testing.T) {
	u := start(t, Config{SessionTimers: SessionTimers{Expires: 1000 * time.Second, Min: 100 * time.Second}, Invite: answerAndWait(make(chan error, 20))})
	off := start(t, Config{SessionTimers: SessionTimers{Expires: -1}, Invite: answerAndWait(make(chan error, 20))})
	for _, tc := range []struct{ asks, expires, require string }{
		{"", "1000;refresher=uas", ""},
		{"Supported: timer", "1000;refresher=uac", "timer"},
		{"Require: timer", "1000;refresher=uac", "timer"},
		{"k: 100rel,timer|x: 300", "300;refresher=uac", "timer"},
		{"Supported: timer|Session-Expires: 300 ; refresher=UAS", "300;refresher=uas", "timer"},
		{"Supported: timer|Session-Expires: 300;refresher=uac", "300;refresher=uac", "timer"},
		{"Session-Expires: 300", "300;refresher=uas", ""},
		{"Session-Expires: 95", "95;refresher=uas", ""}, // a proxy's wish: it could not answer a 422
		{"Session-Expires: 5", "90;refresher=uas", ""},
		{"Supported: timer|Session-Expires: 7200", "1000;refresher=uac", "timer"},
		{"Supported: timer|Session-Expires: 7200|Min-SE: 3600", "3600;refresher=uac", "timer"},
		{"Supported: timer|Min-SE: 3600", "3600;refresher=uac", "timer"},
		{"Supported: timer|Session-Expires: soon", "1000;refresher=uac", "timer"},
	} {
		p := dial(t, "udp", u.listening("udp"))
		m := p.want(200, "1 INVITE", p.request("INVITE", 1, "", testOffer, headerLines(tc.asks)...))
		if m.headers.Get("Session-Expires") != tc.expires || m.headers.Get("Require") != tc.require || m.headers.Get("Supported") != "timer, 100rel" {
			t.Errorf("%q gets %v", tc.asks, m.headers)
		}
		p.toTag = m.toTag()
		p.send(p.request("ACK", 1, "", ""))
		p.want(200, "2 BYE", p.request("BYE", 2, "", ""))
	}
	for asks, want := range map[string]int{"Session-Expires: 300": 200, "Require: timer": 420} {
		p := dial(t, "udp", off.listening("udp"))
		m := p.want(want, "1 INVITE", p.request("INVITE", 1, "", testOffer, asks))
		if m.headers.Get("Session-Expires") != "" || want == 200 && m.headers.Get("Supported") != "100rel" {
			t.Errorf("with timers off: %v", m.headers)
		}
		p.toTag = m.toTag()
		if want == 200 {
			p.send(p.request("ACK", 1, "", ""))
			p.want(200, "2 BYE", p.request("BYE", 2, "", ""))
		}
	}
}

func TestSessionTooSmall(t *testing.T) {
	u := start(t, Config{Invite: func(ctx context.Context, d *Dialog) {
		acceptSame(d)
		answerAndWait(make(chan error, 1))(ctx, d)
	}})
	p := dial(t, "udp", u.listening("udp"))
	small := []string{"Supported: timer", "Session-Expires: 60", "Contact: <sip:a@192.0.2.1>"}
	check := func(m message) {
		if m.headers.Get("Min-SE") != "90" {
			t.Errorf("Min-SE %q", m.headers.Get("Min-SE"))
		}
	}
	branch := p.branch()
	check(p.want(422, "1 INVITE", p.request("INVITE", 1, branch, testOffer, small[:2]...)))
	p.send(p.request("ACK", 1, branch, ""))
	m := p.want(200, "2 INVITE", p.request("INVITE", 2, "", testOffer, "Supported: timer", "Session-Expires: 90", "Min-SE: 90"))
	p.toTag = m.toTag()
	p.send(p.request("ACK", 2, "", ""))
	check(p.want(422, "3 UPDATE", p.request("UPDATE", 3, "", "", small...)))
	check(p.want(422, "4 INVITE", p.request("INVITE", 4, "", testOffer, small[:2]...)))
	p.want(200, "5 BYE", p.request("BYE", 5, "", ""))
}

// sessionCall sets a call up with headers in its INVITE.
func sessionCall(t *testing.T, second time.Duration, headers ...string) (p *peer, causes chan error) {
	t.Helper()
	causes = make(chan error, 1)
	cfg := Config{Invite: func(ctx context.Context, d *Dialog) {
		d.OnReoffer(func([]byte) ([]byte, error) { return []byte(testAnswer), nil })
		answerAndWait(causes)(ctx, d)
	}}
	u := start(t, cfg, secondsOf(second))
	p = dial(t, "udp", u.listening("udp"))
	p.toTag = p.want(200, "1 INVITE", p.request("INVITE", 1, "", testOffer, headers...)).toTag()
	p.send(p.request("ACK", 1, "", ""))
	return p, causes
}

// The peer was to refresh and did so for a while: each sign of life counts, and then the
// silence does.
func TestSessionExpires(t *testing.T) {
	p, causes := sessionCall(t, 10*time.Millisecond, "Supported: timer", "Session-Expires: 90") // over after 60 of them
	ask := []string{"Supported: timer", "Session-Expires: 150", "Contact: <sip:a@192.0.2.1>"}
	refreshed := time.Now() // at the earliest
	if m := p.want(200, "2 UPDATE", p.request("UPDATE", 2, "", "", ask...)); m.headers.Get("Session-Expires") != "150;refresher=uac" {
		t.Errorf("refresh got %v", m.headers)
	}
	bye := p.until("BYE", isMethod("BYE"))
	// 150 − 32 seconds of 10 ms
	if alive := bye.at.Sub(refreshed); alive < time.Second {
		t.Errorf("BYE after %v", alive)
	}
	if reason := bye.headers.Get("Reason"); !strings.HasPrefix(reason, "Q.850;cause=102") {
		t.Errorf("Reason %q", reason)
	}
	p.send(p.okFor(bye))
	if cause := recv(t, causes); !errors.Is(cause, ErrExpired) {
		t.Errorf("cause %v", cause)
	}
}

// We refresh by UPDATE where the peer lists it, and by the last description otherwise;
// its version stays.
func TestWeRefresh(t *testing.T) {
	for allow, method := range map[string]string{"INVITE, ACK, BYE, UPDATE": "UPDATE", "INVITE, ACK, BYE": "INVITE"} {
		p, causes := sessionCall(t, 4*time.Millisecond, "Supported: timer", "Session-Expires: 90;refresher=uas", "Allow: "+allow)
		var last message
		for range 3 {
			m := p.until(method, isMethod(method))
			if m.headers.Get("Session-Expires") != "90;refresher=uac" || m.headers.Get("Supported") != "timer" || m.headers.Get("Contact") == "" ||
				m.body != map[string]string{"UPDATE": "", "INVITE": testAnswer}[method] || m.cseq() == last.cseq() {
				t.Errorf("refresh %q %v %q", m.start, m.headers, m.body)
			}
			last = m
			ok := strings.Replace(p.okFor(m), "Content-Length", "Session-Expires: 90;refresher=uac\r\nContact: <"+p.contact+">\r\nContent-Length", 1)
			p.send(ok)
			if method == "INVITE" {
				for range 2 { // one for the 200 and one for its copy
					ack := p.until("ACK", isMethod("ACK"))
					if ack.cseq() != strings.Replace(m.cseq(), "INVITE", "ACK", 1) || ack.headers.Get("Via") == m.headers.Get("Via") {
						t.Errorf("ACK %v", ack.headers)
					}
					p.send(ok)
				}
			}
		}
		p.want(200, "2 BYE", p.request("BYE", 2, "", ""))
		var bye *ByeError
		if cause := recv(t, causes); !errors.As(cause, &bye) {
			t.Errorf("cause %v", cause)
		}
	}
}

// A refresh that fails in one way is tried in another; that nobody has it ends the call.
func TestRefreshFails(t *testing.T) {
	p, causes := sessionCall(t, time.Millisecond, "Allow: UPDATE", "Supported: timer", "Session-Expires: 1800;refresher=uas")
	p.send(responseFor(p.until("UPDATE", isMethod("UPDATE")), "405 Method Not Allowed"))
	small := p.until("INVITE", isMethod("INVITE"))
	p.send(strings.Replace(responseFor(small, "422 Session Interval Too Small"), "Content-Length", "Min-SE: 1900\r\nContent-Length", 1))
	raised := p.until("INVITE", func(m message) bool { return m.method() == "INVITE" && m.cseq() != small.cseq() })
	if raised.headers.Get("Session-Expires") != "1900;refresher=uac" || raised.headers.Get("Min-SE") != "1900" {
		t.Errorf("after a 422: %v", raised.headers)
	}
	p.send(responseFor(raised, "491 Request Pending"))
	again := p.until("INVITE", func(m message) bool {
		return m.method() == "INVITE" && m.cseq() != small.cseq() && m.cseq() != raised.cseq()
	})
	p.send(responseFor(again, "503 Service Unavailable"))
	last := p.until("INVITE", func(m message) bool {
		return m.method() == "INVITE" && m.cseq() != small.cseq() && m.cseq() != raised.cseq() && m.cseq() != again.cseq()
	})
	p.send(responseFor(last, "481 Call Does Not Exist"))
	bye := p.until("BYE", isMethod("BYE"))
	p.send(p.okFor(bye))
	if cause := recv(t, causes); !errors.Is(cause, ErrGone) {
		t.Errorf("cause %v", cause)
	}
}

// A refresh that is always refused ends the call when its time is over.
func TestRefreshIsRefused(t *testing.T) {
	p, causes := sessionCall(t, 300*time.Microsecond, "Allow: UPDATE", "Supported: timer", "Session-Expires: 1800;refresher=uas")
	tries := map[string]bool{}
	bye := p.until("BYE", func(m message) bool {
		if m.method() == "UPDATE" {
			tries[m.cseq()] = true
			p.send(responseFor(m, "503 Service Unavailable"))
		}
		return m.method() == "BYE"
	})
	p.send(p.okFor(bye))
	if cause := recv(t, causes); !errors.Is(cause, ErrExpired) || len(tries) < 2 {
		t.Errorf("cause %v after %d tries", cause, len(tries))
	}
}

// A refusal of a peer without timers shows that it is there.
func TestRefusalIsASignOfLife(t *testing.T) {
	p, causes := sessionCall(t, 4*time.Millisecond, "Allow: UPDATE", "Session-Expires: 90")
	for last, n := "", 0; n < 4; {
		m := p.until("UPDATE", isMethod("UPDATE"))
		p.send(responseFor(m, "500 Not Now"))
		if m.cseq() != last {
			last, n = m.cseq(), n+1
		}
	}
	p.want(200, "2 BYE", p.request("BYE", 2, "", ""))
	var bye *ByeError
	if cause := recv(t, causes); !errors.As(cause, &bye) {
		t.Errorf("cause %v", cause)
	}
}

func TestSessionTimersDefaults(t *testing.T) {
	for in, want := range map[SessionTimers][2]uint32{
		{}: {1800, 90}, {Expires: time.Minute}: {90, 90}, {Expires: time.Hour, Min: time.Second}: {3600, 90}, {Min: time.Hour}: {3600, 3600},
	} {
		if expires, least := in.withDefaults().seconds(); expires != want[0] || least != want[1] {
			t.Errorf("%+v: %d, %d", in, expires, least)
		}
	}
}

func headerLines(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, "|")
}

// What an INVITE of ours asks for, before and after a 422, and what its 2xx may say.
func TestOpenSession(t *testing.T) {
	for _, tc := range []struct {
		says string // Session-Expires of the 2xx
		want terms
	}{
		{"", terms{expires: 2400, ours: true}},
		{"600;refresher=uac", terms{600, true, true}},
		{"600;refresher=uas", terms{600, false, true}},
		{"1;refresher=uas", terms{90, false, true}},
	} {
		d := &Dialog{ua: &UA{cfg: Config{}.withDefaults(), timing: defaultTiming()}, state: answered, placed: true}
		if got := d.session.open(d.ua.cfg.SessionTimers); got[0].Value != "1800" || got[1].Value != "90" {
			t.Errorf("asked %v", got)
		}
		if !d.raiseSession(2400) || d.raiseSession(2400) {
			t.Error("a 422 counts once")
		}
		if got := d.session.open(d.ua.cfg.SessionTimers); got[0].Value != "2400" || got[1].Value != "2400" {
			t.Errorf("asked after a 422: %v", got)
		}
		res := sip.NewResponse(200, "OK")
		if tc.says != "" {
			res.AppendHeader(sip.NewHeader("Session-Expires", tc.says))
		}
		d.sessionAnswered(res)
		d.mu.Lock()
		d.stopSessionLocked()
		if d.session.terms != tc.want {
			t.Errorf("%q: %+v, want %+v", tc.says, d.session.terms, tc.want)
		}
		d.mu.Unlock()
	}
}

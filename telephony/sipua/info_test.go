package sipua

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// typed is a request with another body than SDP.
func (p *peer) typed(method string, cseq int, kind, body string, extra ...string) string {
	raw := p.request(method, cseq, "", body, extra...)
	if kind == "" {
		return strings.Replace(raw, "Content-Type: application/sdp\r\n", "", 1)
	}
	return strings.Replace(raw, "Content-Type: application/sdp", "Content-Type: "+kind, 1)
}

func TestInfoDigits(t *testing.T) {
	digits := make(chan rune, 20)
	u := start(t, Config{Invite: func(ctx context.Context, d *Dialog) {
		d.OnInfoDigit(func(digit rune) { digits <- digit })
		answerAndWait(make(chan error, 1))(ctx, d)
	}})
	for _, transport := range transports {
		p := dial(t, transport, u.listening(transport))
		p.call()
		p.want(200, "2 INFO", p.typed("INFO", 2, "application/dtmf-relay", "Signal=5\r\nDuration=160\r\n"))
		p.want(200, "3 INFO", p.typed("INFO", 3, "Application/DTMF-Relay; charset=x", "Duration = 100\nSignal = #"))
		p.want(200, "4 INFO", p.typed("INFO", 4, "application/dtmf", "10"))
		p.want(200, "5 INFO", p.typed("INFO", 5, "", ""))
		p.want(400, "6 INFO", p.typed("INFO", 6, "application/dtmf-relay", "Signal=55\r\nDuration=160\r\n"))
		if m := p.want(415, "7 INFO", p.typed("INFO", 7, "", "Signal=7")); m.headers.Get("Accept") != "application/dtmf-relay, application/dtmf" {
			t.Errorf("Accept %q", m.headers.Get("Accept"))
		}
		p.want(415, "8 INFO", p.typed("INFO", 8, "application/media_control+xml", "<x/>"))
		if m := p.want(469, "9 INFO", p.typed("INFO", 9, "application/dtmf", "9", "Info-Package: foo")); len(m.headers["Recv-Info"]) != 1 {
			t.Errorf("headers %v", m.headers)
		}
		p.want(200, "10 BYE", p.request("BYE", 10, "", ""))
		for _, want := range "5#*" {
			if got := recv(t, digits); got != want {
				t.Errorf("%s: digit %q, want %q", transport, got, want)
			}
		}
		if len(digits) != 0 {
			t.Errorf("%s: a digit too many: %q", transport, <-digits)
		}
	}
}

func TestSendInfoDigit(t *testing.T) {
	type result struct{ first, second, third error }
	results := make(chan result, 1)
	u := start(t, Config{Invite: func(ctx context.Context, d *Dialog) {
		var r result
		if err := d.SendInfoDigit(ctx, '1', time.Second); !errors.Is(err, ErrState) {
			t.Errorf("before the answer: %v", err)
		}
		_ = d.Answer(ctx, []byte(testAnswer))
		r.first = d.SendInfoDigit(ctx, 'a', 160*time.Millisecond)
		r.second = d.SendInfoDigit(ctx, 'x', time.Second)
		r.third = d.SendInfoDigit(ctx, '#', time.Second)
		results <- r
	}})
	p := dial(t, "udp", u.listening("udp"))
	p.call()
	m := p.until("INFO", func(m message) bool { return m.method() == "INFO" })
	if m.body != "Signal=A\r\nDuration=160\r\n" || m.headers.Get("Content-Type") != "application/dtmf-relay" || m.headers.Get("To") == "" {
		t.Errorf("sent %q %v", m.body, m.headers)
	}
	p.send(responseFor(m, "200 OK"))
	m = p.until("INFO", func(m message) bool { return strings.Contains(m.body, "Signal=#") })
	p.send(responseFor(m, "415 Unsupported Media Type"))
	r := recv(t, results)
	if r.first != nil || !errors.Is(r.second, ErrDigit) || statusOf(r.third) != 415 {
		t.Errorf("%+v", r)
	}
	p.send(p.okFor(p.until("BYE", func(m message) bool { return m.method() == "BYE" })))
}

// A peer that has no such call any more ends it at our side too.
func TestInfoToADeadCall(t *testing.T) {
	causes := make(chan error, 1)
	u := start(t, Config{Invite: func(ctx context.Context, d *Dialog) {
		_ = d.Answer(ctx, []byte(testAnswer))
		if err := d.SendInfoDigit(ctx, '1', time.Second); !errors.Is(err, ErrGone) {
			t.Errorf("SendInfoDigit: %v", err)
		}
		causes <- context.Cause(ctx)
	}})
	p := dial(t, "udp", u.listening("udp"))
	p.call()
	p.send(responseFor(p.until("INFO", func(m message) bool { return m.method() == "INFO" }), "481 Gone"))
	if cause := recv(t, causes); !errors.Is(cause, ErrGone) {
		t.Errorf("cause %v", cause)
	}
	bye := p.until("BYE", func(m message) bool { return m.method() == "BYE" })
	if !strings.HasPrefix(bye.headers.Get("Reason"), "Q.850;cause=102") {
		t.Errorf("Reason %q", bye.headers.Get("Reason"))
	}
	p.send(p.okFor(bye))
}

func TestParseInfoDigit(t *testing.T) {
	for body, want := range map[string]rune{
		"Signal=5\r\nDuration=160\r\n": '5', "Signal= *\r\n": '*', "signal = #": '#', "Signal=10": '*', "Signal=11": '#',
		"Signal=d\n": 'D', "Signal=12": 'A', "Signal=15": 'D', "Signal=16": '!', "Signal=!": '!', "5": '5', " 7\r\n": '7', "0": '0',
		"": 0, "Signal=": 0, "Signal=17": 0, "Signal=E": 0, "Duration=5": 0, "Signal=5;x": 0, "55": 0, "Signal=1\x00": 0, "Signal=1é": 0,
	} {
		got, ok := parseInfoDigit(body)
		if got != want || ok != (want != 0) {
			t.Errorf("%q: %q %v, want %q", body, got, ok, want)
		}
	}
}

func FuzzInfoDigit(f *testing.F) {
	for _, body := range []string{"Signal=5\r\nDuration=160\r\n", "signal = 11", "10", "*", "Signal=\r\nSignal=1", "=\n=\n"} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		digit, ok := parseInfoDigit(body)
		if ok != strings.ContainsRune(keyNames, digit) {
			t.Fatalf("%q gives %q, %v", body, digit, ok)
		}
		if again, _ := parseInfoDigit("Signal=" + string(digit)); ok && again != digit {
			t.Fatalf("%q reads back as %q", digit, again)
		}
	})
}

package telephony

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/transcode"
)

// Each row is one story: way and key, at a time in ms.
func TestKeypad(t *testing.T) {
	type step struct {
		w   way
		key rune
		ms  int
	}
	for name, tc := range map[string]struct {
		steps []step
		want  string
	}{
		"one way":                 {[]step{{byRTP, '1', 0}, {byRTP, '2', 10}}, "12"},
		"twice on one way":        {[]step{{byINFO, '1', 0}, {byINFO, '1', 10}}, "11"},
		"both ways":               {[]step{{byRTP, '1', 0}, {byINFO, '1', 300}}, "1"},
		"the other way first":     {[]step{{byINFO, '1', 0}, {byRTP, '1', 1999}}, "1"},
		"too late for a twin":     {[]step{{byRTP, '1', 0}, {byINFO, '1', 2000}}, "11"},
		"another key":             {[]step{{byRTP, '1', 0}, {byINFO, '2', 10}}, "12"},
		"twice, both ways":        {[]step{{byRTP, '5', 0}, {byRTP, '5', 200}, {byINFO, '5', 300}, {byINFO, '5', 400}}, "55"},
		"in turn":                 {[]step{{byRTP, '5', 0}, {byINFO, '5', 100}, {byRTP, '5', 200}, {byINFO, '5', 300}}, "55"},
		"INFO overtakes in a row": {[]step{{byRTP, '1', 0}, {byRTP, '2', 100}, {byINFO, '2', 200}, {byINFO, '1', 300}}, "12"},
		"a third time":            {[]step{{byRTP, '5', 0}, {byINFO, '5', 100}, {byINFO, '5', 200}}, "55"},
	} {
		k := newKeypad()
		for _, s := range tc.steps {
			if !k.press(s.w, s.key, time.Unix(0, 0).Add(time.Duration(s.ms)*time.Millisecond)) {
				t.Errorf("%s: %q lost", name, s.key)
			}
		}
		got := ""
		for len(k.out) > 0 {
			got += string(<-k.out)
		}
		if got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

func TestKeypadIsBounded(t *testing.T) {
	k, lost := newKeypad(), 0
	for i := range 1000 {
		if !k.press(byRTP, '1', time.Unix(0, int64(i))) {
			lost++
		}
	}
	if lost != 1000-digitsQueued || len(k.out) != digitsQueued || len(k.unpaired[byRTP]) > digitsQueued {
		t.Errorf("%d lost, %d wait, %d unpaired", lost, len(k.out), len(k.unpaired[byRTP]))
	}
}

// Keys come and go by INFO when the far end has no RTP events.
func TestSippInfo(t *testing.T) {
	for _, transport := range transports {
		heard := make(chan rune, 10)
		ends := make(chan *Ended, 1)
		s := start(t, Config{}, func(ctx context.Context, c *Call) {
			if err := c.SendDigits(ctx, "1"); !errors.Is(err, ErrState) {
				t.Errorf("before the answer: %v", err)
			}
			_ = c.Answer(ctx)
			for range 3 {
				select {
				case d := <-c.Digits():
					heard <- d
				case <-ctx.Done():
				}
			}
			if err := c.SendDigits(ctx, "4x"); !errors.Is(err, ErrDigits) {
				t.Errorf("no keys: %v", err)
			}
			begun := time.Now()
			if err := c.SendDigits(ctx, "4*"); err != nil {
				t.Errorf("SendDigits: %v", err)
			}
			if took := time.Since(begun); took < digitStep {
				t.Errorf("two keys in %v", took)
			}
			if err := c.SendDigits(ctx, "29"); !errors.Is(err, errNoInfos) {
				t.Errorf("refused: %v", err)
			}
			<-ctx.Done()
			ends <- c.Ended()
		})
		sipp(t, "info", transport, s, nil)
		for _, want := range "55#" {
			if got := recv(t, heard); got != want {
				t.Errorf("%s: heard %q, want %q", transport, got, want)
			}
		}
		if e := recv(t, ends); !errors.Is(e, ErrHungUp) {
			t.Errorf("%s: ended %+v", transport, e)
		}
	}
}

// Where RTP events were agreed on, keys go that way.
func TestSendDigitsAsEvents(t *testing.T) {
	c := negotiating(t)
	if err := c.SendDigits(t.Context(), "12#"); err != nil {
		t.Fatal(err)
	}
	if n := c.media.DigitsQueued(); n < 1 || n > 3 {
		t.Errorf("%d keys wait", n)
	}
	if err := c.SendDigits(t.Context(), "1x"); !errors.Is(err, ErrDigits) {
		t.Errorf("no keys: %v", err)
	}
}

// An exchange that sends each press as RTP events and as INFO, every packet of the events more than once and the first one
// lost, has pressed once.
func TestKeysThatComeBothWays(t *testing.T) {
	e := &ear{up: make(chan *Call, 1)}
	s := start(t, Config{Trunks: twoTrunks()}, e.serve)
	phone, w := wirePhoneAt(t, trunkHost), newWire(t, s, "udp", trunkHost)
	offer := strings.Replace(description("127.0.0.1:"+phone.port()), "AVP 0\r\n", "AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n", 1)
	_, w.toTag, _ = strings.Cut(headerOf(w.want(200, w.request("INVITE", 1, offer)), "To"), ";tag=")
	w.say(w.request("ACK", 1, ""))
	c := recv(t, e.up)
	phone.say(c.Media().Port(), transcode.PCMU, 0x21, 6)
	cseq := 1
	info := func(key string) {
		cseq++
		text := w.request("INFO", cseq, "Signal="+key+"\r\nDuration=160\r\n")
		w.want(200, strings.Replace(text, "application/sdp", "application/dtmf-relay", 1))
	}
	for _, key := range []byte{5, 5, 6} {
		for _, duration := range []byte{2, 2, 3, 0x83, 0x83, 0x83} { // the last three say end; no marker
			phone.event(c.Media().Port(), key, duration)
		}
		phone.ts += 1600
		info(string('0' + rune(key)))
	}
	info("7")
	for i, want := range "5567" {
		if got := recv(t, c.Digits()); got != want {
			t.Errorf("key %d is %q, want %q", i, got, want)
		}
	}
	w.want(200, w.request("BYE", cseq+1, ""))
}

// event sends a packet of a key that has lasted for duration hundredths of a second; 0x80 is added at its end.
func (p *wirePhone) event(to int, key, duration byte) {
	raw := append(rtpPacket(p.seq, p.ts, 0x21, 0)[:12], key, duration&0x80|10, 0, 80*(duration&0x7f))
	raw[1] = 101
	p.seq++
	if _, err := p.WriteTo(raw, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: to}); err != nil {
		p.t.Error(err)
	}
}

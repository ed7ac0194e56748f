package telephony

import (
	"context"
	"errors"
	"testing"
	"time"
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

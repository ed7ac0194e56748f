package tools

import (
	"context"
	"strings"
	"testing"
	"time"
)

func TestEffects(t *testing.T) {
	nothing := func(context.Context, *Call, struct{}) (string, error) { return "", nil }
	r := NewRegistry()
	must(t, Add(r, "look", "", nothing))
	must(t, Add(r, "book", "", nothing, Once(), AfterTurn(), SayAfter(1500*time.Millisecond, "One moment."), SayOnFailure("That did not work.")))
	must(t, Add(r, "report", "", nothing, Background(), OnDuplicate(Reject)))
	must(t, Add(r, "clip", "", nothing, SayLineAfter(time.Second, Line{Clip: []int16{1, 2}}), SayAtStart("Let me see.")))
	info := func(name string) Info { i, _ := r.Info(name); return i }
	if e := info("look").Effects; e.Duplicate != Allow || e.Once || e.AfterTurn || e.Background || e.Say.After != 0 {
		t.Errorf("a look-up has %+v", e)
	}
	if e := info("book").Effects; e.Duplicate != Join || !e.Once || !e.AfterTurn || e.Say.After != 1500*time.Millisecond ||
		e.Say.Slow.Text != "One moment." || e.Say.Failed.Text != "That did not work." {
		t.Errorf("a booking has %+v", e)
	}
	if i := info("report"); !i.Effects.Background || i.OnInterrupt != Finish || i.Effects.Duplicate != Reject {
		t.Errorf("a report has %+v", i)
	}
	if e := info("clip").Effects; len(e.Say.Slow.Clip) != 2 || e.Say.Start.Text != "Let me see." {
		t.Errorf("a clip has %+v", e)
	}
}

func TestEffectsAreRefused(t *testing.T) {
	for _, tc := range []struct {
		opt  Option
		want string
	}{
		{OnDuplicate(7), "Duplicate(7) is none of allow, reject and join"},
		{SayAfter(time.Millisecond, "x"), "not within 200ms to 1m"},
		{SayAfter(time.Second, ""), "nothing to say"},
		{SayAfter(time.Second, strings.Repeat("x", 301)), "at most 300 bytes"},
		{SayOnFailure(""), "nothing to say"},
		{SayLineAfter(time.Second, Line{Clip: make([]int16, 240001)}), "30 s"},
	} {
		err := Add(NewRegistry(), "t", "", func(context.Context, *Call, struct{}) (string, error) { return "", nil }, tc.opt)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("got %v, want %q", err, tc.want)
		}
	}
}

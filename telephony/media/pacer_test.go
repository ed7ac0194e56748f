package media

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// beat is a stream that only counts its ticks.
type beat struct {
	pacer *Pacer
	place paced

	mu    sync.Mutex
	every time.Duration
	due   time.Duration
	at    []time.Duration
}

func newBeat(p *Pacer, first, every time.Duration) *beat {
	b := &beat{pacer: p, due: first, every: every}
	b.place.tick = b.tick
	p.add(&b.place, first)
	return b
}

func (b *beat) tick(now time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if slotOf(b.due) <= slotOf(now) {
		b.at = append(b.at, now)
		b.due += b.every
	}
	b.pacer.move(&b.place, b.due)
}

func (b *beat) take() []time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	at := b.at
	b.at = nil
	return at
}

func TestPacerKeepsAbsoluteDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer()
		defer p.Close()
		var beats []*beat
		for i := range 60 { // all phases, some between milliseconds, several per slot
			beats = append(beats, newBeat(p, time.Duration(i)*700*time.Microsecond, 20*time.Millisecond))
		}
		pass(10 * time.Second)
		for i, b := range beats {
			at := b.take()
			if len(at) < 498 || len(at) > 501 {
				t.Fatalf("stream %d ticked %d times in 10 s", i, len(at))
			}
			for k, now := range at {
				want := time.Duration(i)*700*time.Microsecond + time.Duration(k)*20*time.Millisecond
				if early := want - now; early < 0 || early >= slotTime {
					t.Fatalf("stream %d, tick %d is %v early", i, k, early)
				}
			}
		}
		if p.Streams() != 60 {
			t.Errorf("%d streams", p.Streams())
		}
	})
}

func TestPacerAfterALongSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer()
		defer p.Close()
		pass(3 * time.Hour)
		b := newBeat(p, p.now()+5*time.Millisecond, 60*time.Millisecond)
		pass(70 * time.Millisecond)
		if at := b.take(); len(at) != 2 {
			t.Errorf("ticked at %v", at)
		}
	})
}

// A deadline further off than the wheel is long comes up early, and is put off.
func TestPacerPutsOffFarDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer()
		defer p.Close()
		b := newBeat(p, 10*time.Millisecond, 500*time.Millisecond)
		pass(1100 * time.Millisecond)
		want := []time.Duration{10 * time.Millisecond, 510 * time.Millisecond, 1010 * time.Millisecond}
		if at := b.take(); !slices.Equal(at, want) {
			t.Errorf("ticked at %v, want %v", at, want)
		}
	})
}

// An earlier deadline wakes the pacer out of a longer sleep.
func TestPacerMovesForward(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer()
		defer p.Close()
		late := newBeat(p, 100*time.Millisecond, time.Second)
		pass(10 * time.Millisecond)
		soon := newBeat(p, 15*time.Millisecond, time.Second)
		pass(10 * time.Millisecond)
		if at := soon.take(); len(at) != 1 || at[0] != 15*time.Millisecond {
			t.Errorf("ticked at %v", at)
		}
		if at := late.take(); len(at) != 0 {
			t.Errorf("the late one ticked at %v", at)
		}
	})
}

func TestPacerRemove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer()
		defer p.Close()
		a := newBeat(p, 0, 20*time.Millisecond)
		b := newBeat(p, 0, 20*time.Millisecond)
		c := newBeat(p, 0, 20*time.Millisecond)
		pass(5 * time.Millisecond)
		p.remove(&b.place) // from the middle of a slot
		b.take()
		pass(time.Second)
		if len(b.take()) != 0 || len(a.take()) != 51 || len(c.take()) != 51 {
			t.Error("the wrong streams ticked")
		}
		p.remove(&a.place)
		p.remove(&c.place)
		if p.Streams() != 0 {
			t.Errorf("%d streams", p.Streams())
		}
	})
}

// After the machine stood still for longer than the wheel is long, every stream
// ticks until it has caught up, and then in its own rhythm again. The stall is
// made by a tick that takes that long.
func TestPacerCatchesUpAfterAStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer()
		defer p.Close()
		a := newBeat(p, 3*time.Millisecond, 20*time.Millisecond)
		b := newBeat(p, 9*time.Millisecond, 20*time.Millisecond)
		stall := paced{}
		stall.tick = func(time.Duration) { <-time.After(2 * time.Second) }
		p.add(&stall, 50*time.Millisecond)
		pass(3 * time.Second)
		for _, s := range []*beat{a, b} {
			if at := s.take(); len(at) < 149 || len(at) > 151 {
				t.Errorf("%d ticks in 3 s", len(at))
			}
		}
		if at := a.take(); len(at) != 0 {
			t.Errorf("still catching up: %v", at)
		}
	})
}

func TestPacerCloseTwice(t *testing.T) {
	p := NewPacer()
	p.Close()
	p.Close()
}

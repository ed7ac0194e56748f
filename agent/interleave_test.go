package agent

import (
	"context"
	"flag"
	"fmt"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trunkline/trunkline/agent/simulator"
)

var (
	onlySeed  = flag.Uint64("interleave.seed", 0, "play this seed of TestInterleavings alone, and print its log")
	keepGoing = flag.Bool("interleave.all", false, "go on after a seed that failed")
	moreSeeds = flag.Uint64("interleave.seeds", 0, "how many seeds TestInterleavings plays; 0: its usual number")
)

// shards run side by side, each one seed after the other.
const shards = 16

// TestInterleavings plays calls in which everything happens at any moment: a caller who speaks, coughs, presses keys and
// puts us on hold; a model whose answers are slow, wrong, cut off, silent or missing; tools of any length, several at once;
// a network on which events cross. Whatever the order, the strict server never has to refuse anything that was ours to
// avoid, every function call has one output, and no wish is lost.
//
//	go test ./agent -run TestInterleavings -interleave.seed 4711
func TestInterleavings(t *testing.T) {
	if *onlySeed != 0 {
		playSeed(t, *onlySeed, true)
		return
	}
	seeds := usualSeeds()
	usual := debug.SetGCPercent(400) // each call leaves much behind, none of it for long
	t.Cleanup(func() { debug.SetGCPercent(usual) })
	for shard := range uint64(shards) {
		t.Run(fmt.Sprintf("shard%d", shard), func(t *testing.T) {
			t.Parallel()
			for seed := shard + 1; seed <= seeds && (*keepGoing || !t.Failed()); seed += shards {
				playSeed(t, seed, false)
			}
		})
	}
}

func usualSeeds() uint64 {
	switch {
	case *moreSeeds > 0:
		return *moreSeeds
	case raceDetector || testing.Short():
		return 2000
	}
	return 100_000
}

// playSeed plays one call in a bubble of its own, which does not end before the last goroutine has.
func playSeed(t *testing.T, seed uint64, show bool) {
	t.Helper()
	// Fake time stands still while anything is busy: a loop that spins would be seen by nobody.
	stuck := time.AfterFunc(time.Minute, func() { panic(fmt.Sprintf("seed %d: a minute has passed and nothing came to rest", seed)) })
	defer stuck.Stop()
	defer func() {
		if p := recover(); p != nil {
			t.Fatalf("seed %d: %v", seed, p)
		}
	}()
	var w *world
	synctest.Test(t, func(t *testing.T) {
		w = newWorld(t, seed)
		w.call()
	})
	w.verdict(t, show)
}

// call is the whole call.
func (w *world) call() {
	conv, err := Open(context.Background(), w.setup())
	if err != nil {
		w.t.Fatalf("seed %d: %v", w.seed, err)
	}
	w.conv = conv
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	w.hangUp = cancel
	go func() { w.ended <- conv.Run(ctx, w.line) }()
	end := w.disturb()
	if end == nil && !w.abrupt {
		end = w.rest()
	}
	w.conclude(end)
}

// conclude hangs up, if nobody has, and closes everything.
func (w *world) conclude(end *End) {
	w.endedItself = end != nil || w.abrupt
	if end == nil {
		w.hangUp(errCallerHungUp)
		<-w.ended
	}
	w.over = time.Now()
	w.conv.Finish(FinalPatience)
	w.line.player.alarm.Stop()
	for _, l := range w.links {
		w.records = append(w.records, l.Session().Record())
	}
	w.srv.Close()
}

// disturb is the caller, for a few seconds or a minute. It returns how the call ended if it did.
func (w *world) disturb() *End {
	for range 1 + w.rng.IntN(9) {
		if end := w.pass(upTo(w.rng, pickMS(w.rng, 20, 300, 3000, 3000, 9000))); end != nil {
			return end
		}
		if end := w.act(); end != nil {
			return end
		}
	}
	return nil
}

// pass lets time pass; it returns early when the call has ended.
func (w *world) pass(d time.Duration) *End {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case end := <-w.ended:
		return &end
	case <-t.C:
		return nil
	}
}

// act is one thing that happens.
func (w *world) act() *End {
	if w.wild && chance(w.rng, 25) {
		w.cut()
	}
	switch n := w.rng.IntN(100); {
	case n < 45:
		return w.say(upTo(w.rng, 3*time.Second), "where is my order")
	case n < 60:
		return w.say(upTo(w.rng, 250*time.Millisecond), "")
	case n < 68:
		return w.say(upTo(w.rng, 250*time.Millisecond), "yes")
	case n < 79:
		return w.pressKeys()
	case n < 87:
		w.line.hold(true)
		end := w.pass(upTo(w.rng, 4*time.Second))
		w.line.hold(false)
		return end
	case n < 93:
		if speak := chance(w.rng, 50); w.conv.Tell("The customer is waiting.", "", speak) && speak {
			w.mustAnswer = time.Now()
		}
	case n < 95 && w.manners.breaks:
		w.cut()
	default:
		return w.pass(upTo(w.rng, 12*time.Second))
	}
	return nil
}

// cut breaks the connection on which the caller is heard.
func (w *world) cut() {
	if s := w.hearer(); s != nil {
		w.broken[s] = true
		s.Drop()
	}
}

func (w *world) pressKeys() *End {
	for range 1 + w.rng.IntN(3) {
		select {
		case w.line.digits <- pick(w.rng, '1', '2', '#'):
			w.keys++
			w.mustAnswer = time.Now()
		default:
		}
		if end := w.pass(upTo(w.rng, 700*time.Millisecond)); end != nil {
			return end
		}
	}
	return nil
}

// say makes the server hear speech of a length. Turn detection needs a silence to find its end. When another connection
// has got the caller meanwhile it has heard the rest.
func (w *world) say(length time.Duration, words string) *End {
	s := w.hearer()
	if s == nil {
		return nil
	}
	s.SpeechStart()
	end := w.pass(length + w.manners.silence)
	if end != nil {
		return end
	}
	if last := w.hearer(); last == nil {
		return nil
	} else if last != s {
		s = last
		s.SpeechStart()
	}
	if words != "" && w.plain(length) {
		w.mustAnswer = time.Now()
	}
	s.SpeechStop(words)
	return nil
}

// plain reports that nobody could take speech of this length for a noise or an echo.
func (w *world) plain(length time.Duration) bool {
	i := &w.manners.profile.Interruption
	return length > i.Confirm+i.EchoGuard+confirmSlack || w.manners.words && i.EchoGuard == 0
}

// rest gives the call what it needs to come to rest: a model in good health and a caller who listens.
func (w *world) rest() *End {
	w.mu.Lock()
	w.calm = true
	w.mu.Unlock()
	return w.pass(40*time.Second + odd(w.rng))
}

// hearer is the session that gets the caller's audio now; nil: nobody hears him.
func (w *world) hearer() *simulator.Session {
	w.mu.Lock()
	w.hears = -1
	w.mu.Unlock()
	w.line.speak()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.hears < 0 {
		return nil
	}
	s := w.links[w.hears].Session()
	select {
	case <-s.Ended():
		return nil
	default:
		return s
	}
}

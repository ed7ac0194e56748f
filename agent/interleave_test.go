package agent

import (
	"context"
	"flag"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
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
	if end == nil {
		end = w.rest()
	}
	w.conclude(end)
}

// conclude hangs up, if nobody has, and closes everything.
func (w *world) conclude(end *End) {
	w.endedItself = end != nil
	if end == nil {
		w.hangUp(errCallerHungUp)
		<-w.ended
	}
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

// act is one thing that the caller does.
func (w *world) act() *End {
	switch n := w.rng.IntN(100); {
	case n < 45:
		return w.say(upTo(w.rng, 3*time.Second), "where is my order")
	case n < 60:
		return w.say(upTo(w.rng, 250*time.Millisecond), "")
	case n < 68:
		return w.say(upTo(w.rng, 250*time.Millisecond), "yes")
	case n < 80:
		for range 1 + w.rng.IntN(3) {
			select {
			case w.line.digits <- pick(w.rng, '1', '2', '#'):
			default:
			}
			if end := w.pass(upTo(w.rng, 700*time.Millisecond)); end != nil {
				return end
			}
		}
	case n < 88:
		w.line.hold(true)
		end := w.pass(upTo(w.rng, 4*time.Second))
		w.line.hold(false)
		return end
	case n < 94:
		w.conv.Tell("The customer is waiting.", chance(w.rng, 50))
	default:
		return w.pass(upTo(w.rng, 12*time.Second))
	}
	return nil
}

// say makes the server hear speech of a length. Turn detection needs a silence to find its end.
func (w *world) say(length time.Duration, words string) *End {
	s := w.session()
	s.SpeechStart()
	end := w.pass(length + w.manners.silence)
	if end == nil && words != "" && w.plain(length) {
		w.mustTurn = time.Now()
	}
	s.SpeechStop(words)
	return end
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

func (w *world) session() *simulator.Session {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.links[len(w.links)-1].Session()
}

// verdict fails the test with all that was wrong, and how it came about.
func (w *world) verdict(t *testing.T, show bool) {
	problems := slices.Concat(w.refusals(), w.openCalls(), w.openTurns())
	if len(problems) == 0 && !show {
		return
	}
	var log strings.Builder
	for _, e := range w.wire {
		fmt.Fprintln(&log, e)
	}
	t.Logf("seed %d: %+v\n%stranscript:\n%s", w.seed, w.manners, &log, w.journal.text())
	for _, p := range problems {
		t.Errorf("seed %d: %s", w.seed, p)
	}
}

// refusals are the errors that the server sent and that were ours to avoid.
func (w *world) refusals() (problems []string) {
	for i := range w.wire {
		e := &w.wire[i]
		if e.up || e.name != "error" {
			continue
		}
		if strings.Contains(e.text, `"response_cancel_not_active"`) && w.crossed(i) {
			continue
		}
		problems = append(problems, "the server refused: "+e.text)
	}
	for _, r := range w.records {
		if r.Ended.IsZero() {
			problems = append(problems, "session "+r.ID+" is still open")
		}
	}
	return problems
}

// crossed proves that a refused response.cancel met the end of its response on the wire: that had left the server when the
// cancel arrived, and had not reached us when we sent it.
func (w *world) crossed(refusal int) bool {
	link := w.wire[refusal].link
	cancel := w.before(refusal, link, func(e *wireEvent) bool {
		return e.up && e.name == "response.cancel" && !e.arrives.After(w.wire[refusal].sent)
	})
	done := w.before(refusal, link, func(e *wireEvent) bool { return !e.up && e.name == "response.done" })
	if cancel == nil || done == nil {
		return false
	}
	sent := w.cancels[member(cancel.text, "event_id")]
	learnt, ever := w.dones[member(done.text, "id")]
	return !ever || learnt > sent
}

// member is the first text member of that name.
func member(text, name string) string {
	_, rest, _ := strings.Cut(text, `"`+name+`":"`)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

// before is the last message before a place that fits.
func (w *world) before(at, link int, fits func(*wireEvent) bool) *wireEvent {
	for i := at - 1; i >= 0; i-- {
		if e := &w.wire[i]; e.link == link && fits(e) {
			return e
		}
	}
	return nil
}

// openCalls are function calls that got no output, although their response was completed. The server itself refuses a
// second one.
func (w *world) openCalls() (problems []string) {
	for _, r := range w.records {
		status := map[string]string{}
		for _, resp := range r.Responses {
			status[resp.ID] = resp.Status
		}
		for _, c := range r.Calls {
			switch {
			case w.endedItself: // the call may have ended before the tool
			case c.Answered && c.Deleted, !c.Answered && !c.Deleted:
				problems = append(problems, fmt.Sprintf("call %s of a %s response: answered %v, deleted %v", c.CallID, status[c.ResponseID], c.Answered, c.Deleted))
			case c.Answered && status[c.ResponseID] != "completed":
				problems = append(problems, fmt.Sprintf("call %s was run, its response is %s", c.CallID, status[c.ResponseID]))
			}
		}
	}
	return problems
}

// openTurns are the caller's words to which nothing was said.
func (w *world) openTurns() (problems []string) {
	if w.endedItself || w.mustTurn.IsZero() {
		return nil
	}
	for _, e := range w.wire {
		if !e.up && e.name == "response.created" && !e.sent.Before(w.mustTurn) && w.came(e.text) {
			return nil
		}
	}
	return []string{"the caller's last words were not answered, said at " + w.mustTurn.Format("04:05.000000")}
}

// came reports whether the response of a response.created came to a good end.
func (w *world) came(created string) bool {
	for _, r := range w.records {
		for _, resp := range r.Responses {
			if member(created, "id") == resp.ID {
				return resp.Status == "completed" || resp.Status == "incomplete"
			}
		}
	}
	return false
}

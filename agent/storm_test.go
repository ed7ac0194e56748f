package agent

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trunkline/trunkline/agent/simulator"
)

var onlyStorm = flag.Uint64("storm.seed", 0, "play this seed of TestToolStorms alone, and print its log")

// storms is how many seeds TestToolStorms plays.
const storms = 1000

// TestToolStorms plays the disturbed calls of TestInterleavings with a model that asks for everything at once and twice,
// and with tools of every policy that fail, panic, hang and ignore their deadline, while connections are lost and replaced.
// Whatever the order, each effect happens exactly as often as its policy says, and each call has one output.
//
//	go test ./agent -run TestToolStorms -storm.seed 4711
func TestToolStorms(t *testing.T) {
	if *onlyStorm != 0 {
		playStorm(t, *onlyStorm, true)
		return
	}
	usual := debug.SetGCPercent(400) // as in TestInterleavings
	t.Cleanup(func() { debug.SetGCPercent(usual) })
	sum := make([]tally, shards)
	t.Run("all", func(t *testing.T) {
		for shard := range uint64(shards) {
			t.Run(fmt.Sprintf("shard%d", shard), func(t *testing.T) {
				t.Parallel()
				for seed := shard + 1; seed <= storms && !t.Failed(); seed += shards {
					sum[shard].add(playStorm(t, seed, false))
				}
			})
		}
	})
	if !t.Failed() {
		checkTally(t, sum)
	}
}

// tally is what a storm brought about: a test in which nothing happens proves nothing.
type tally struct{ runs, shared, rejected, cancelled, moved, recounted, later, waited int }

func (a *tally) add(b tally) {
	a.runs += b.runs
	a.shared += b.shared
	a.rejected += b.rejected
	a.cancelled += b.cancelled
	a.moved += b.moved
	a.recounted += b.recounted
	a.later += b.later
	a.waited += b.waited
}

// checkTally refuses storms that spared one of the paths.
func checkTally(t *testing.T, sum []tally) {
	t.Helper()
	var all tally
	for _, s := range sum {
		all.add(s)
	}
	t.Logf("%+v", all)
	least := min(all.runs/100, all.shared, all.rejected, all.cancelled, all.moved, all.recounted, all.later, all.waited)
	if least < 10 {
		t.Errorf("the storms spared something: %+v", all)
	}
}

// storm is a world whose tools are real ones.
type storm struct {
	*world
	bank *bank
	seen sightings
	all  []*order // once the call is over
	tally
}

func playStorm(t *testing.T, seed uint64, show bool) tally {
	t.Helper()
	stuck := time.AfterFunc(time.Minute, func() { panic(fmt.Sprintf("storm %d: a minute has passed and nothing came to rest", seed)) })
	defer stuck.Stop()
	defer func() {
		if p := recover(); p != nil {
			t.Fatalf("seed %d: %v", seed, p)
		}
	}()
	var s *storm
	synctest.Test(t, func(t *testing.T) {
		s = newStorm(t, seed)
		s.call()
		_ = s.bank.registry.Close(t.Context()) // when the last deaf handler has returned
	})
	problems := s.judge()
	s.verdict(t, show || len(problems) > 0)
	for _, p := range problems {
		t.Errorf("seed %d: %s\n\tgo test ./agent -run TestToolStorms -storm.seed %d", seed, p, seed)
	}
	return s.tally
}

func newStorm(t *testing.T, seed uint64) *storm {
	w := newWorld(t, seed)
	s := &storm{world: w, bank: newBank(t, seed), seen: newSightings()}
	w.box, w.random, w.spy = s.bank.registry, stormAnswer, s.seen.note
	p := &w.manners.profile
	p.Tools = s.bank.registry.Names()
	p.Limit.Duration = 0
	p.Renewal.Age = pickMS(w.rng, 0, 4000, 8000)
	w.wild, w.abrupt = chance(w.rng, 70), chance(w.rng, 25)
	f := randomFaults(w.rng, &w.manners)
	f.UpgradeDelay = pickMS(w.rng, 0, 100, 3000)
	if err := w.srv.SetFaults(f); err != nil {
		t.Fatal(err)
	}
	return s
}

// stormAnswer is a model that asks for much, and often for the same.
func stormAnswer(rng *rand.Rand) *simulator.Answer {
	if chance(rng, 30) {
		return randomAnswer(rng)
	}
	a := &simulator.Answer{Delay: upTo(rng, pickMS(rng, 10, 2000))}
	if chance(rng, 50) {
		a.Do = append(a.Do, randomSay(rng))
	}
	for range 1 + rng.IntN(6) {
		arguments := fmt.Sprintf(`{"n":"%d"}`, rng.IntN(2))
		if chance(rng, 5) {
			arguments = pick(rng, `{"n":7}`, `{}`, `{"n":`)
		}
		a.Do = append(a.Do, simulator.Action{Call: pick(rng, bankTools...), Raw: arguments, Delay: upTo(rng, 100*time.Millisecond)})
	}
	if chance(rng, 8) {
		a.Status = pick(rng, "failed", "incomplete")
	}
	return a
}

package agent

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/tools"
)

var fuzzScript = &simulator.Script{States: []simulator.State{{Name: "any"}}}

// fuzzClips are what the model can say.
var fuzzClips = []simulator.Clip{toneClip("tiny", 60), toneClip("short", 400), toneClip("middle", 1500), toneClip("long", 4000)}

// toneClip is a clip of its own sound: a tone that swells, at no other length the same.
func toneClip(name string, ms int) simulator.Clip {
	samples := make([]int16, 8*ms)
	for i := range samples {
		swell := 2000 + 3000*float64(i)/float64(len(samples))
		samples[i] = int16(swell * math.Sin(float64(i)*(0.1+float64(ms%997)/2000)))
	}
	return simulator.Clip{Name: name, Text: name, Samples: samples}
}

// answer is what the model does in one response.
func (w *world) answer(simulator.Prompt) *simulator.Answer {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.calm {
		return &simulator.Answer{Do: []simulator.Action{{Say: []string{"short"}}}}
	}
	return w.random(w.model)
}

func randomAnswer(rng *rand.Rand) *simulator.Answer {
	a := &simulator.Answer{}
	switch n := rng.IntN(100); {
	case n < 50:
		a.Do = []simulator.Action{randomSay(rng)}
	case n < 60:
		a.Do = append([]simulator.Action{randomSay(rng)}, randomCalls(rng)...)
	case n < 75:
		a.Do = randomCalls(rng)
	case n < 79:
		a.Do = []simulator.Action{randomSay(rng), randomSay(rng)}
	case n < 81:
		a.Do = []simulator.Action{{Text: "in writing"}}
	case n < 82: // nothing at all
	case n < 87:
		a.Status, a.Code = "failed", pick(rng, "", "rate_limit_exceeded")
		if chance(rng, 50) {
			a.Do = []simulator.Action{randomSay(rng)}
		}
	case n < 92:
		a.Status, a.Reason = "incomplete", pick(rng, "", "content_filter")
		a.Do = pick(rng, []simulator.Action{randomSay(rng)}, randomCalls(rng))
	case n < 94:
		a.Status = "unanswered"
	case n < 96:
		a.Status, a.Do = "endless", []simulator.Action{randomSay(rng)}
	default:
		a.Do, a.Delay = []simulator.Action{randomSay(rng)}, upTo(rng, 20*time.Second)
	}
	if a.Delay == 0 {
		a.Delay = upTo(rng, pickMS(rng, 10, 3000))
	}
	return a
}

func randomSay(rng *rand.Rand) simulator.Action {
	return simulator.Action{Say: []string{pick(rng, "tiny", "short", "short", "middle", "middle", "long")},
		Delay: upTo(rng, pickMS(rng, 10, 1000))}
}

func randomCalls(rng *rand.Rand) []simulator.Action {
	var calls []simulator.Action
	for range 1 + rng.IntN(3) {
		calls = append(calls, simulator.Action{Call: pick(rng, "look_up", "charge", "nobody"), Always: true,
			Delay: upTo(rng, 100*time.Millisecond)})
	}
	return calls
}

// fuzzTools take their time, and fail now and then.
type fuzzTools struct {
	mu  sync.Mutex
	rng *rand.Rand
}

func (b *fuzzTools) Describe(names []string) ([]tools.Definition, error) {
	var list []tools.Definition
	for _, n := range names {
		list = append(list, tools.Definition{Name: n})
	}
	return list, nil
}

func (b *fuzzTools) Info(name string) (tools.Info, bool) {
	info := tools.Info{Name: name}
	if name == "look_up" {
		info.OnInterrupt = tools.Cancel
	}
	return info, name != "nobody"
}

func (b *fuzzTools) Recorded(_, arguments string) string { return arguments }

func (b *fuzzTools) Run(ctx context.Context, inv tools.Invocation) tools.Outcome {
	b.mu.Lock()
	took, bad := upTo(b.rng, pickMS(b.rng, 10, 1000, 4000)), chance(b.rng, 20)
	b.mu.Unlock()
	if inv.Name == "nobody" {
		return tools.Outcome{Status: tools.StatusUnknown, Output: `{"error":"unknown tool"}`}
	}
	select {
	case <-time.After(took):
	case <-ctx.Done():
		return tools.Outcome{Status: tools.StatusCancelled, Output: `{"error":"cancelled"}`}
	}
	if bad {
		return tools.Outcome{Status: tools.StatusToolError, Output: `{"error":"no luck"}`}
	}
	return tools.Outcome{Status: tools.StatusOK, Output: `{"ok":true}`}
}

// pick, chance, upTo and odd are the dice.

func pick[T any](rng *rand.Rand, of ...T) T { return of[rng.IntN(len(of))] }

func pickMS(rng *rand.Rand, of ...int) time.Duration {
	return time.Duration(pick(rng, of...)) * time.Millisecond
}

func chance(rng *rand.Rand, percent int) bool { return rng.IntN(100) < percent }

func upTo(rng *rand.Rand, d time.Duration) time.Duration {
	return 1 + time.Duration(rng.Int64N(int64(d)))
}

// odd is a few nanoseconds, so that two things do not happen at one moment.
func odd(rng *rand.Rand) time.Duration { return upTo(rng, time.Microsecond) }

package agent

import (
	"slices"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/transcode"
)

// Figures are what a conversation measured.
type Figures struct {
	Turns          int // lines said by either side
	Interruptions  int
	ToolCalls      int
	ToolFailures   int
	TokensIn       int
	TokensOut      int
	LateAudioBytes int // audio that came after its response was interrupted, not played
	OverflowBytes  int // audio there was no room for in the playout queue
	Latencies      []time.Duration
}

// Latency returns the q-quantile (0..1) of the turn latencies: caller stopped speaking → first frame of the answer on
// the wire. ok is false when no turn was answered.
func (f *Figures) Latency(q float64) (d time.Duration, ok bool) {
	if len(f.Latencies) == 0 {
		return 0, false
	}
	sorted := slices.Sorted(slices.Values(f.Latencies))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)], true
}

// usage adds the tokens of one response.
func (f *Figures) usage(u *realtime.Usage) {
	if u != nil {
		f.TokensIn += u.Input
		f.TokensOut += u.Output
	}
}

// turnClock measures one answer: from the end of the caller's speech to the first frame that answers it.
//
// Owned by the conversation loop.
type turnClock struct {
	stopped time.Time // zero: no answer is awaited
	part    *spoken   // the part that answers; nil: none yet
}

func (t *turnClock) reset()                     { *t = turnClock{} }
func (t *turnClock) callerStopped(at time.Time) { *t = turnClock{stopped: at} }

// answer notes the part that answers the caller, if one is awaited.
func (t *turnClock) answer(part *spoken) {
	if !t.stopped.IsZero() && t.part == nil {
		t.part = part
	}
}

// measure notes the latency of a turn once the first frame of its answer is on the wire.
func (c *Conversation) measure() {
	if c.turn.part == nil {
		return
	}
	first := c.playback.player.Status(c.turn.part.id).First
	if first.IsZero() {
		return
	}
	latency := first.Sub(c.turn.stopped)
	if l := c.scribe.find(c.turn.part.itemID); l != nil {
		l.entry.LatencyMS = int(latency.Milliseconds())
	}
	c.turn.reset()
	c.figures.Latencies = append(c.figures.Latencies, latency)
	c.setup.Observer.Turn(c.setup.Profile.Name, latency)
}

// msOf is the duration of law bytes.
func msOf(bytes int) int { return bytes / transcode.BytesPerMS }

// nobody is the Observer of a Setup without one.
type nobody struct{}

func (nobody) Turn(string, time.Duration)         {}
func (nobody) Interrupted(string)                 {}
func (nobody) Tool(string, string, time.Duration) {}
func (nobody) RealtimeError(string)               {}

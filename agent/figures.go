package agent

import (
	"math"
	"slices"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/store"
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
	TokensCached   int   // of TokensIn
	CostMicros     int64 // millionths of the currency of the profile's prices; 0: none are known
	Reconnects     int   // lost connections that were replaced
	Rotations      int   // connections that were replaced before their end
	LateAudioBytes int   // audio that came after its response was interrupted, not played
	OverflowBytes  int   // audio there was no room for in the playout queue
	KeysLost       int   // keys pressed that nobody took
	Latencies      []time.Duration
	Tags           store.Tags // those of the agent's notes, and store.TagEscalated
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

// usage adds the tokens of one response and writes them down.
func (c *Conversation) usage(u *realtime.Usage, now time.Time) {
	if u == nil || u.Input == 0 && u.Output == 0 {
		return
	}
	cost := c.desk.Profile.Prices.micros(u)
	c.figures.TokensIn += u.Input
	c.figures.TokensOut += u.Output
	c.figures.TokensCached += u.InputCached
	c.figures.CostMicros += cost
	c.scribe.add(store.Entry{Kind: store.KindUsage, Role: store.RoleSystem, TokensIn: u.Input, TokensOut: u.Output,
		TokensCached: u.InputCached, CostMicros: cost}, now)
}

// transcribed adds what it cost to write down what the caller said.
func (c *Conversation) transcribed(u *realtime.TranscriptionUsage, now time.Time) {
	p := c.desk.Profile.Prices
	if p == nil || *u == (realtime.TranscriptionUsage{}) {
		return
	}
	cost := int64(math.Round(float64(u.Input)*p.TranscribeIn + float64(u.Output)*p.TranscribeOut + u.Seconds/60*p.TranscribeMinute*1e6))
	c.figures.CostMicros += cost
	c.scribe.add(store.Entry{Kind: store.KindUsage, Role: store.RoleSystem, Text: "transcription", TokensIn: u.Input, TokensOut: u.Output,
		CostMicros: cost}, now)
}

// micros is the price of a response in millionths. A service that does not tell the parts of its cached tokens is taken to
// have cached text, the cheaper kind, first.
func (p *Prices) micros(u *realtime.Usage) int64 {
	if p == nil {
		return 0
	}
	cachedText, cachedAudio := u.CachedText, u.CachedAudio
	if cachedText+cachedAudio == 0 {
		cachedText = min(u.InputCached, u.InputText)
		cachedAudio = u.InputCached - cachedText
	}
	sum := float64(u.InputText-cachedText)*p.TextIn + float64(cachedText)*p.TextCached + float64(u.OutputText)*p.TextOut +
		float64(u.InputAudio-cachedAudio)*p.AudioIn + float64(cachedAudio)*p.AudioCached + float64(u.OutputAudio)*p.AudioOut
	return int64(math.Round(max(sum, 0)))
}

// turnClock measures one answer: from the end of the caller's speech to the first frame that answers it.
//
// Owned by the conversation loop.
type turnClock struct {
	stopped  time.Time // zero: no answer is awaited
	detected time.Time // when the server told
	part     *spoken   // the part that answers; nil: none yet
}

func (t *turnClock) reset() { *t = turnClock{} }

func (t *turnClock) callerStopped(at, now time.Time) { *t = turnClock{stopped: at, detected: now} }

// answer notes the part that answers the caller, if one is awaited.
func (t *turnClock) answer(part *spoken) {
	if !t.stopped.IsZero() && t.part == nil {
		t.part = part
	}
}

// measure notes the latency of a turn once the first frame of its answer is on the wire.
func (c *Conversation) measure() {
	t := &c.turn
	if t.part == nil {
		return
	}
	first := c.playback.player.Status(t.part.id).First
	if first.IsZero() {
		return
	}
	took := Timing{Detect: t.detected.Sub(t.stopped), Think: t.part.arrived.Sub(t.detected), Play: first.Sub(t.part.arrived),
		Total: first.Sub(t.stopped)}
	if l := c.scribe.find(t.part.itemID); l != nil {
		e := &l.entry
		e.LatencyMS, e.DetectMS, e.ThinkMS, e.PlayMS = msIn(took.Total), msIn(took.Detect), msIn(took.Think), msIn(took.Play)
	}
	t.reset()
	c.figures.Latencies = append(c.figures.Latencies, took.Total)
	c.setup.Observer.Turn(c.desk.Profile.Name, took)
}

func msIn(d time.Duration) int { return int(d.Milliseconds()) }

// msOf is the duration of law bytes.
func msOf(bytes int) int { return bytes / transcode.BytesPerMS }

package telephony

import (
	"sync"
	"time"
)

// gate counts calls in and out. It never waits: a call that does not fit is told so.
type gate struct {
	calls int     // static: at once
	rate  float64 // static: new ones a second, also the largest burst

	mu     sync.Mutex
	shut   bool
	active int
	trunks map[*Trunk]int // calls of those that have a limit of their own
	tokens float64
	at     time.Time
	idle   chan struct{} // closed while active is 0; replaced by the first call
}

func newGate(l Limits) *gate {
	g := &gate{calls: l.Calls, rate: float64(l.CallsPerSecond), tokens: float64(l.CallsPerSecond),
		at: time.Now(), idle: make(chan struct{}), trunks: make(map[*Trunk]int)}
	close(g.idle)
	return g
}

// enter takes one call of a trunk in, or says why not. A call that entered must leave.
func (g *gate) enter(t *Trunk) *rejection {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	g.tokens = min(g.rate, g.tokens+now.Sub(g.at).Seconds()*g.rate)
	g.at = now
	switch {
	case g.shut:
		return rejectDraining
	case g.active >= g.calls, t.Calls > 0 && g.trunks[t] >= t.Calls:
		return rejectFull
	case g.tokens < 1:
		return rejectRate
	}
	g.tokens--
	if g.active == 0 {
		g.idle = make(chan struct{})
	}
	g.active++
	if t.Calls > 0 {
		g.trunks[t]++
	}
	return nil
}

func (g *gate) leave(t *Trunk) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if t.Calls > 0 {
		g.trunks[t]--
	}
	if g.active--; g.active == 0 {
		close(g.idle)
	}
}

// close lets nobody in any more.
func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = true
}

func (g *gate) closed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.shut
}

// empty returns a channel that is closed once no call is left.
func (g *gate) empty() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.idle
}

func (g *gate) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.active
}

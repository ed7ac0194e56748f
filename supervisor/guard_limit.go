package supervisor

import (
	"net/netip"
	"sync"
	"time"
)

// How often somebody may try to sign in. A source is an IPv4 address, or an IPv6 network of 64 bits: that is what one
// customer of a provider has.
const (
	sourceBurst, sourceRate = 10, 1.0 / 6 // at once; each second
	totalBurst, totalRate   = 100, 5
	maxSources              = 4096 // that are remembered
)

// limiter bounds guesses. A source that has signed in is not held by what others do: strangers cannot lock it out.
type limiter struct {
	mu      sync.Mutex
	total   allowance
	sources map[netip.Prefix]*source
}

type source struct {
	allowance
	proven bool // a right token came from it
}

func newLimiter() *limiter {
	return &limiter{total: allowance{left: totalBurst, at: time.Now()}, sources: map[netip.Prefix]*source{}}
}

// take asks for an attempt. A wait above zero refuses it, and says when to come back.
func (l *limiter) take(addr netip.Addr) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.sourceLocked(addr)
	if wait = s.take(sourceRate, sourceBurst); wait > 0 || s.proven {
		return wait
	}
	if wait = l.total.take(totalRate, totalBurst); wait > 0 {
		s.left++
	}
	return wait
}

// right gives the attempt back: only wrong ones count.
func (l *limiter) right(addr netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.sourceLocked(addr)
	s.left = min(s.left+1, sourceBurst)
	if !s.proven {
		s.proven = true
		l.total.left = min(l.total.left+1, totalBurst)
	}
}

func (l *limiter) sourceLocked(addr netip.Addr) *source {
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	key, _ := addr.Prefix(bits) // an address that is none has a key of its own
	if s := l.sources[key]; s != nil {
		return s
	}
	if len(l.sources) >= maxSources {
		l.forgetLocked()
	}
	s := &source{allowance: allowance{left: sourceBurst, at: time.Now()}}
	l.sources[key] = s
	return s
}

// forgetLocked drops one source: the one that tried longest ago, of those that never signed in if there are any.
func (l *limiter) forgetLocked() {
	var victim netip.Prefix
	var worst *source
	for key, s := range l.sources {
		if worst == nil || worst.proven && !s.proven || worst.proven == s.proven && s.at.Before(worst.at) {
			victim, worst = key, s
		}
	}
	delete(l.sources, victim)
}

// allowance is a token bucket.
type allowance struct {
	left float64
	at   time.Time // when left was right
}

// take takes one, or returns how long it takes until there is one.
func (a *allowance) take(rate, burst float64) (wait time.Duration) {
	now := time.Now()
	a.left = min(burst, a.left+now.Sub(a.at).Seconds()*rate)
	a.at = now
	if a.left < 1 {
		return max(1, time.Duration((1-a.left)/rate*float64(time.Second)))
	}
	a.left--
	return 0
}

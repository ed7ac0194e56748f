package sipua

import (
	"sync"
	"time"
)

// bucket is a token bucket: at most burst at once, rate each second.
type bucket struct {
	rate, burst float64 // static

	mu     sync.Mutex
	tokens float64
	at     time.Time
}

func newBucket(rate, burst float64) *bucket {
	return &bucket{rate: rate, burst: burst, tokens: burst, at: time.Now()}
}

// take reports whether one more is allowed now.
func (b *bucket) take() bool { return b.takeAbove(0) }

// takeAbove takes a token and leaves reserve in the bucket, or takes none.
func (b *bucket) takeAbove(reserve float64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fillLocked()
	if b.tokens < reserve+1 {
		return false
	}
	b.tokens--
	return true
}

// owe takes a token that may not be there yet, and returns when it will be.
func (b *bucket) owe() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fillLocked()
	b.tokens--
	return max(0, time.Duration(-b.tokens/b.rate*float64(time.Second)))
}

// full reports whether nobody would notice if it were a new one.
func (b *bucket) full() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fillLocked()
	return b.tokens >= b.burst
}

func (b *bucket) fillLocked() {
	now := time.Now()
	b.tokens = min(b.burst, b.tokens+now.Sub(b.at).Seconds()*b.rate)
	b.at = now
}

package sipua

import (
	"context"
	"sync"
	"time"
)

// order lets the requests of one dialog through one at a time, in CSeq order.
//
// It exists because sipgo starts a goroutine for each request: two that arrive back to
// back reach us swapped about every second time. A BYE overtaking an INFO would be
// harmless; a re-INVITE overtaking another is not, and a request with a lower number
// than one already handled must be refused (RFC 3261 §12.2.2).
//
//	wire:    5 6 7         arrive(5) arrive(6) arrive(7)    in the reader's goroutine
//	handler: 6 5 7         enter(6) waits for 5, which is known to be on its way
//
// A number that never arrived (lost, or skipped by the peer) is waited for only briefly.
type order struct {
	gap, late time.Duration // static: see timing

	mu      sync.Mutex
	last    int64               // highest number let through, -1: none, the first may be any
	busy    bool                // somebody is between enter and leave
	arrived map[uint32]struct{} // read from the wire, not yet let through
	changed chan struct{}       // closed and replaced whenever the above change
}

// maxArrived bounds what is noted for a dialog; an honest peer has two or three requests
// on their way. Beyond it numbers are not noted and get the short wait.
const maxArrived = 256

func newOrder(first uint32, t timing) *order {
	return &order{last: int64(first), gap: t.gap, late: t.late,
		arrived: make(map[uint32]struct{}), changed: make(chan struct{})}
}

// newOpenOrder is for a peer that has sent no request yet: its first number may be any
// (RFC 3261 §12.2.1.1).
func newOpenOrder(t timing) *order {
	o := newOrder(0, t)
	o.last = -1
	return o
}

// arrive notes a number in the order of the wire.
func (o *order) arrive(cseq uint32) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.last < 0 {
		o.last = int64(cseq) - 1 // the first on the wire is the first in turn
	}
	if int64(cseq) > o.last && len(o.arrived) < maxArrived {
		o.arrived[cseq] = struct{}{}
	}
}

// enter waits for cseq's turn. It returns false for a number that is too low; otherwise
// the caller must call leave.
func (o *order) enter(ctx context.Context, cseq uint32) bool {
	start := time.Now()
	for {
		o.mu.Lock()
		if o.last < 0 {
			o.last = int64(cseq) - 1
		}
		if int64(cseq) <= o.last {
			o.mu.Unlock()
			return false
		}
		wait := o.waitLocked(cseq, time.Since(start))
		if wait == 0 {
			o.takeLocked(cseq)
			o.mu.Unlock()
			return true
		}
		changed := o.changed
		o.mu.Unlock()
		if !pause(ctx, changed, wait) {
			return false
		}
	}
}

// waitLocked is how long cseq must still wait for others, 0 when it is its turn.
func (o *order) waitLocked(cseq uint32, waited time.Duration) time.Duration {
	if o.busy {
		return o.late
	}
	if int64(cseq) == o.last+1 {
		return 0
	}
	limit := o.gap
	for n := range o.arrived {
		if n < cseq {
			limit = o.late
		}
	}
	return max(limit-waited, 0)
}

func (o *order) takeLocked(cseq uint32) {
	o.busy, o.last = true, int64(cseq)
	for n := range o.arrived {
		if n <= cseq {
			delete(o.arrived, n)
		}
	}
}

// leave lets the next one in.
func (o *order) leave() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.busy = false
	close(o.changed)
	o.changed = make(chan struct{})
}

// pause waits for ch or d; false means that ctx ended first.
func pause(ctx context.Context, ch <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-ch:
	case <-t.C:
	}
	return true
}

package sipua

import (
	"net/netip"
	"sync"
	"time"
)

// floods keeps admitted peers from sending more than we want to handle. All calls of a
// trunk come from a few addresses, so the bound is for the peer, and generous: it exists
// for a peer that went mad, and for whoever forges its address.
//
// Over UDP what is too much is dropped before it is parsed, by three kinds (see sniff):
//
//	          ┌──────────────── burst ─────────────────┐
//	broken    a bucket of its own, a twentieth as large: a flood of them costs a good
//	          message nothing, and yet a peer with a bug gets its 400s
//	fresh     │████████████████████████████│           │  may start a call or a transaction
//	known     │████████████████████████████│███████████│  belongs to one; the last quarter
//	                                                      is for these
//
// So calls in progress go on while a flood of INVITEs is shed. Over a connection nothing
// is dropped: the reader pauses until the peer's bucket allows another message, and TCP
// makes the sender wait.
type floods struct {
	rate float64   // static: messages a second, below 0 for no bound
	shed *counters // static

	mu     sync.Mutex
	meters map[meterKey]*meter
	swept  time.Time
}

// meterKey is a peer, by name or else by address, and how it sends: what happens on one
// transport is not held against another.
type meterKey struct {
	peer      string
	addr      netip.Addr
	transport string
}

func peerKey(a Admission, src netip.AddrPort, transport string) meterKey {
	if a.Peer == "" {
		return meterKey{addr: src.Addr(), transport: transport}
	}
	return meterKey{peer: a.Peer, transport: transport}
}

// meter holds the two buckets of a peer.
type meter struct{ all, broken *bucket }

const (
	burstSeconds = 2    // of the rate, at once
	reserved     = 0.25 // of the burst, for messages that belong to something
	brokenShare  = 0.05 // of the rate, for messages that cannot be right
	maxMeters    = 4096 // peers at once
)

func newFloods(rate int, shed *counters) *floods {
	return &floods{rate: float64(rate), shed: shed, meters: make(map[meterKey]*meter)}
}

// meter returns the buckets of a peer. When there are too many peers those go whose
// buckets are full; if that makes no room, the ones who come share theirs.
func (f *floods) meter(key meterKey) *meter {
	f.mu.Lock()
	defer f.mu.Unlock()
	if m := f.meters[key]; m != nil {
		return m
	}
	if len(f.meters) >= maxMeters && !f.sweepLocked() {
		key = meterKey{transport: key.transport}
	}
	m := f.meters[key]
	if m == nil {
		m = &meter{all: newBucket(f.rate, f.rate*burstSeconds),
			broken: newBucket(max(f.rate*brokenShare, 1), max(f.rate*brokenShare*burstSeconds, 1))}
		f.meters[key] = m
	}
	return m
}

// sweepLocked looks once a second at most; it is true if it made room.
func (f *floods) sweepLocked() bool {
	if time.Since(f.swept) < time.Second {
		return false
	}
	f.swept = time.Now()
	for k, m := range f.meters {
		if m.all.full() && m.broken.full() {
			delete(f.meters, k)
		}
	}
	return len(f.meters) < maxMeters
}

// pass reports whether a datagram may go on.
func (f *floods) pass(key meterKey, data []byte) bool {
	if f.rate < 0 {
		return true
	}
	m, ok := f.meter(key), false
	switch sniff(data) {
	case broken:
		ok = m.broken.take()
	case fresh:
		ok = m.all.takeAbove(m.all.burst * reserved)
	default:
		ok = m.all.take()
	}
	if !ok {
		f.shed.flooded.Add(1)
	}
	return ok
}

// owe counts a message that arrived over a connection and returns how long its reader
// must pause.
func (f *floods) owe(key meterKey, bad bool) (wait time.Duration) {
	if f.rate < 0 {
		return 0
	}
	m := f.meter(key)
	if bad {
		wait = m.broken.owe()
	} else {
		wait = m.all.owe()
	}
	if wait > 0 {
		f.shed.throttled.Add(1)
	}
	return wait
}

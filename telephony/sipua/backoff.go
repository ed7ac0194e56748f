package sipua

import (
	"net/netip"
	"sync"
	"time"
)

// The defence against guessing: so many wrong passwords within the window, and a source
// is refused unseen for the penalty.
const (
	maxWrong     = 10
	wrongWindow  = time.Minute
	wrongPenalty = time.Minute
	maxOffenders = 4096 // sources remembered; the one quiet for longest is forgotten
)

// offenders counts wrong passwords of each source address, for IPv6 of each /64: a host
// has as many addresses there as it likes. Only a source that could read our challenge
// is counted, so nobody gets another one blocked by forging its address.
type offenders struct {
	limit int // static

	mu     sync.Mutex
	record map[netip.Addr]*offence
}

type offence struct {
	count int
	since time.Time // of the first wrong one that counts
	until time.Time // blocked until then; zero: not blocked
	last  time.Time
}

func newOffenders() *offenders {
	return &offenders{limit: maxOffenders, record: make(map[netip.Addr]*offence)}
}

func offenderOf(src netip.Addr) netip.Addr {
	src = src.Unmap().WithZone("")
	if src.Is6() {
		p, _ := src.Prefix(64)
		return p.Addr()
	}
	return src
}

// blocked reports whether a source is serving its penalty.
func (o *offenders) blocked(src netip.Addr) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	f := o.record[offenderOf(src)]
	return f != nil && time.Now().Before(f.until)
}

// wrong notes a wrong password; true when it was the one too many.
func (o *offenders) wrong(src netip.Addr) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	key, now := offenderOf(src), time.Now()
	f := o.record[key]
	if f == nil {
		o.makeRoomLocked()
		f = &offence{since: now}
		o.record[key] = f
	}
	if now.Sub(f.since) > wrongWindow {
		f.count, f.since = 0, now
	}
	f.last = now
	if f.count++; f.count >= maxWrong {
		f.count, f.since, f.until = 0, now, now.Add(wrongPenalty)
		return true
	}
	return false
}

// right forgives what came before: a person mistypes, and then gets it right.
func (o *offenders) right(src netip.Addr) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.record, offenderOf(src))
}

func (o *offenders) makeRoomLocked() {
	if len(o.record) < o.limit {
		return
	}
	var quiet netip.Addr
	var last time.Time
	for key, f := range o.record {
		if !quiet.IsValid() || f.last.Before(last) {
			quiet, last = key, f.last
		}
	}
	delete(o.record, quiet)
}

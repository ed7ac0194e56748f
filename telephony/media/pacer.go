package media

import (
	"math"
	"sync"
	"time"
)

// Pacer wakes every stream when its next frame is due: one goroutine, one timer
// and one wheel for all of them.
//
//	      now
//	       ▼
//	│ │ │A│ │ │C│ │B│ … │ │      128 slots of 1 ms; a stream sits in the slot of
//	       └► A.tick ─► slot +20  its next deadline and moves itself on
//
// Deadlines are absolute, so lateness never adds up; the work per millisecond is
// that of the streams due in it. Slots round down: a frame leaves at most 1 ms
// early, which the ~1 ms that Go's timers are late makes up for. A Pacer is safe
// for concurrent use.
type Pacer struct {
	epoch time.Time     // static; the zero of all deadlines
	wake  chan struct{} // cap 1; a deadline came before the one slept for
	stop  chan struct{} // closed by Close
	done  chan struct{} // closed by run

	closing sync.Once

	mu      sync.Mutex
	slots   [wheelSlots]pacedList // guarded by mu; slot n holds absolute slots ≡ n
	pos     int64                 // guarded by mu; the slot being served, none behind it holds a stream
	sleepTo int64                 // guarded by mu; slot that run sleeps for, minInt64 while it works
	streams int                   // guarded by mu
}

const (
	slotTime   = time.Millisecond
	wheelSlots = 128 // more than the longest frame (60 ms) twice over
)

// paced is the place of one stream in a Pacer. Its owner serialises add, move and
// remove, and tick takes the owner's lock.
type paced struct {
	tick func(now time.Duration) // static

	prev, next *paced // guarded by Pacer.mu
	slot       int64  // guarded by Pacer.mu; absolute
	linked     bool   // guarded by Pacer.mu
}

// NewPacer starts a pacer. Close ends it.
func NewPacer() *Pacer {
	p := &Pacer{
		epoch: time.Now(),
		wake:  make(chan struct{}, 1),
		stop:  make(chan struct{}),
		done:  make(chan struct{}),
	}
	go p.run()
	return p
}

// Close stops the pacer and waits for its goroutine. Sessions that still use it
// fall silent; close them first.
func (p *Pacer) Close() {
	p.closing.Do(func() { close(p.stop) })
	<-p.done
}

// Streams returns how many sessions are being paced.
func (p *Pacer) Streams() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.streams
}

// now is the time since the pacer's epoch, the clock of all its sessions.
func (p *Pacer) now() time.Duration { return time.Since(p.epoch) }

func slotOf(t time.Duration) int64 { return int64(t / slotTime) }

// add counts a stream in and schedules its first tick.
func (p *Pacer) add(s *paced, due time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.streams == 0 { // the wheel stood still while it was empty
		p.pos = max(p.pos, slotOf(p.now()))
	}
	p.streams++
	p.linkLocked(s, due)
}

// remove counts a stream out. A tick that has already begun still runs; its
// owner's lock decides what it finds.
func (p *Pacer) remove(s *paced) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.streams--
	p.unlinkLocked(s)
}

// move sets the next tick of a stream, wherever it was.
func (p *Pacer) move(s *paced, due time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unlinkLocked(s)
	p.linkLocked(s, due)
}

func (p *Pacer) linkLocked(s *paced, due time.Duration) {
	// A deadline past the wheel's end comes up early, is found not due, and moved.
	s.slot = min(max(slotOf(due), p.pos), p.pos+wheelSlots-1)
	p.slots[s.slot%wheelSlots].push(s)
	if s.slot < p.sleepTo {
		p.sleepTo = s.slot
		select {
		case p.wake <- struct{}{}:
		default:
		}
	}
}

func (p *Pacer) unlinkLocked(s *paced) {
	if s.linked {
		p.slots[s.slot%wheelSlots].remove(s)
	}
}

func (p *Pacer) run() {
	defer close(p.done)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		for s := p.due(); s != nil; s = p.due() {
			s.tick(p.now())
		}
		timer.Reset(p.untilNext())
		select {
		case <-timer.C:
		case <-p.wake:
		case <-p.stop:
			return
		}
	}
}

// due takes the next stream whose slot has come off the wheel, nil if there is
// none.
func (p *Pacer) due() *paced {
	now := slotOf(p.now())
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sleepTo = math.MinInt64
	if now >= p.pos+wheelSlots {
		p.catchUpLocked(now)
	}
	for n := p.pos; n <= now; n++ {
		if s := p.slots[n%wheelSlots].head; s != nil {
			p.pos = n
			p.unlinkLocked(s)
			return s
		}
	}
	p.pos = max(p.pos, now)
	return nil
}

// catchUpLocked turns the wheel to now after a stall longer than itself: whatever
// it holds is late, and waits in the present slot.
func (p *Pacer) catchUpLocked(now int64) {
	for n := p.pos; n < p.pos+wheelSlots; n++ {
		from := &p.slots[n%wheelSlots]
		for s := from.head; s != nil && s.slot != now; s = from.head {
			from.remove(s)
			s.slot = now
			p.slots[now%wheelSlots].push(s)
		}
	}
	p.pos = now
}

// untilNext returns how long to sleep, and notes for whom.
func (p *Pacer) untilNext() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	for n := p.pos; n < p.pos+wheelSlots; n++ {
		if p.slots[n%wheelSlots].head != nil {
			p.sleepTo = n
			return max(0, time.Duration(n)*slotTime-p.now())
		}
	}
	p.sleepTo = math.MaxInt64
	return time.Hour
}

// pacedList is the queue of streams in one slot.
type pacedList struct{ head, tail *paced }

func (l *pacedList) push(s *paced) {
	s.prev, s.next, s.linked = l.tail, nil, true
	if l.tail == nil {
		l.head = s
	} else {
		l.tail.next = s
	}
	l.tail = s
}

func (l *pacedList) remove(s *paced) {
	if s.prev == nil {
		l.head = s.next
	} else {
		s.prev.next = s.next
	}
	if s.next == nil {
		l.tail = s.prev
	} else {
		s.next.prev = s.prev
	}
	s.prev, s.next, s.linked = nil, nil, false
}

package simulator

import (
	"errors"
	"sync"
	"time"
)

// lane is one direction of a direct connection: messages arrive in the order in
// which they were sent, each after its delay. Nothing runs by itself: the
// receiver waits for what is due.
type lane struct {
	// Static.
	delay func() time.Duration             // nil: none
	trace func(due time.Time, data []byte) // nil: nobody; called with mu held

	// Owned by the receiver.
	timer *time.Timer

	// Guarded by mu.
	mu    sync.Mutex
	queue []parcel
	due   time.Time     // of the last parcel: none overtakes another
	mute  bool          // messages get lost, the end does not
	news  chan struct{} // one slot: the first parcel is another one
}

// parcel is one message under way, or the end of the connection.
type parcel struct {
	due  time.Time
	data []byte
	end  error
}

// maxUnderWay bounds a lane whose receiver does not read.
const maxUnderWay = 1 << 16

var errLaneFull = errors.New("too many messages under way")

func newLane(delay func() time.Duration) *lane {
	return &lane{delay: delay, news: make(chan struct{}, 1)}
}

// put sends a message. It fails when the receiver is hopelessly behind.
func (l *lane) put(data []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) >= maxUnderWay {
		return errLaneFull
	}
	due := l.arrival()
	if l.trace != nil {
		l.trace(due, data)
	}
	if l.mute || l.over() {
		return nil
	}
	l.due = due
	l.add(parcel{due: due, data: data})
	return nil
}

// finish ends the lane behind what is under way. The first end to arrive counts.
func (l *lane) finish(end error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end(parcel{due: l.arrival(), end: end})
}

// cut ends the lane at a time of its own: what is under way is lost.
func (l *lane) cut(end error, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over() && !l.queue[len(l.queue)-1].due.After(at) {
		return
	}
	clear(l.queue)
	l.queue = l.queue[:0]
	l.add(parcel{due: at, end: end})
}

// silence loses what is under way and what will be sent, but no end.
func (l *lane) silence() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mute = true
	if !l.over() {
		clear(l.queue)
		l.queue = l.queue[:0]
	}
}

func (l *lane) end(p parcel) {
	if l.over() {
		last := l.queue[len(l.queue)-1]
		if !p.due.Before(last.due) {
			return
		}
		l.queue = l.queue[:len(l.queue)-1]
	}
	l.add(p)
}

func (l *lane) add(p parcel) {
	l.queue = append(l.queue, p)
	if len(l.queue) == 1 {
		l.wake()
	}
}

// over reports that an end is under way; it is the last of the queue.
func (l *lane) over() bool { n := len(l.queue); return n > 0 && l.queue[n-1].end != nil }

// arrival is when something arrives that is sent now.
func (l *lane) arrival() time.Time {
	due := time.Now()
	if l.delay != nil {
		due = due.Add(l.delay())
	}
	if due.Before(l.due) {
		return l.due
	}
	return due
}

func (l *lane) wake() {
	select {
	case l.news <- struct{}{}:
	default:
	}
}

// get waits for the next parcel; an end stays and is returned for ever. false:
// one of the channels was closed first.
func (l *lane) get(stop, quit <-chan struct{}) (parcel, bool) {
	for {
		p, wait, ok := l.first()
		if ok {
			return p, true
		}
		if !l.sleep(wait, stop, quit) {
			return parcel{}, false
		}
	}
}

// first takes the first parcel if it is due, or tells how long to wait for it:
// 0 is until there is one.
func (l *lane) first() (p parcel, wait time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 {
		return parcel{}, 0, false
	}
	p = l.queue[0]
	if wait = time.Until(p.due); wait > 0 {
		return parcel{}, wait, false
	}
	if p.end == nil {
		l.queue[0] = parcel{}
		l.queue = l.queue[1:]
	}
	return p, 0, true
}

// sleep waits until a change, or for the time given.
func (l *lane) sleep(wait time.Duration, stop, quit <-chan struct{}) bool {
	var timeUp <-chan time.Time
	if wait > 0 {
		timeUp = l.alarm(wait)
	}
	select {
	case <-l.news:
	case <-timeUp:
	case <-stop:
		return false
	case <-quit:
		return false
	}
	return true
}

func (l *lane) alarm(wait time.Duration) <-chan time.Time {
	if l.timer == nil {
		l.timer = time.NewTimer(wait)
	} else {
		l.timer.Reset(wait)
	}
	return l.timer.C
}

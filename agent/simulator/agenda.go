package simulator

import (
	"slices"
	"time"
)

// agenda is what a session will do later. Owned by the session's goroutine,
// which waits on C and then calls next; nothing here runs by itself.
type agenda struct {
	list  []*appointment // by time, then by age
	timer *time.Timer
}

type appointment struct {
	at time.Time
	do func()
}

// after plans do in d from now.
func (a *agenda) after(d time.Duration, do func()) *appointment {
	e := &appointment{time.Now().Add(d), do}
	i := len(a.list)
	for i > 0 && a.list[i-1].at.After(e.at) {
		i--
	}
	a.list = slices.Insert(a.list, i, e)
	a.arm()
	return e
}

// cancel forgets an appointment; nil and past ones are fine.
func (a *agenda) cancel(e *appointment) {
	if i := slices.Index(a.list, e); e != nil && i >= 0 {
		a.list = slices.Delete(a.list, i, i+1)
		a.arm()
	}
}

// C receives when next should be called. It is nil before the first appointment.
func (a *agenda) C() <-chan time.Time {
	if a.timer == nil {
		return nil
	}
	return a.timer.C
}

// next does the first thing that is due, and only that one: between two, the
// session looks at what the client sent.
func (a *agenda) next() {
	if len(a.list) == 0 || a.list[0].at.After(time.Now()) {
		a.arm()
		return
	}
	e := a.list[0]
	a.list = slices.Delete(a.list, 0, 1)
	a.arm()
	e.do()
}

func (a *agenda) arm() {
	switch {
	case len(a.list) == 0 && a.timer != nil:
		a.timer.Stop()
	case len(a.list) == 0:
	case a.timer == nil:
		a.timer = time.NewTimer(time.Until(a.list[0].at))
	default:
		a.timer.Reset(time.Until(a.list[0].at))
	}
}

func (a *agenda) stop() { a.list = nil; a.arm() }

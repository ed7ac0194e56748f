package agent

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/transcode"
)

// link is one connection to the model. A call has one at a time that counts; while it is being replaced there may be a
// second one, already open or about to be closed.
type link struct {
	// Static.
	model    Model
	session  realtime.Session // as the server confirmed it
	desk     *Desk            // whom the session was opened for
	number   int              // of the call's connections, from 1
	opened   time.Time
	law      transcode.Law // of the session's output
	toServer *[256]byte    // caller's law → session's; nil when they are the same

	appended atomic.Int64 // bytes of caller audio sent

	// Between the reader and the loop.
	inbox   chan<- received
	handled chan struct{}
}

// received is what a reader hands to the loop; exactly one of ev and err is set.
type received struct {
	link *link
	ev   realtime.ServerEvent
	err  error
}

// newLink checks what the server confirmed: no audio flows before that is G.711, or it would be noise.
func newLink(m Model, session realtime.Session, desk *Desk, caller transcode.Law) (*link, error) {
	in, okIn := lawOf(session.InputFormat)
	out, okOut := lawOf(session.OutputFormat)
	if !okIn || !okOut {
		return nil, &FormatError{Input: session.InputFormat, Output: session.OutputFormat}
	}
	l := &link{model: m, session: session, desk: desk, law: out, opened: time.Now(),
		handled: make(chan struct{}, 1)}
	if in != caller {
		l.toServer = transcode.Table(caller, in)
	}
	return l, nil
}

// read hands the model's events to the loop one by one and waits until each is handled: audio deltas are then valid
// without a copy. It ends with the connection or with work.
func (l *link) read(work context.Context) {
	for {
		ev, err := l.model.Recv(work)
		select {
		case l.inbox <- received{l, ev, err}:
		case <-work.Done():
			return
		}
		select {
		case <-l.handled:
		case <-work.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// pastBytes is how much of the caller's audio is kept to be sent once more: 1.5 s, which the queue of a new connection
// takes without a loss.
const pastBytes = 1500 * transcode.BytesPerMS

// uplink carries the caller's audio to the link that counts. It keeps the last of it, because a word that began on one
// connection has to be heard whole on the next.
type uplink struct {
	work context.Context

	mu    sync.Mutex
	link  *link // nil: nobody listens
	muted bool  // the caller has put us on hold
	past  [pastBytes]byte
	total int64 // bytes that ever came; total % pastBytes is where the next goes
	event realtime.AudioAppend
	frame [100 * transcode.BytesPerMS]byte
}

// hear takes one frame of the caller's audio. It runs on the line's goroutines, one at a time.
func (u *uplink) hear(audio []byte) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.muted {
		return
	}
	for rest := audio; len(rest) > 0; {
		n := copy(u.past[u.total%pastBytes:], rest)
		rest, u.total = rest[n:], u.total+int64(n)
	}
	u.sendLocked(audio)
}

func (u *uplink) sendLocked(audio []byte) {
	l := u.link
	if l == nil {
		return
	}
	u.event.Audio = audio
	if l.toServer != nil {
		n := copy(u.frame[:], audio)
		for i, b := range u.frame[:n] {
			u.frame[i] = l.toServer[b]
		}
		u.event.Audio = u.frame[:n]
	}
	if l.model.Send(u.work, &u.event) == nil {
		l.appended.Add(int64(len(audio)))
	}
}

// turnTo sends what comes from now on to l, after the last replay of what has come.
func (u *uplink) turnTo(l *link, replay time.Duration) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.link = l
	if l == nil || u.muted {
		return
	}
	n := min(int64(replay/time.Millisecond)*transcode.BytesPerMS, u.total, pastBytes)
	var piece [100 * transcode.BytesPerMS]byte
	for at := u.total - n; at < u.total; {
		size := copy(piece[:min(int64(len(piece)), u.total-at)], u.past[at%pastBytes:])
		u.sendLocked(piece[:size])
		at += int64(size)
	}
}

// mute stops the audio while the caller has us on hold. Turn detection counts audio and not time, so speech that the hold
// cut off would never end: it gets a second of silence.
func (u *uplink) mute(on bool, silence byte) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if on && !u.muted {
		var piece [100 * transcode.BytesPerMS]byte
		for i := range piece {
			piece[i] = silence
		}
		for range 10 {
			u.sendLocked(piece[:])
		}
		u.total = 0 // what was said before is no part of what comes after
	}
	u.muted = on
}

package realtime

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// readerPatience is how long a failed write waits for Recv to find the reason.
const readerPatience = time.Second

// writer is the one goroutine that writes messages. It also starts the pings: a link can be gone for minutes while writes
// still succeed.
//
// Writes carry no context. A context with a deadline costs the library allocations for every message; one timer that cuts
// the socket costs none.
type writer struct {
	c        *Conn       // static
	deadline *time.Timer // static; armed during a write
	pinging  atomic.Bool

	// owned by run; reused for every packet
	audio   []byte
	message []byte
}

func newWriter(c *Conn) *writer {
	w := &writer{c: c, deadline: time.AfterFunc(c.opts.WriteTimeout, func() { c.fail(ErrWriteTimeout) })}
	w.deadline.Stop()
	return w
}

func (w *writer) run() {
	tick := time.NewTicker(w.c.opts.PingEvery)
	defer tick.Stop()
	for {
		select {
		case <-w.c.done:
			return
		case <-tick.C:
			if w.pinging.CompareAndSwap(false, true) {
				w.c.crew.Go(w.ping)
			}
		case <-w.c.out.wake:
			if err := w.drain(); err != nil {
				w.leaveToReader(err)
				return
			}
		}
	}
}

// leaveToReader ends the connection after a failed write. The reason is often still unread: a close frame that came just
// before the socket went away. So Recv has a moment to find it.
func (w *writer) leaveToReader(err error) {
	select {
	case <-w.c.done:
	case <-time.After(readerPatience):
		w.c.fail(readError(err))
	}
}

// drain writes until nothing waits.
func (w *writer) drain() error {
	for {
		select {
		case <-w.c.done:
			return nil
		default:
		}
		control, audio := w.c.out.take(w.audio[:0])
		switch {
		case control.text != nil:
			if err := w.write(control.text); err != nil {
				return err
			}
			w.c.stats.out[control.family].Add(1)
		case len(audio) > 0:
			w.audio = audio
			w.message = appendAudio(w.message[:0], audio)
			if err := w.write(w.message); err != nil {
				return err
			}
			w.c.stats.out[FamilyAudio].Add(1)
		default:
			return nil
		}
	}
}

func (w *writer) write(message []byte) error {
	w.deadline.Reset(w.c.opts.WriteTimeout)
	err := w.c.ws.Write(context.Background(), websocket.MessageText, message)
	w.deadline.Stop()
	if err == nil {
		w.c.stats.bytesOut.Add(int64(len(message)))
	}
	return err
}

// ping waits for its pong. It is seen only while somebody is in Recv, so without a reader its absence proves nothing.
func (w *writer) ping() {
	defer w.pinging.Store(false)
	ctx, cancel := context.WithTimeout(context.Background(), w.c.opts.PingTimeout)
	defer cancel()
	start := time.Now()
	switch err := w.c.ws.Ping(ctx); {
	case err == nil:
		w.c.stats.roundTrip.Store(int64(time.Since(start)))
	case errors.Is(err, context.DeadlineExceeded) && w.c.interrupt.reading():
		w.c.fail(ErrPingTimeout)
	}
	// Any other error is a connection that ended, and Recv knows why.
}

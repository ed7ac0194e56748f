package sipua

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

// maxPending bounds the INVITEs of one dialog that wait for their ACK. An honest peer
// has one.
const maxPending = 8

// final is a final response to an INVITE that waits for its ACK. A 200 is repeated by
// us, end to end and over TCP too (RFC 3261 §13.3.1.4); other responses are repeated
// by the transaction.
//
//	sent  T1  2·T1  4·T1 … T2  T2 …          64·T1
//	 ●────●────●─────●───── … ──●── …  ───────× ErrNoACK
type final struct {
	// Static.
	dialog *Dialog
	cseq   uint32
	tx     *sip.ServerTx
	res    *sip.Response // nil when not a 200
	done   chan struct{} // closed when the ACK came or will not come any more

	mu       sync.Mutex
	timer    *time.Timer // nil before start and after stop
	interval time.Duration
	waited   time.Duration
	stopped  bool
}

// track notes that an INVITE is about to get its final response.
func (d *Dialog) track(cseq uint32, tx *sip.ServerTx, res *sip.Response) *final {
	f := &final{dialog: d, cseq: cseq, tx: tx, res: res, done: make(chan struct{})}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pending = append(d.pending, f)
	return f
}

// start begins to repeat the response, unless the ACK was here already.
func (f *final) start() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopped {
		return
	}
	f.interval = f.dialog.ua.timing.t1
	f.timer = time.AfterFunc(f.interval, f.fire)
}

// stop ends the waiting; it returns false if it had ended.
func (f *final) stop() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopped {
		return false
	}
	f.stopped = true
	close(f.done)
	if f.timer != nil {
		f.timer.Stop()
		f.timer = nil
	}
	return true
}

// fire is called by the timer.
func (f *final) fire() {
	if !f.dialog.ua.enter() {
		return
	}
	defer f.dialog.ua.leave()
	if !f.dialog.ua.guard("repeated response", f.repeat) {
		f.dialog.cancel(errPanicked)
	}
}

// repeat sends the response again or gives up.
func (f *final) repeat() {
	if !f.again() {
		if f.stop() {
			f.dialog.cancel(ErrNoACK)
		}
		return
	}
	_ = f.tx.Respond(f.res) // the next repetition is the cure for a failed one
}

// again sets the next deadline; false when 64·T1 have passed. A stopped response also
// says true: one repetition too many does no harm, a second end would.
func (f *final) again() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopped {
		return true
	}
	timing := f.dialog.ua.timing
	f.waited += f.interval
	if f.waited >= timing.giveUp() {
		return false
	}
	f.interval = min(2*f.interval, timing.t2, timing.giveUp()-f.waited)
	f.timer.Reset(f.interval)
	return true
}

// acked handles an ACK and returns the INVITE transaction that it ends, if any.
func (d *Dialog) acked(cseq uint32) *sip.ServerTx {
	for _, f := range d.waiting() {
		if f.cseq == cseq {
			d.drop(f)
			return f.tx
		}
	}
	if cseq == d.inviteID.cseq && errors.Is(context.Cause(d.ctx), ErrCancelled) {
		return d.tx // for the 487 that sipgo sent
	}
	return nil
}

// waiting returns the responses without an ACK.
func (d *Dialog) waiting() []*final {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]*final(nil), d.pending...)
}

func (d *Dialog) drop(f *final) {
	f.stop()
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, other := range d.pending {
		if other == f {
			d.pending = append(d.pending[:i:i], d.pending[i+1:]...)
			return
		}
	}
}

// dropAll ends all waiting and repeating: the call is over.
func (d *Dialog) dropAll() {
	d.mu.Lock()
	d.stopRingingLocked()
	d.stopSessionLocked()
	d.mu.Unlock()
	for _, f := range d.waiting() {
		d.drop(f)
	}
}

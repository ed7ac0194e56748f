package sipua

import (
	"context"
	"time"

	"github.com/emiago/sipgo/sip"
)

// ringer is the state of "it rings here". A call that rings for long needs the 180 again
// every minute, or a proxy on the way takes it for dead after three (RFC 3261 §13.3.1.1).
//
//	180         180         180    200
//	 ●── 60 s ───●── 60 s ───●──────●
type ringer struct {
	timer *time.Timer // the next 180, or the next copy of one without its PRACK
	proof proof
}

// Ring sends 180 Ringing, and again every minute until the call is answered or refused;
// from then on Ring returns ErrState. It is sent reliably if the peer demands that, or
// supports it and Config.PreferReliable is set. A peer that demands it and made no offer
// gets none: the first reliable response would have to carry ours (RFC 3262 §5), and
// the call is answered before anybody misses it.
func (d *Dialog) Ring() error {
	d.wire.Lock()
	defer d.wire.Unlock()
	d.mu.Lock()
	if d.state != ringing {
		d.mu.Unlock()
		return ErrState
	}
	if d.ringer.proof.open() || d.silentRing() {
		d.mu.Unlock()
		return nil // the one that is on its way says it all
	}
	res := d.newRingLocked()
	d.mu.Unlock()
	return d.sendLocked(res)
}

func (d *Dialog) silentRing() bool {
	return len(d.request.Body) == 0 && names(d.invite, "require", "", reliableTag)
}

// newRingLocked makes a 180 and sets the time of the next one.
func (d *Dialog) newRingLocked() *sip.Response {
	res := newResponse(d.invite, sip.StatusRinging, "Ringing", d.flow.contactHeader(), Header{"Allow", allowed})
	next := d.ua.timing.ringAgain
	if d.ringsReliably() {
		next = d.ringer.proof.begin(res, d.ua.timing)
	}
	d.ringLaterLocked(next)
	return res
}

func (d *Dialog) ringLaterLocked(wait time.Duration) {
	if d.ringer.timer != nil {
		d.ringer.timer.Stop()
	}
	d.ringer.timer = time.AfterFunc(wait, d.ringAgain)
}

// ringAgain sends the next 180, or a copy of the one whose PRACK is missing.
func (d *Dialog) ringAgain() {
	if !d.ua.enter() {
		return
	}
	defer d.ua.leave()
	d.wire.Lock()
	defer d.wire.Unlock()
	if res := d.nextRing(); res != nil {
		_ = d.sendLocked(res) // the next one is the cure for a failed one
	}
}

// nextRing returns what is to be sent now, nil if there is nothing any more.
func (d *Dialog) nextRing() *sip.Response {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.state != ringing || context.Cause(d.ctx) != nil {
		return nil
	}
	if !d.ringer.proof.open() {
		return d.newRingLocked()
	}
	wait, ok := d.ringer.proof.again(d.ua.timing)
	if !ok {
		d.cancel(ErrNoPRACK)
		return nil
	}
	d.ringLaterLocked(wait)
	return d.ringer.proof.res
}

// stopRingingLocked ends the repetitions. A PRACK that is on its way is still understood.
func (d *Dialog) stopRingingLocked() {
	if d.ringer.timer != nil {
		d.ringer.timer.Stop()
	}
}

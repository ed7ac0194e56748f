package sipua

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/emiago/sipgo/sip"
)

// errNoOffers is why a new offer is refused when nobody decides about them.
var errNoOffers = errors.New("no handler for new offers")

// reinvite handles an INVITE inside the call (RFC 3261 §14.2). Whatever the outcome,
// the call goes on with what was agreed before.
func (d *Dialog) reinvite(req *sip.Request, tx *sip.ServerTx) {
	if bad := screenInvite(req); bad != nil {
		d.refuseReinvite(req, tx, bad)
		return
	}
	d.dropDead()
	if !d.established() || len(d.waiting()) >= maxPending {
		wait := strconv.Itoa(rand.IntN(11)) // the first INVITE is still open: 0 to 10 s
		d.refuseReinvite(req, tx, refuse(sip.StatusInternalServerError, "Request Pending", Header{"Retry-After", wait}))
		return
	}
	d.awaitACKs(d.ua.life, d.ua.timing.ackWait)
	if bad := d.ua.screenSession(req); bad != nil {
		d.refuseReinvite(req, tx, bad)
		return
	}
	if d.opens() || !d.tryClaim() {
		d.refuseReinvite(req, tx, offersCross)
		return
	}
	defer d.release()
	offer, _ := offerOf(req)
	if len(offer) == 0 {
		d.acceptReinvite(req, tx, d.offerLate(req.CSeq().SeqNo))
		return
	}
	answer, err := d.renegotiate(offer)
	if err != nil {
		d.refuseReinvite(req, tx, unacceptable)
		return
	}
	d.acceptReinvite(req, tx, answer)
}

// offersCross is for an offer that meets one of ours (RFC 3261 §14.2).
var offersCross = refuse(sip.StatusRequestPending, "Request Pending")

var unacceptable = refuse(sip.StatusNotAcceptableHere, "Not Acceptable Here", Header{"Warning", `399 - "media cannot be changed"`})

// acceptReinvite answers with a description of ours, which is an answer, or an offer.
func (d *Dialog) acceptReinvite(req *sip.Request, tx *sip.ServerTx, body []byte) {
	res := withBody(d.acceptance(req, body), body)
	f := d.track(req.CSeq().SeqNo, tx, res)
	if err := tx.Respond(res); err != nil {
		d.drop(f)
		return
	}
	f.start()
}

// acceptance is the 200 to an INVITE or UPDATE, and puts in force what comes with it.
func (d *Dialog) acceptance(req *sip.Request, body []byte) *sip.Response {
	d.refresh(req, body)
	d.noteAllow(req)
	agreed := d.termsFor(req)
	d.startSession(agreed)
	return newResponse(req, sip.StatusOK, "OK",
		append(agreed.headers(), d.flow.contactHeader(), Header{"Allow", allowed}, d.ua.supported)...)
}

// refresh takes over what an accepted INVITE or UPDATE changes: where our requests go
// (RFC 3261 §12.2.2), and what we said last, if it made us say something.
func (d *Dialog) refresh(req *sip.Request, body []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.target = *req.Contact().Address.Clone()
	if len(body) > 0 {
		d.answer = body
	}
}

// refuseReinvite sends bad and remembers the transaction, for the ACK to end it.
func (d *Dialog) refuseReinvite(req *sip.Request, tx *sip.ServerTx, bad *refusal) {
	if len(d.waiting()) < maxPending {
		d.track(req.CSeq().SeqNo, tx, nil)
	}
	bad.send(tx, req)
}

// dropDead forgets refusals whose ACK will not come any more: their transaction is over.
func (d *Dialog) dropDead() {
	for _, f := range d.waiting() {
		select {
		case <-f.tx.Done():
			if f.res == nil {
				d.drop(f)
			}
		default:
		}
	}
}

func (d *Dialog) established() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state == answered
}

// renegotiate asks the call's owner about an offer. An offer of ours that still waits
// for its answer has lost its meaning.
func (d *Dialog) renegotiate(offer []byte) ([]byte, error) {
	d.mu.Lock()
	reoffer := d.reoffer
	d.late.pending = false
	d.mu.Unlock()
	if reoffer == nil {
		return nil, errNoOffers
	}
	return reoffer(offer)
}

// awaitACKs waits until no 200 is without its ACK, at most for d (0: as long as ctx
// lasts). It returns false when it gave up.
func (d *Dialog) awaitACKs(ctx context.Context, limit time.Duration) bool {
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	for _, f := range d.waiting() {
		if f.res == nil {
			continue
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

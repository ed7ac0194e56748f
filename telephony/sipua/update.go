package sipua

import (
	"math/rand/v2"
	"strconv"

	"github.com/emiago/sipgo/sip"
)

// update handles an UPDATE (RFC 3311 §5.2): a refresh of the peer's address, with or
// without a new offer. Whatever the outcome, the call goes on.
func (d *Dialog) update(req *sip.Request, tx *sip.ServerTx) {
	if bad := screenInvite(req); bad != nil {
		bad.send(tx, req)
		return
	}
	if bad := d.ua.screenSession(req); bad != nil {
		bad.send(tx, req)
		return
	}
	offer, _ := offerOf(req)
	if bad := d.mayUpdate(len(offer) > 0); bad != nil {
		bad.send(tx, req)
		return
	}
	var answer []byte
	if len(offer) > 0 {
		if !d.tryClaim() {
			offersCross.send(tx, req)
			return
		}
		defer d.release()
		var err error
		if answer, err = d.renegotiate(offer); err != nil {
			unacceptable.send(tx, req)
			return
		}
	}
	res := d.acceptance(req, answer)
	if len(answer) > 0 {
		res = withBody(res, answer)
	}
	_ = tx.Respond(res) // a failed write ends the transaction; the peer will ask again
}

// mayUpdate finds what stands against an UPDATE now. Only one offer may be open at a
// time: the one of the INVITE is until we answer, one of ours until the ACK.
func (d *Dialog) mayUpdate(offers bool) *refusal {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.state != ringing && d.state != answered:
		return noSuchCall
	case offers && d.state == ringing:
		return refuse(sip.StatusInternalServerError, "Offer Pending", Header{"Retry-After", strconv.Itoa(rand.IntN(11))})
	case offers && d.late.pending:
		return offersCross
	}
	return nil
}

package sipua

import (
	"github.com/emiago/sipgo/sip"
)

// lateOffer is an offer of ours inside the call: a re-INVITE brought none, so the 200
// makes it and the ACK answers it (RFC 3261 §14.2). Some exchanges resume from hold in
// this way only.
//
//	◄── INVITE, no body ──    200, our offer ──►    ◄── ACK, their answer ──
type lateOffer struct {
	offer    func() []byte       // nil: the last description again
	answered func(answer []byte) // nil: answers mean nothing
	pending  bool                // the answer has not come
	cseq     uint32              // of the INVITE
}

// OnLateOffer sets what is offered to a re-INVITE that makes no offer, and what gets the
// answer from the ACK; there may be none. Both must be set before Answer and must not
// block. Without them the last description is repeated, which is what a peer that only
// refreshes expects, and its answer is ignored.
func (d *Dialog) OnLateOffer(offer func() []byte, answered func(answer []byte)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.late.offer, d.late.answered = offer, answered
}

// offerLate makes an offer for the INVITE numbered cseq.
func (d *Dialog) offerLate(cseq uint32) []byte {
	d.mu.Lock()
	offer, body := d.late.offer, d.answer
	d.mu.Unlock()
	if offer != nil {
		body = offer()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.late.pending, d.late.cseq = true, cseq
	return body
}

// answeredLate returns what hands on the answer that an ACK brings, nil if it brings
// none: it must be to our offer and come from the peer of the call.
func (d *Dialog) answeredLate(ack *sip.Request) (tell func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	answered := d.late.answered
	if !d.late.pending || d.late.cseq != ack.CSeq().SeqNo || d.ua.peerOf(ack) != d.request.Peer {
		return nil
	}
	d.late.pending = false
	answer, ok := offerOf(ack)
	if !ok || len(answer) == 0 || answered == nil {
		return nil
	}
	return func() {
		defer func() {
			if p := recover(); p != nil {
				d.ua.panicked("late answer", p)
			}
		}()
		answered(answer)
	}
}

// peerOf names who sent a message, "" for a stranger.
func (u *UA) peerOf(req *sip.Request) string {
	return u.admission(req).Peer
}

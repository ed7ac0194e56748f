package sipua

import (
	"errors"
	"fmt"

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
	opening  bool                // it is the first of the call
	cseq     uint32              // of the INVITE

	opened func(answer []byte) error // what OnAnswer sets
}

// expectLocked notes that the 200 to the INVITE that began the call made our offer.
func (l *lateOffer) expectLocked(ours bool, cseq uint32) {
	if ours {
		l.pending, l.opening, l.cseq = true, true, cseq
	}
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

// OnAnswer sets what gets the answer to the offer that Answer made, because the INVITE
// that began the call made none (RFC 3261 §13.2.1). An error, or an ACK that brings no
// answer, ends the call with ErrNoDescription. It must be set before Answer and must not block.
//
//	◄── INVITE, no body ──    200, our offer ──►    ◄── ACK, their answer ──
func (d *Dialog) OnAnswer(f func(answer []byte) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.late.opened = f
}

// opens reports whether the first offer of the call is ours and without its answer.
func (d *Dialog) opens() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.late.pending && d.late.opening
}

// open begins the call with the answer of the ACK.
func (d *Dialog) open(opened func([]byte) error, answer []byte) {
	err := errors.New("there is none")
	if len(answer) > 0 {
		err = nil
		if opened != nil {
			err = opened(answer)
		}
	}
	if err != nil {
		d.cancel(fmt.Errorf("%w: %w", ErrNoDescription, err))
	}
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
	answered, opened, opening := d.late.answered, d.late.opened, d.late.opening
	if !d.late.pending || d.late.cseq != ack.CSeq().SeqNo || d.ua.peerOf(ack) != d.request.Peer {
		return nil
	}
	d.late.pending, d.late.opening = false, false
	answer, ok := offerOf(ack)
	if opening {
		answered = func(answer []byte) { d.open(opened, answer) }
	} else if !ok || len(answer) == 0 || answered == nil {
		return nil
	}
	return func() { d.ua.guard("late answer", func() { answered(answer) }) }
}

// peerOf names who sent a message, "" for a stranger.
func (u *UA) peerOf(req *sip.Request) string {
	return u.admission(req).Peer
}

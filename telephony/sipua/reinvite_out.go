package sipua

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"
)

// maxModify is how often one change is tried when the peer says "not now".
const maxModify = 5

// Reinvite offers a new session description to the peer and returns its answer, which the
// caller of Reinvite must put in force (RFC 3261 §14.1). One offer is open at a time: it
// waits for its turn, and steps back for a random time when the peer made an offer in the
// same moment. ctx bounds that waiting; an INVITE that has left is awaited to its end, at
// most 64·T1.
//
// The call goes on as before after a *StatusError: the peer does not want it. It is over
// when the peer does not know the call or does not answer: the error is then ErrGone, as
// is the call's cause. ErrState means that the call is not answered.
func (d *Dialog) Reinvite(ctx context.Context, offer []byte) (answer []byte, err error) {
	return d.offer(ctx, sip.INVITE, offer)
}

// Update is Reinvite by an UPDATE (RFC 3311), for a peer that lists it in Allow: it is
// answered at once, by a machine. Without an offer it only refreshes the session.
func (d *Dialog) Update(ctx context.Context, offer []byte) (answer []byte, err error) {
	return d.offer(ctx, sip.UPDATE, offer)
}

// TakesUpdates reports whether the peer said that it takes UPDATE requests.
func (d *Dialog) TakesUpdates() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.updates
}

func (d *Dialog) offer(ctx context.Context, method sip.RequestMethod, offer []byte) ([]byte, error) {
	res, err := d.modify(ctx, method, offer)
	if err != nil {
		return nil, err
	}
	answer, ok := offerOf(res)
	if !ok {
		return nil, nil // of a kind that we did not ask for: no answer
	}
	return answer, nil
}

// modify sends an INVITE or UPDATE inside the call until the peer has decided.
func (d *Dialog) modify(ctx context.Context, method sip.RequestMethod, body []byte) (*sip.Response, error) {
	ctx, cancel := d.whileUp(ctx)
	defer cancel()
	for try := 1; ; try++ {
		res, err := d.modifyOnce(ctx, method, body)
		wait, again := d.backOff(res, err)
		if !again || try == maxModify {
			return res, err
		}
		if !pause(ctx, nil, wait) {
			return nil, context.Cause(ctx)
		}
	}
}

// backOff is how long to wait before the same again (RFC 3261 §14.1): after a 491 as the
// owner of the Call-ID or not, so that both sides do not collide for ever; after a 500
// as long as it says.
func (d *Dialog) backOff(res *sip.Response, err error) (wait time.Duration, again bool) {
	switch statusOf(err) {
	case sip.StatusRequestPending:
		return glareWait(d.placed) * d.ua.timing.glare, true
	case sip.StatusInternalServerError:
		seconds, err := strconv.Atoi(firstValue(res, "retry-after", ""))
		return time.Duration(seconds) * d.ua.timing.second, err == nil && seconds >= 0 && seconds <= 10
	}
	return 0, false
}

// glareWait is drawn in units of 10 ms: 2.1 to 4 s for the owner of the Call-ID, 0 to 2 s
// for the other side.
func glareWait(owner bool) time.Duration {
	if owner {
		return time.Duration(210 + rand.IntN(191))
	}
	return time.Duration(rand.IntN(201))
}

// modifyOnce sends one such request, when no other offer is open, and takes over what an
// accepted one changes.
func (d *Dialog) modifyOnce(ctx context.Context, method sip.RequestMethod, body []byte) (*sip.Response, error) {
	if err := d.claim(ctx); err != nil {
		return nil, err
	}
	defer d.release()
	seq, target, err := d.nextRequest()
	if err != nil {
		return nil, err
	}
	req := d.newRequest(method, seq, target)
	for _, h := range append(d.sessionHeaders(), d.flow.contactHeader(), Header{"Allow", allowed}) {
		req.AppendHeader(sip.NewHeader(h.Name, h.Value))
	}
	if len(body) > 0 {
		req.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	}
	req.SetBody(body)
	res, err := d.exchange(req, target)
	if err != nil {
		return res, d.lost(err)
	}
	d.noteAllow(res)
	d.sessionAnswered(res)
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(body) > 0 {
		d.answer = body
	}
	return res, nil
}

// lost finds out whether an error of a request inside the call means that the peer has no
// such call any more (RFC 3261 §12.2.1.2), and ends it then.
func (d *Dialog) lost(err error) error {
	if cause := context.Cause(d.ctx); cause != nil {
		return cause
	}
	switch status := statusOf(err); {
	case status == sip.StatusRequestTimeout, status == sip.StatusCallTransactionDoesNotExists:
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, sip.ErrTransactionTimeout):
	default:
		return err
	}
	d.cancel(ErrGone)
	return fmt.Errorf("%w: %w", ErrGone, err)
}

// exchange sends an INVITE or UPDATE on the call's flow and returns the final response;
// with a *StatusError if that is none of success. The transaction of an INVITE lives on
// by itself, for the ACKs to repeated responses.
func (d *Dialog) exchange(req *sip.Request, target sip.Uri) (*sip.Response, error) {
	ctx, cancel := context.WithTimeout(d.ctx, d.ua.timing.giveUp())
	defer cancel()
	if err := d.direct(ctx, req, target); err != nil {
		return nil, fmt.Errorf("send %s: %w", req.Method, err)
	}
	tx, err := d.ua.layer.NewClientTransaction(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("send %s: %w", req.Method, err)
	}
	var ack atomic.Pointer[sip.Request]
	tx.OnRetransmission(func(*sip.Response) {
		if a := ack.Load(); a != nil {
			_ = tx.Connection().WriteMsg(a)
		}
	})
	if err := tx.Init(); err != nil {
		tx.Terminate()
		return nil, fmt.Errorf("send %s: %w", req.Method, err)
	}
	res, err := finalResponse(ctx, tx, req)
	if res == nil || !req.IsInvite() {
		tx.Terminate()
	}
	if err == nil {
		d.moved(res)
		if req.IsInvite() {
			ack.Store(d.acknowledgement(req))
			_ = tx.Connection().WriteMsg(ack.Load()) // a repeated 2xx asks for it again
		}
	}
	return res, err
}

// finalResponse waits for the final response; with a *StatusError if that is none of
// success.
func finalResponse(ctx context.Context, tx *sip.ClientTx, req *sip.Request) (*sip.Response, error) {
	for {
		select {
		case res := <-tx.Responses():
			switch {
			case res.IsProvisional():
			case res.IsSuccess():
				return res, nil
			default:
				return res, &StatusError{string(req.Method), res.StatusCode, res.Reason}
			}
		case <-tx.Done():
			return nil, fmt.Errorf("wait for the answer to %s: %w", req.Method, tx.Err())
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the answer to %s: %w", req.Method, context.Cause(ctx))
		}
	}
}

// moved takes over where a 2xx says that our requests go from now on (RFC 3261 §12.2.1.2).
func (d *Dialog) moved(res *sip.Response) {
	contact := res.Contact()
	if contact == nil || contact.Address.Wildcard {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.target = *contact.Address.Clone()
}

// acknowledgement is the ACK to the 2xx of an INVITE of ours: a request of its own with
// the number of the INVITE (RFC 3261 §13.2.2.4).
func (d *Dialog) acknowledgement(invite *sip.Request) *sip.Request {
	d.mu.Lock()
	target := d.target
	d.mu.Unlock()
	ack := d.newRequest(sip.ACK, invite.CSeq().SeqNo, target)
	ack.SetDestination(invite.Destination())
	ack.SetBody(nil)
	return ack
}

// noteAllow keeps what an Allow header says about UPDATE.
func (d *Dialog) noteAllow(msg sip.Message) {
	if len(headerValues(msg, "allow", "")) == 0 {
		return
	}
	can := names(msg, "allow", "", string(sip.UPDATE))
	d.mu.Lock()
	defer d.mu.Unlock()
	d.updates = can
}

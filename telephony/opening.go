package telephony

import (
	"context"

	"github.com/trunkline/trunkline/telephony/sdp"
)

// A call whose INVITE makes no offer gets ours in the 200, and the ACK brings the answer
// (RFC 3261 §13.2.1); some exchanges begin every call in this way. Only then is it known
// where the audio goes, so nothing is sent before. The handler's law is the first that
// we offer; if the answer names the other one, package media translates.
//
//	◄── INVITE ──   200, our offer ──►   ◄── ACK, their answer ──   audio both ways

// offerFirst makes our offer for such a call.
func (c *Call) offerFirst() {
	c.answer = sdp.Offer(c.local)
	c.last, c.opened = c.answer, make(chan struct{})
	if own, err := sdp.Parse(c.answer); err == nil {
		c.opening, _ = sdp.Negotiate(own, c.local)
	}
	c.agreed = c.opening
}

// openWith takes the answer to it and starts the audio. An error ends the call.
func (c *Call) openWith(body []byte) error {
	answer, err := sdp.Parse(body)
	if err != nil {
		return err
	}
	n, err := sdp.Negotiate(answer, c.local)
	if err != nil {
		return err
	}
	if !c.mayBeAt(n.Remote) {
		return errMediaAddr
	}
	c.mu.Lock()
	c.offer, c.opening, c.agreed = answer, n, n
	c.mu.Unlock()
	if err := c.startMedia(); err != nil {
		return err
	}
	close(c.opened)
	return nil
}

// awaitOpening waits for that answer.
func (c *Call) awaitOpening(ctx context.Context) error {
	c.mu.Lock()
	c.answered = true // the 200 is out: from now on the call has to be hung up
	c.mu.Unlock()
	select {
	case <-c.opened:
		return nil
	case <-c.ctx.Done():
		return c.Ended()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

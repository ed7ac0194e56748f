package phone

import (
	"context"
	"fmt"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/trunkline/trunkline/telephony/sdp"
)

// HoldKind is a way to say hold in SDP (RFC 3264 §8.4).
type HoldKind int

// The three ways.
const (
	SendOnly HoldKind = iota // a=sendonly: music may be played
	Inactive                 // a=inactive
	Nowhere                  // c=0.0.0.0, as RFC 2543 had it
)

// String is what the SDP says.
func (k HoldKind) String() string {
	return [...]string{"sendonly", "inactive", "0.0.0.0"}[min(max(int(k), 0), 2)]
}

// inFlight is how long audio may take to arrive that was sent before a hold.
const inFlight = 60 * time.Millisecond

// requestTimeout bounds how long we wait for the answer to a request inside the call.
const requestTimeout = 10 * time.Second

func (s Hold) run(ctx context.Context, c *call) error {
	next := c.offer
	next.direction, next.nowhere = s.As.String(), s.As == Nowhere
	if s.As == Nowhere {
		next.direction = "sendrecv"
	}
	if err := c.reinvite(ctx, next); err != nil {
		return err
	}
	c.event(OnHold, s.As.String())
	if err := (Pause{For: inFlight}).run(ctx, c); err != nil {
		return err
	}
	return c.media.Start(c.params(c.agreed))
}

func (Resume) run(ctx context.Context, c *call) error {
	next := c.offer
	next.direction, next.nowhere = "sendrecv", false
	if err := c.reinvite(ctx, next); err != nil {
		return err
	}
	c.event(Resumed, "")
	return nil
}

// reinvite offers something new, and puts the answer in force. A refusal is a *CallError;
// the call then goes on as it was.
func (c *call) reinvite(ctx context.Context, next offer) error {
	next.version++
	if err := c.listen(next); err != nil {
		return err
	}
	req := c.inside(sip.INVITE)
	req.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	req.SetBody(next.text())
	res, err := c.request(ctx, req)
	if err != nil {
		return err
	}
	ack := c.inside(sip.ACK) // sipgo acknowledges refusals only
	if err := c.leg.WriteRequest(ack); err != nil {
		return fmt.Errorf("acknowledge answer: %w", err)
	}
	answer, err := sdp.Parse(res.Body())
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	n, err := sdp.Negotiate(answer, next.local())
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if want := next.answered(); n.Direction != want {
		return fmt.Errorf("an offer of %s is answered so that we are %s, not %s", next.direction, n.Direction, want)
	}
	c.offer, c.agreed = next, n
	p := c.params(n)
	p.NoListen = false // yet: what was said before the hold is still on its way
	return c.media.Start(p)
}

// listen opens the ear for what an offer asks for: the far end may speak as soon as it
// has the offer, before its answer is here (RFC 3264 §5.1).
func (c *call) listen(next offer) error {
	if next.answered() != sdp.SendRecv {
		return nil
	}
	p := c.params(c.agreed)
	p.NoListen = false
	return c.media.Start(p)
}

// answered is what we are when the far end has given the only right answer.
func (o offer) answered() sdp.Direction {
	switch {
	case o.nowhere || o.direction == "inactive":
		return sdp.Inactive
	case o.direction == "sendonly":
		return sdp.SendOnly
	}
	return sdp.SendRecv
}

// inside begins a request inside the dialog; sipgo completes it.
func (c *call) inside(method sip.RequestMethod) *sip.Request {
	user := "phone"
	if c.served == nil {
		user = c.first.From().Address.User
		if contact := c.dialog.InviteResponse.Contact(); contact != nil {
			c.far = contact.Address
		}
	}
	req := sip.NewRequest(method, *c.far.Clone())
	req.AppendHeader(&sip.ContactHeader{Address: c.contact(user)})
	return req
}

// request sends a request and waits for success. Other answers are a *CallError.
func (c *call) request(ctx context.Context, req *sip.Request) (*sip.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	res, err := c.leg.Do(ctx, req)
	if err == nil && res.IsSuccess() {
		return res, nil
	}
	select {
	case <-c.over:
		return nil, errOver
	default:
	}
	if err != nil {
		return nil, fmt.Errorf("send %s: %w", req.Method, err)
	}
	return nil, &CallError{Status: res.StatusCode, Reason: res.Reason}
}

package sipua

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
)

// TransferError says why a referral did not lead to a call.
type TransferError struct {
	Status int    // SIP status of the refused REFER, or reported of the call; 0: reports ended without any
	Reason string // the peer's own text, fit to be shown; "" when it gave none
}

// Error implements error.
func (e *TransferError) Error() string {
	if e.Status == 0 {
		return "transfer failed: no result was reported"
	}
	return strings.TrimSpace(fmt.Sprintf("transfer failed: %d %s", e.Status, e.Reason))
}

// ErrNoReport is returned by Refer when the peer took the REFER and says nothing more.
var ErrNoReport = errors.New("no report about the transfer")

// ErrTarget is returned by Refer for what is no SIP or telephone URI.
var ErrTarget = errors.New("not a URI that can be transferred to")

// maxRinging is how long the target may ring after a report: a proxy gives up a ringing
// call after that time too (RFC 3261 §16.6, timer C).
const maxRinging = 3 * time.Minute

// referral is one REFER of ours and the subscription it implies (RFC 3515 §2.4.4).
type referral struct {
	seq  uint32        // static: CSeq number of the REFER, the id of the subscription
	news chan struct{} // cap 1: a report came
	done chan struct{} // closed by the last report
	err  error         // written before done is closed; nil is success
}

// Refer asks the peer to call uri and to tell what comes of it (RFC 3515; RFC 5589 §6.1),
// and waits for that:
//
//	REFER ──►   ◄── 202   ◄── NOTIFY 100   ◄── NOTIFY 180   ◄── NOTIFY 200
//
// It returns nil when the peer reports success; then it is for either side to hang up,
// and the peer's BYE is a *ByeError with Transferred set. Else the call goes on: after
// a *TransferError, ErrTarget, ErrNoReport when patience passes without a first report
// (or 3 minutes without another one), or the cause of ctx. ErrState means that the call
// is not answered or another referral is under way. When the call ends meanwhile it
// returns the call's cause.
func (d *Dialog) Refer(ctx context.Context, uri string, patience time.Duration) error {
	if !IsTarget(uri) {
		return ErrTarget
	}
	for _, c := range []context.Context{d.ctx, ctx} {
		if cause := context.Cause(c); cause != nil {
			return cause
		}
	}
	ctx, cancel := d.whileUp(ctx)
	defer cancel()
	if !d.awaitACKs(ctx, 0) {
		return context.Cause(ctx)
	}
	r, target, err := d.subscribe()
	if err != nil {
		return err
	}
	defer d.unsubscribe(r)
	if err := d.sendRefer(ctx, r.seq, target, uri); err != nil && !r.isDone() { // a report may be faster than the 202
		return err
	}
	return r.follow(ctx, patience)
}

// whileUp ends ctx with the call, and with its cause.
func (d *Dialog) whileUp(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(d.ctx, func() { cancel(context.Cause(d.ctx)) })
	return ctx, func() { stop(); cancel(nil) }
}

// subscribe begins a referral: from now on its reports are understood.
func (d *Dialog) subscribe() (*referral, sip.Uri, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.state != answered || d.referral != nil || d.referred {
		return nil, sip.Uri{}, ErrState
	}
	d.localSeq++
	d.referral = &referral{seq: d.localSeq, news: make(chan struct{}, 1), done: make(chan struct{})}
	return d.referral, d.target, nil
}

// unsubscribe ends a referral: further reports meet 481, which ends them (RFC 6665 §4.1.3).
func (d *Dialog) unsubscribe(r *referral) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.referral == r {
		d.referral = nil
	}
}

func (d *Dialog) sendRefer(ctx context.Context, seq uint32, target sip.Uri, uri string) error {
	req := d.newRequest(sip.REFER, seq, target)
	contact := d.flow.contactHeader()
	req.AppendHeader(sip.NewHeader(contact.Name, contact.Value))
	req.AppendHeader(sip.NewHeader("Refer-To", "<"+uri+">"))
	by := d.us.Address
	req.AppendHeader(sip.NewHeader("Referred-By", clean("<"+by.String()+">"))) // RFC 3892
	req.SetBody(nil)
	err := d.transact(ctx, req, target)
	var refused *StatusError
	switch {
	case errors.As(err, &refused):
		return &TransferError{refused.Status, presentable(refused.Reason)}
	case err != nil && ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return err
}

// follow waits for the last report.
func (r *referral) follow(ctx context.Context, patience time.Duration) (err error) {
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for err == nil && !r.isDone() {
		select {
		case <-r.done:
		case <-r.news:
			limit.Reset(max(patience, maxRinging))
		case <-limit.C:
			err = ErrNoReport
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
	}
	if r.isDone() { // also when the BYE came right behind the last report
		return r.err
	}
	return err
}

func (r *referral) isDone() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// PeerURI is the address of a telephone number at the peer's side.
func (d *Dialog) PeerURI(number string) string {
	d.mu.Lock()
	host, port := d.target.Host, d.target.Port
	d.mu.Unlock()
	if host == "" { // a Contact that is no SIP address
		host, port = d.them.Address.Host, d.them.Address.Port
	}
	uri := sip.Uri{Scheme: "sip", User: strings.ReplaceAll(number, "#", "%23"), Host: host, Port: port}
	return uri.String()
}

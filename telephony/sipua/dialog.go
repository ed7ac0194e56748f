package sipua

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"github.com/emiago/sipgo/sip"
)

// Dialog is one call. Its methods may be used by several goroutines, until
// Config.Invite, or DialRequest.Serve, returns.
//
//	ringing ──Answer──► answered ──Bye, peer's BYE──► over
//	   │
//	   └──Reject, CANCEL──► refused
//
// Of a call that we place nobody sees a Dialog before the peer has answered.
type Dialog struct {
	// Static.
	ua       *UA
	id       dialogID
	inviteID inviteID
	branch   string
	request  *Request
	invite   *sip.Request  // only read; nil when we placed the call
	tx       *sip.ServerTx // of the INVITE; likewise
	out      *outgoing     // nil when the peer placed it
	flow     flow
	us       sip.FromHeader // who we are in requests of ours, tag and all
	them     sip.ToHeader   // the same of the peer
	order    *order
	ctx      context.Context
	cancel   context.CancelCauseFunc
	gone     chan struct{} // closed when the peer's BYE was handled
	placed   bool          // the call, and with it the Call-ID, is ours
	unlisted bool          // the registry had no room for it

	wire sync.Mutex // responses to the INVITE leave one at a time; taken before mu

	mu       sync.Mutex
	state    dialogState
	target   sip.Uri  // Contact of the peer
	routes   []string // Route headers of our requests; a call of ours learns them from its 200
	localSeq uint32   // CSeq of our last request
	pending  []*final
	answer   []byte // our description sent last
	farewell Reason
	reoffer  func(offer []byte) ([]byte, error)
	late     lateOffer
	referral *referral // the one whose outcome is awaited
	referred bool      // a referral has succeeded: the peer does not need us any more
	ringer   ringer
	session  session
	updates  bool          // the peer takes UPDATE
	claimed  chan struct{} // closed by release; nil while nobody negotiates

	infoDigit func(digit rune)
}

type dialogState int

const (
	ringing dialogState = iota
	answered
	refused
	over // BYE sent or received
)

func newDialog(u *UA, req *sip.Request, tx *sip.ServerTx, peer string) *Dialog {
	cseq := req.CSeq().SeqNo
	d := &Dialog{
		ua: u, id: dialogIDOf(req), branch: branchOf(req),
		inviteID: inviteID{req.CallID().Value(), fromTag(req), cseq},
		request:  snapshot(req, peer),
		invite:   req, tx: tx,
		us: req.To().AsFrom(), them: req.From().AsTo(),
		flow:   flowOf(u, req, tx),
		routes: routeSet(req),
		order:  newOrder(cseq, u.timing),
		gone:   make(chan struct{}),
		target: *req.Contact().Address.Clone(),
	}
	d.ctx, d.cancel = context.WithCancelCause(u.calls)
	return d
}

// Request is the INVITE that started the call. Of a call of ours Source is where it went.
func (d *Dialog) Request() *Request { return d.request }

// LocalHost is the address to put into the session description: the advertised one, or
// else the local one that faces the peer.
func (d *Dialog) LocalHost() netip.Addr { return d.flow.media }

// OnReoffer sets what decides about a new offer inside the call (a re-INVITE or UPDATE):
// f returns the answer, or an error to have it refused with 488 while the call goes on.
// It must be set before Answer and must not block. Without it every new offer is
// refused.
func (d *Dialog) OnReoffer(f func(offer []byte) (answer []byte, err error)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reoffer = f
}

// Answer sends 200 OK with sdp and returns when it is written. The response is then
// repeated until the ACK comes (RFC 3261 §13.3.1.4); without one the call's context
// ends with ErrNoACK after 64·T1. If the INVITE made no offer sdp is ours, see OnAnswer.
// Answer returns the call's cause if that came first, ErrCancelled above all, and ErrState
// if a final response was sent before.
func (d *Dialog) Answer(ctx context.Context, sdp []byte) error {
	for _, c := range []context.Context{d.ctx, ctx} {
		if cause := context.Cause(c); cause != nil {
			return cause
		}
	}
	if err := d.decide(answered, sdp); err != nil {
		return err
	}
	d.noteAllow(d.invite)
	agreed := d.termsFor(d.invite)
	headers := append(agreed.headers(), d.flow.contactHeader(), Header{"Allow", allowed}, d.ua.supported)
	res := withBody(newResponse(d.invite, sip.StatusOK, "OK", headers...), sdp)
	f := d.track(d.inviteID.cseq, d.tx, res)
	if err := d.send(res); err != nil {
		d.drop(f)
		d.mu.Lock()
		defer d.mu.Unlock()
		d.state = refused
		return err
	}
	f.start()
	d.startSession(agreed)
	return nil
}

// Reject sends a final response of 300 or above, for example 404 or 503 with a
// Retry-After header. It returns ErrCancelled or ErrState like Answer.
func (d *Dialog) Reject(status int, reason string, headers ...Header) error {
	if status < 300 || status > 699 {
		return fmt.Errorf("reject with status %d: %w", status, ErrState)
	}
	if err := d.decide(refused, nil); err != nil {
		return err
	}
	d.track(d.inviteID.cseq, d.tx, nil)
	return d.send(newResponse(d.invite, status, reason, headers...))
}

// decide claims the right to send the final response. The new state is in place before
// the response is written, because the peer's next request may follow it at once.
func (d *Dialog) decide(next dialogState, answer []byte) error {
	if cause := context.Cause(d.ctx); errors.Is(cause, ErrCancelled) {
		return cause // sipgo has sent 487
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.state != ringing {
		return ErrState
	}
	d.state, d.answer = next, answer
	d.late.expectLocked(next == answered && len(d.request.Body) == 0, d.inviteID.cseq)
	d.stopRingingLocked()
	return nil
}

// send writes a response to the INVITE.
func (d *Dialog) send(res *sip.Response) error {
	d.wire.Lock()
	defer d.wire.Unlock()
	return d.sendLocked(res)
}

// sendLocked is send for who holds wire. When a CANCEL was faster, sipgo refuses the
// response but keeps it as the one to repeat; the 487 must then be put back, or a
// caller who gave up would be told "200 OK" a moment later.
func (d *Dialog) sendLocked(res *sip.Response) error {
	err := d.tx.Respond(res)
	if err == nil {
		return nil
	}
	if errors.Is(err, sip.ErrTransactionCanceled) || errors.Is(context.Cause(d.ctx), ErrCancelled) {
		_ = d.tx.Respond(newResponse(d.invite, sip.StatusRequestTerminated, "Request Terminated"))
		return ErrCancelled
	}
	return fmt.Errorf("send %d: %w", res.StatusCode, err)
}

// run is the life of the call.
func (d *Dialog) run() {
	defer d.ua.registry.bury(d)
	defer d.cancel(errEnded)
	// The callback runs inside sipgo's locks: it may only signal.
	if !d.tx.OnCancel(func(*sip.Request) { d.cancel(ErrCancelled) }) {
		d.cancel(ErrCancelled)
		return
	}
	_ = d.send(newResponse(d.invite, sip.StatusTrying, "Trying"))
	d.callHandler(d.ua.cfg.Invite)
	d.finish()
}

// callHandler runs the handler and turns a panic into the end of this call only.
func (d *Dialog) callHandler(handler func(context.Context, *Dialog)) {
	defer func() {
		if p := recover(); p != nil {
			d.ua.panicked("call", p)
		}
	}()
	handler(d.ctx, d)
}

// finish leaves the peer with a clear end, whatever the handler did.
func (d *Dialog) finish() {
	d.mu.Lock()
	state := d.state
	d.mu.Unlock()
	switch state {
	case ringing:
		status, reason := unfinished(context.Cause(d.ctx))
		_ = d.Reject(status, reason)
	case answered:
		d.hangUp()
	}
	d.dropAll()
}

// unfinished is the response for a handler that returned without giving one.
func unfinished(cause error) (int, string) {
	var bye *ByeError
	switch {
	case errors.As(cause, &bye): // RFC 3261 §15.1.2
		return sip.StatusRequestTerminated, "Request Terminated"
	case errors.Is(cause, ErrShutdown):
		return sip.StatusServiceUnavailable, "Service Unavailable"
	case errors.Is(cause, ErrNoPRACK): // RFC 3262 §3
		return 504, "Server Time-out"
	}
	return sip.StatusInternalServerError, "Server Internal Error"
}

// serve handles a request inside the dialog, in its turn.
func (d *Dialog) serve(req *sip.Request, tx *sip.ServerTx) {
	if !d.order.enter(d.ua.life, req.CSeq().SeqNo) {
		d.outOfTurn(req, tx)
		return
	}
	defer d.order.leave()
	if req.Method != sip.BYE {
		d.awaitOwner()
	}
	if bad := screenMethod(req, d.ua.tags); bad != nil {
		bad.send(tx, req)
		return
	}
	switch req.Method {
	case sip.BYE:
		d.remoteBye(req, tx)
	case sip.INVITE:
		d.reinvite(req, tx)
	case sip.UPDATE:
		d.update(req, tx)
	case sip.NOTIFY:
		d.notify(req, tx)
	case sip.INFO:
		d.info(req, tx)
	case sip.PRACK:
		d.prack(req, tx)
	default:
		respond(tx, req, sip.StatusOK, "OK", Header{"Allow", allowed}, Header{"Accept", "application/sdp"}, d.ua.supported)
	}
}

// outOfTurn answers a request whose CSeq number is not above the last one.
func (d *Dialog) outOfTurn(req *sip.Request, tx *sip.ServerTx) {
	if req.Method == sip.BYE {
		d.remoteBye(req, tx) // they want to end, whatever their counting
		return
	}
	respond(tx, req, sip.StatusInternalServerError, "CSeq Out Of Order")
}

func (d *Dialog) remoteBye(req *sip.Request, tx *sip.ServerTx) {
	respond(tx, req, sip.StatusOK, "OK")
	d.mu.Lock()
	first := !d.byeCameLocked()
	if first {
		close(d.gone)
	}
	if d.state == answered {
		d.state = over
	}
	bye := &ByeError{Reason: reasonOf(req), Transferred: d.referred}
	d.mu.Unlock()
	if first {
		d.dropAll()
		d.cancel(bye)
	}
}

func (d *Dialog) byeCameLocked() bool {
	select {
	case <-d.gone:
		return true
	default:
		return false
	}
}

func reasonOf(req *sip.Request) Reason {
	if values := headerValues(req, "reason", ""); len(values) > 0 {
		return parseReason(values[0])
	}
	return Reason{}
}

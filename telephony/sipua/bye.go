package sipua

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// Bye hangs up an answered call and waits for the peer to confirm, until ctx ends or
// 64·T1 have passed. If the ACK is still missing it is awaited first, as RFC 3261 §15
// demands. It returns nil if the peer hung up first, ErrState if the call was never
// answered, and a *StatusError if the peer objected; the call is over in any case once
// the BYE was sent.
func (d *Dialog) Bye(ctx context.Context, reason Reason) error {
	if !d.established() {
		return d.alreadyOver()
	}
	ctx, cancel := d.ua.untilClosed(ctx)
	defer cancel()
	if !d.awaitACKs(ctx, 0) {
		return fmt.Errorf("wait for ACK: %w", context.Cause(ctx))
	}
	return d.sendBye(ctx, reason)
}

func (d *Dialog) alreadyOver() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.state == over {
		return nil
	}
	return ErrState
}

// OnReturn sets the Reason of the BYE that is sent when Config.Invite returns from an
// answered call. Without it the reason follows from the cause of the call's context.
func (d *Dialog) OnReturn(reason Reason) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.farewell = reason
}

// hangUp is the BYE for a handler that returned from an answered call.
func (d *Dialog) hangUp() {
	reason := d.lastReason()
	err := d.Bye(context.Background(), reason)
	if d.established() { // no ACK in time, and the user agent is closing
		last, cancel := context.WithTimeout(context.Background(), d.ua.timing.closeGrace/4)
		defer cancel()
		err = d.sendBye(last, reason)
	}
	if err != nil {
		d.ua.log.Debug("BYE was not confirmed", "err", err)
	}
}

func (d *Dialog) lastReason() Reason {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch cause := context.Cause(d.ctx); {
	case d.farewell != (Reason{}):
		return d.farewell
	case errors.Is(cause, ErrNoACK):
		return Reason{"SIP", sip.StatusRequestTimeout, "ACK missing"}
	case errors.Is(cause, ErrNoDescription):
		return Reason{"SIP", sip.StatusNotAcceptableHere, "No usable answer in the ACK"}
	case errors.Is(cause, ErrExpired), errors.Is(cause, ErrGone):
		return Reason{"Q.850", 102, "Session expired"}
	case errors.Is(cause, ErrShutdown):
		return Reason{"Q.850", 31, "Shutting down"}
	}
	return Reason{"Q.850", 16, "Normal call clearing"}
}

// untilClosed ends ctx a short grace after the user agent began to close: Close must
// not wait 32 s for a peer that is gone.
func (u *UA) untilClosed(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(u.calls, func() {
		_ = pause(ctx, nil, u.timing.closeGrace)
		cancel()
	})
	return ctx, func() { stop(); cancel() }
}

// sendBye sends the BYE, once.
func (d *Dialog) sendBye(ctx context.Context, reason Reason) error {
	d.mu.Lock()
	if d.state != answered {
		d.mu.Unlock()
		return nil
	}
	d.state = over
	d.localSeq++
	seq, target := d.localSeq, d.target
	d.mu.Unlock()
	d.dropAll()
	req := d.newRequest(sip.BYE, seq, target)
	if value := reason.String(); value != "" {
		req.AppendHeader(sip.NewHeader("Reason", clean(value)))
	}
	req.SetBody(nil)
	return d.transact(ctx, req, target)
}

// newRequest builds a request inside the dialog (RFC 3261 §12.2.1.1).
func (d *Dialog) newRequest(method sip.RequestMethod, seq uint32, target sip.Uri) *sip.Request {
	uri, routes := aim(d.routeSet(), target)
	req := sip.NewRequest(method, uri)
	req.AppendHeader(d.flow.via())
	for _, route := range routes {
		req.AppendHeader(sip.NewHeader("Route", route))
	}
	from, to := d.us, d.them
	callID, forwards := sip.CallIDHeader(d.id.callID), sip.MaxForwardsHeader(70)
	req.AppendHeader(&from)
	req.AppendHeader(&to)
	req.AppendHeader(&callID)
	req.AppendHeader(&sip.CSeqHeader{SeqNo: seq, MethodName: method})
	req.AppendHeader(&forwards)
	req.SetTransport(strings.ToUpper(d.flow.transport))
	return req
}

// transact sends a request on the call's flow and waits for its final response. A peer
// that we called may ask for credentials inside the call, too.
func (d *Dialog) transact(ctx context.Context, req *sip.Request, target sip.Uri) error {
	res, err := d.ask(ctx, req, target)
	if res == nil {
		return err
	}
	if next := d.authorized(req, res); next != nil {
		_, err = d.ask(ctx, next, target)
	}
	return err
}

func (d *Dialog) ask(ctx context.Context, req *sip.Request, target sip.Uri) (*sip.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, d.ua.timing.giveUp())
	defer cancel()
	if err := d.direct(ctx, req, target); err != nil {
		return nil, fmt.Errorf("send %s: %w", req.Method, err)
	}
	tx, err := d.ua.layer.Request(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("send %s: %w", req.Method, err)
	}
	defer tx.Terminate()
	return finalResponse(ctx, tx, req)
}

// direct sets where the request goes: back on the flow of the call, or, when that
// connection is gone, to the next hop of the route set over a new one. The route set is the
// peer's to choose, and so it may only lead to the peer.
func (d *Dialog) direct(ctx context.Context, req *sip.Request, target sip.Uri) error {
	if d.flow.transport == "udp" {
		req.SetDestination(d.towards(target))
		req.Laddr = sip.Addr{IP: d.flow.local.Addr().AsSlice(), Port: int(d.flow.local.Port())}
		return nil
	}
	if d.ua.conns.usable(connKey{d.flow.transport, d.flow.source}) != nil {
		req.SetDestination(d.flow.source)
		return nil
	}
	hops, err := d.ua.hops(ctx, by(d.flow.transport, nextHop(d.routeSet(), target)))
	if err != nil {
		return err
	}
	for _, h := range hops {
		if err = d.connect(ctx, h); err == nil {
			req.SetDestination(h.addr.String())
			req.SetTransport(sip.NetworkToUpper(h.transport)) // TLS also where it was not, for a SIPS URI
			req.Via().Transport = req.Transport()
			return nil
		}
	}
	return err
}

// connect opens a connection to a hop of the peer's. Over TLS its certificate may be all that it is known by.
func (d *Dialog) connect(ctx context.Context, h hop) error {
	src := Source{Addr: h.addr, Transport: h.transport}
	known := d.ua.belongs(src, d.request.Peer)
	if !known && h.transport != "tls" {
		return ErrNotPeer
	}
	if err := d.ua.connect(ctx, h, true); err != nil || known {
		return err
	}
	src.TLSNames = d.ua.conns.names(connKey{h.transport, h.addr.String()})
	if !d.ua.belongs(src, d.request.Peer) {
		return ErrNotPeer
	}
	return nil
}

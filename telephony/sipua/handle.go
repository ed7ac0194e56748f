package sipua

import (
	"github.com/emiago/sipgo/sip"
)

// handle is called by sipgo, in a goroutine for each request that is not a repetition.
func (u *UA) handle(req *sip.Request, tx *sip.ServerTx) {
	if req.IsAck() || !u.enter() {
		tx.Terminate() // an ACK gets no answer; arrive has dealt with it
		return
	}
	defer u.leave()
	defer func() {
		if p := recover(); p != nil {
			u.panicked("request", p)
			respond(tx, req, sip.StatusInternalServerError, "Server Internal Error")
		}
	}()
	if bad := screenForm(req); bad != nil {
		bad.send(tx, req)
		return
	}
	u.route(req, tx)
}

// route finds what a well-formed request is about.
func (u *UA) route(req *sip.Request, tx *sip.ServerTx) {
	admission := u.admission(req)
	if admission.Verdict != Allow {
		respond(tx, req, sip.StatusForbidden, "Forbidden")
		return
	}
	if req.IsCancel() { // sipgo handles those that match an INVITE in progress
		noSuchCall.send(tx, req)
		return
	}
	peer := u.sender(req, admission.Peer)
	if toTag(req) == "" || req.IsInvite() && u.tagger.starts(req) {
		u.outside(req, tx, peer)
		return
	}
	u.inside(req, tx, peer)
}

var noSuchCall = refuse(sip.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist")

// outside handles a request that belongs to no dialog.
func (u *UA) outside(req *sip.Request, tx *sip.ServerTx, peer string) {
	if bad := screenMethod(req, u.tags); bad != nil {
		bad.send(tx, req)
		return
	}
	switch req.Method {
	case sip.INVITE:
		if u.expected(req, tx, peer) && u.authenticate(req, tx, peer) {
			u.invite(req, tx, peer)
		}
	case sip.OPTIONS:
		u.options(req, tx)
	case sip.NOTIFY:
		u.notifyOutside(req, tx)
	default:
		noSuchCall.send(tx, req)
	}
}

// inside handles a request that names a dialog (RFC 3261 §12.2.2).
func (u *UA) inside(req *sip.Request, tx *sip.ServerTx, peer string) {
	d, known := u.registry.find(dialogIDOf(req))
	switch {
	case d != nil && d.request.Peer == peer:
		d.serve(req, tx)
	case d == nil && known && req.Method == sip.BYE:
		respond(tx, req, sip.StatusOK, "OK") // crossed ours; any other answer makes noise in their logs
	default:
		noSuchCall.send(tx, req)
	}
}

// options says what we can do and whether calls are welcome (RFC 3261 §11).
func (u *UA) options(req *sip.Request, tx *sip.ServerTx) {
	if u.cfg.Draining() {
		respond(tx, req, sip.StatusServiceUnavailable, "Service Unavailable")
		return
	}
	respond(tx, req, sip.StatusOK, "OK", Header{"Allow", allowed}, Header{"Accept", "application/sdp"}, u.supported)
}

// invite starts a call and runs it to its end.
func (u *UA) invite(req *sip.Request, tx *sip.ServerTx, peer string) {
	if bad := screenInvite(req); bad != nil {
		bad.send(tx, req)
		return
	}
	if bad := u.screenSession(req); bad != nil {
		bad.send(tx, req)
		return
	}
	if !u.enterCall() {
		respond(tx, req, sip.StatusServiceUnavailable, "Service Unavailable")
		return
	}
	defer u.handlers.Done()
	d := newDialog(u, req, tx, peer)
	switch u.registry.add(d) {
	case merged:
		respond(tx, req, sip.StatusLoopDetected, "Loop Detected")
	case repeated:
		tx.Terminate() // the caller has our answer, this copy was late
	case full:
		respond(tx, req, sip.StatusServiceUnavailable, "Service Unavailable", Header{"Retry-After", "10"})
	case added:
		d.run()
	}
}

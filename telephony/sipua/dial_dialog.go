package sipua

import (
	"context"
	"net/netip"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// outgoing is what a dialog has beside when we placed the call.
type outgoing struct {
	attempt *attempt       // static
	ackVia  *sip.ViaHeader // static; the ACK is one request, however often it is sent
	ready   chan struct{}  // closed when Accept has returned, or nobody will call it

	// Guarded by Dialog.mu.
	confirmed bool   // a 2xx came
	rseq      uint32 // of the last reliable provisional response
	early     []byte // the description in one of those: a 200 need not repeat it (RFC 3262 §5)
	answer    []byte
}

// newDialog makes the dialog of one end that an INVITE has reached, early until a 2xx.
func (a *attempt) newDialog(res *sip.Response) *Dialog {
	c := a.dialling
	d := &Dialog{
		ua: a.ua, id: dialogID{c.callID, c.tag, toTag(res)}, inviteID: inviteID{c.callID, c.tag, a.seq}, branch: a.branch,
		request: a.request, us: *c.from(a.flow), them: *sip.HeaderClone(res.To()).(*sip.ToHeader),
		flow: a.flow, order: newOpenOrder(a.ua.timing), gone: make(chan struct{}),
		localSeq: a.seq, answer: a.offer, placed: true, session: session{terms: c.session.terms, least: c.session.least},
		out: &outgoing{attempt: a, ackVia: a.flow.via(), ready: make(chan struct{})},
	}
	d.ctx, d.cancel = context.WithCancelCause(a.ua.calls)
	d.aimAt(res)
	return d
}

// aimAt learns from a response where our requests go: its Contact, and its Record-Route
// list from the end (RFC 3261 §12.1.2).
func (d *Dialog) aimAt(res *sip.Response) {
	routes := recordedRoutes(res)
	for i, j := 0, len(routes)-1; i < j; i, j = i+1, j-1 {
		routes[i], routes[j] = routes[j], routes[i]
	}
	target := *d.out.attempt.dialling.uri.Clone()
	if c := res.Contact(); c != nil && !c.Address.Wildcard && c.Address.Host != "" {
		target = *c.Address.Clone()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.routes, d.target = routes, target
}

// provisional takes a 101 to 199; false for one that came before, or too early. A
// reliable one is acknowledged by PRACK, in the order of their numbers (RFC 3262 §4).
func (d *Dialog) provisional(res *sip.Response) bool {
	rseq, reliable := reliableNumber(res)
	if !reliable {
		return true
	}
	d.mu.Lock()
	next := d.out.rseq == 0 || rseq == d.out.rseq+1
	if next {
		d.out.rseq = rseq
		if sdp, ok := offerOf(res); ok && len(sdp) > 0 {
			d.out.early = sdp
		}
	}
	d.mu.Unlock()
	if next {
		d.aimAt(res)
		d.ua.spawn(func() { d.sendPRACK(rseq) })
	}
	return next
}

// reliableNumber is the RSeq of a response that asks for PRACK.
func reliableNumber(res *sip.Response) (uint32, bool) {
	for _, line := range headerValues(res, "require", "") {
		for option := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(option), "100rel") {
				n, err := strconv.ParseUint(strings.TrimSpace(firstValue(res, "rseq", "")), 10, 32)
				return uint32(n), err == nil && n > 0
			}
		}
	}
	return 0, false
}

func (d *Dialog) sendPRACK(rseq uint32) {
	d.mu.Lock()
	d.localSeq++
	seq, target := d.localSeq, d.target
	d.mu.Unlock()
	req := d.newRequest(sip.PRACK, seq, target)
	req.AppendHeader(sip.NewHeader("RAck", strconv.FormatUint(uint64(rseq), 10)+" "+strconv.FormatUint(uint64(d.inviteID.cseq), 10)+" INVITE"))
	req.SetBody(nil)
	if err := d.transact(d.ctx, req, target); err != nil && d.ctx.Err() == nil {
		d.ua.log.Debug("PRACK was not confirmed", "err", err)
	}
}

// authorized answers the challenge that a request of ours inside the call has met; nil:
// it met none, or none that can be answered. A BYE that stayed refused would leave the
// peer's end of the call up, and billed. A REFER is not repeated: its number names its
// subscription.
func (d *Dialog) authorized(req *sip.Request, res *sip.Response) *sip.Request {
	challenge := res.StatusCode == sip.StatusUnauthorized || res.StatusCode == sip.StatusProxyAuthRequired
	if !challenge || d.out == nil || req.Method == sip.REFER {
		return nil
	}
	d.mu.Lock()
	d.localSeq++
	seq := d.localSeq
	d.mu.Unlock()
	next := req.Clone()
	next.ReplaceHeader(d.flow.via())
	next.ReplaceHeader(&sip.CSeqHeader{SeqNo: seq, MethodName: req.Method})
	if err := d.out.attempt.dialling.r.Credentials.authorize(next, res); err != nil {
		return nil
	}
	return next
}

// confirm takes a 2xx; false if it is a repetition.
func (d *Dialog) confirm(res *sip.Response) bool {
	d.mu.Lock()
	again := d.out.confirmed
	d.out.confirmed = true
	d.mu.Unlock()
	if again {
		return false
	}
	d.aimAt(res)
	sdp, _ := offerOf(res)
	d.mu.Lock()
	if len(sdp) == 0 {
		sdp = d.out.early
	}
	d.out.answer = sdp
	d.state = answered
	d.mu.Unlock()
	d.noteAllow(res)
	d.sessionAnswered(res)
	return true
}

// acknowledge sends the ACK for the 2xx (RFC 3261 §13.2.2.4). It has no transaction: it
// is sent once more for every 2xx that comes once more.
func (d *Dialog) acknowledge() {
	d.mu.Lock()
	target := d.target
	d.mu.Unlock()
	req := d.newRequest(sip.ACK, d.inviteID.cseq, target)
	req.ReplaceHeader(sip.HeaderClone(d.out.ackVia))
	for _, h := range d.out.attempt.auth {
		req.AppendHeader(sip.HeaderClone(h))
	}
	req.SetBody(nil)
	ctx, cancel := context.WithTimeout(d.ua.life, d.ua.timing.giveUp())
	defer cancel()
	err := d.direct(ctx, req, target)
	var conn sip.Connection
	if err == nil {
		conn, err = d.ua.transport.ClientRequestConnection(ctx, req)
	}
	if err == nil {
		err = conn.WriteMsg(req)
		_, _ = conn.TryClose()
	}
	if err != nil {
		d.ua.log.Debug("ACK was not sent", "err", err) // the peer will repeat its 2xx
	}
}

// refuseLate ends the call of an end that answered after another one.
func (d *Dialog) refuseLate() {
	d.acknowledge()
	d.decline(Reason{"SIP", sip.StatusOK, "Call completed elsewhere"})
}

// decline hangs up a call that nobody wants, and forgets it.
func (d *Dialog) decline(reason Reason) {
	defer d.ua.registry.bury(d)
	defer d.cancel(errEnded)
	defer close(d.out.ready)
	ctx, cancel := d.ua.untilClosed(context.Background())
	defer cancel()
	if err := d.sendBye(ctx, reason); err != nil {
		d.ua.log.Debug("BYE was not confirmed", "err", err)
	}
}

// runDialled is the life of an answered call of ours.
func (d *Dialog) runDialled(r DialRequest) error {
	if r.Accept != nil {
		err := errPanicked // unless Accept returns
		d.ua.guard("answer", func() { err = r.Accept(d, d.out.answer) })
		if err != nil {
			d.decline(Reason{"SIP", sip.StatusNotAcceptableHere, "Not acceptable"})
			return err
		}
	}
	close(d.out.ready)
	defer d.ua.registry.bury(d)
	defer d.cancel(errEnded)
	d.callHandler(r.Serve)
	d.finish()
	return nil
}

// awaitOwner holds a request inside a call of ours until its owner has seen the answer:
// a re-INVITE may come right behind it.
func (d *Dialog) awaitOwner() {
	if d.out == nil || !d.established() {
		return
	}
	select {
	case <-d.out.ready:
	case <-d.ctx.Done():
	}
}

func (d *Dialog) routeSet() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.routes
}

// towards is the UDP address of a request inside the call. A peer that called us is
// behind the address it called from. One that we called says in its 200 where it is; that
// is believed only of an address of the peer, as it may be one behind a NAT, or a
// stranger's, and else we stay where we called.
func (d *Dialog) towards(target sip.Uri) string {
	if d.out == nil {
		return d.flow.source
	}
	host := nextHop(d.routeSet(), target)
	addr, err := netip.ParseAddr(strings.Trim(host.Host, "[]"))
	if err != nil || !strings.EqualFold(host.UriParams.GetOr("transport", "udp"), "udp") {
		return d.flow.source
	}
	to := netip.AddrPortFrom(addr.Unmap(), portOr(host.Port, "udp"))
	if !d.ua.belongs(Source{Addr: to, Transport: "udp"}, d.request.Peer) || !reaches(d.flow.local.Addr(), to.Addr()) {
		return d.flow.source
	}
	return to.String()
}

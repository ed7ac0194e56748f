package sipua

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
)

// DialRequest is a call that we place. Peer, URI, Offer and Serve are required.
//
//	INVITE ──►   ◄── 180, 183   ◄── 200   ACK ──►   Accept, Serve … return: BYE ──►
type DialRequest struct {
	// Peer is who is called, an Admission.Peer. Only addresses that Config.Admit gives
	// to it are called, and only requests from them are heard inside the call.
	Peer string

	URI    string // Request-URI and To: a sip or tel URI, see IsTarget
	Server string // a sip URI: where to send the INVITE instead of to URI
	From   Address

	// Headers are sent in the INVITE beside those that the call needs, which may not be
	// given here: P-Asserted-Identity, Privacy, Diversion and such.
	Headers []Header

	// Credentials answer a challenge (401, 407), once for each of the two.
	Credentials Credentials

	// Offer makes our description, for an end at host, the address that faces the peer
	// (Dialog.LocalHost). It is asked once for each address of the peer that is tried.
	Offer func(host netip.Addr) ([]byte, error)

	// Progress, if set, hears of provisional responses, in order, before Dial goes on.
	// A description is what the peer will send before it answers (early media).
	Progress func(Progress)

	// Accept, if set, sees the answer before anything else of the call is handled; it
	// sets OnReoffer and OnLateOffer and must not block. An error has the call hung up
	// at once, and is what Dial returns.
	Accept func(d *Dialog, answer []byte) error

	// Serve runs the call once it is answered, like Config.Invite.
	Serve func(ctx context.Context, d *Dialog)

	// RingTimeout is how long the peer may take to answer. Default 3 minutes, which is
	// when proxies give up, too (RFC 3261 §16.6, timer C).
	RingTimeout time.Duration
}

// Progress is a provisional response to an INVITE of ours.
type Progress struct {
	Status int    // 101 to 199
	Reason string // the peer's own text, fit to be shown
	SDP    []byte // nil when it describes nothing
}

// Questions about why a call of ours did not come about, for errors.Is. A refusal is
// also a *StatusError, with the status.
var (
	ErrBusy       = errors.New("busy")                                                       // 486, 600
	ErrNoAnswer   = errors.New("nobody answered")                                            // 408, 480, or RingTimeout
	ErrRedirected = errors.New("the peer asks to call another address, which is never done") // 3xx
	ErrNoResponse = errors.New("the peer does not respond")                                  // not even 100
	ErrNotPeer    = errors.New("the address to call is not one of the peer's own")           // see DialRequest.Peer
	ErrNoRoom     = errors.New("there are as many calls as there may be")                    // Config.MaxDialogs
	ErrBadDial    = errors.New("call cannot be placed")                                      // a DialRequest that makes no sense
	errRingLimit  = fmt.Errorf("%w in time", ErrNoAnswer)
)

// Is makes statuses answer the questions above.
func (e *StatusError) Is(question error) bool {
	switch e.Status {
	case sip.StatusBusyHere, sip.StatusGlobalBusyEverywhere:
		return question == ErrBusy
	case sip.StatusRequestTimeout, sip.StatusTemporarilyUnavailable:
		return question == ErrNoAnswer
	}
	return question == ErrRedirected && e.Status >= 300 && e.Status < 400
}

// Dial places a call, and runs it with r.Serve when it is answered; it returns nil when
// that call is over. Else it returns a *StatusError when the call was refused, one of
// the errors above, ErrShutdown, ErrChallenge, the error of r.Accept, or the cause of
// ctx, which ends the attempt (CANCEL) but not an answered call.
//
// Of several addresses of the peer the next is tried when one does not respond, cannot
// be reached, or says 503 or 408 (RFC 3263 §4.3). A redirection is never followed:
// where it leads is not for the peer to choose, and somebody would pay for it.
func (u *UA) Dial(ctx context.Context, r DialRequest) error {
	if !u.enterCall() {
		return ErrShutdown
	}
	defer u.handlers.Done()
	c, err := u.newDialling(r)
	if err != nil {
		return err
	}
	if !u.registry.hasRoom() {
		return ErrNoRoom
	}
	d, err := c.connect(ctx)
	if err != nil {
		return err
	}
	return d.runDialled(r)
}

// dialling is one Dial until the answer. It is owned by Dial's goroutine.
type dialling struct {
	ua     *UA
	r      DialRequest
	uri    sip.Uri
	server sip.Uri
	callID string
	tag    string // of our From
	seq    uint32 // CSeq of the last INVITE

	configured bool    // the request names a server
	session    session // what is asked for; its clock is that of the dialog
}

func (u *UA) newDialling(r DialRequest) (*dialling, error) {
	c := &dialling{ua: u, r: r, callID: sip.GenerateTagN(32), tag: sip.GenerateTagN(20)}
	if c.configured = r.Server != ""; !c.configured {
		c.r.Server = r.URI
	}
	if r.RingTimeout <= 0 {
		c.r.RingTimeout = maxRinging
	}
	if !IsTarget(r.URI) || sip.ParseUri(r.URI, &c.uri) != nil || c.uri.Scheme == "sips" {
		return nil, fmt.Errorf("%w: the URI is neither a sip nor a tel URI", ErrBadDial)
	}
	if !IsTarget(c.r.Server) || sip.ParseUri(c.r.Server, &c.server) != nil || c.server.Scheme != "sip" {
		return nil, fmt.Errorf("%w: the server is no sip URI", ErrBadDial)
	}
	for _, h := range r.Headers {
		if !mayBeGiven(h.Name) {
			return nil, fmt.Errorf("%w: header %q may not be given", ErrBadDial, clean(h.Name))
		}
	}
	return c, nil
}

// mayBeGiven reports whether a header of an INVITE is not one that the call lives by.
func mayBeGiven(name string) bool {
	if name == "" || strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789-.!%*_+`'~") != "" {
		return false
	}
	switch longName(strings.ToLower(name)) {
	case "via", "v", "from", "f", "to", "t", "call-id", "i", "cseq", "contact", "m", "route", "record-route", "max-forwards",
		"content-type", "c", "content-length", "l", "content-encoding", "authorization", "proxy-authorization", "require", "proxy-require",
		"supported", "allow":
		return false
	}
	return true
}

// connect tries the peer's addresses, best first.
func (c *dialling) connect(ctx context.Context) (*Dialog, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.r.RingTimeout, errRingLimit)
	defer cancel()
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	defer context.AfterFunc(c.ua.calls, func() { end(context.Cause(c.ua.calls)) })()
	hops, err := c.ua.hops(ctx, c.server)
	if err != nil {
		return nil, err
	}
	for _, h := range hops {
		if c.configured { // whom the operator names is the peer's
			c.ua.learned.note(c.r.Peer, h.addr.Addr())
		}
	}
	hops = slices.DeleteFunc(hops, func(h hop) bool {
		return !c.ua.belongs(Source{Addr: h.addr, Transport: h.transport}, c.r.Peer)
	})
	return c.tryHops(ctx, hops)
}

func (c *dialling) tryHops(ctx context.Context, hops []hop) (*Dialog, error) {
	var err error = ErrNotPeer
	for i, h := range hops {
		var d *Dialog
		if d, err = c.tryHop(ctx, h, i == len(hops)-1); err == nil || !worthAnother(err) {
			return d, err
		}
	}
	return nil, err
}

// worthAnother reports whether another address of the peer may do better.
func worthAnother(err error) bool {
	var refused *StatusError
	if errors.As(err, &refused) {
		return refused.Status == sip.StatusServiceUnavailable || refused.Status == sip.StatusRequestTimeout
	}
	return errors.Is(err, ErrNoResponse) || errors.Is(err, errNoListener)
}

// tryHop sends the INVITE to one address, again if it is challenged.
func (c *dialling) tryHop(ctx context.Context, h hop, last bool) (*Dialog, error) {
	f, err := c.ua.flowTo(h)
	if err != nil {
		return nil, err
	}
	f.user = contactUser(c.r.From.URI.User)
	if err := c.ua.awaitSocket(ctx, f); err != nil {
		return nil, err
	}
	offer, err := c.r.Offer(f.media)
	if err != nil {
		return nil, err
	}
	req := c.invite(f, offer)
	for asked := map[int]bool{}; ; {
		a, err := c.start(ctx, req, f, offer)
		if err != nil {
			return nil, err
		}
		d, refused, err := a.await(ctx, last)
		if refused == nil {
			return d, err
		}
		status := refused.StatusCode
		if status == 422 && c.session.raise(leastAsk(refused)) {
			next := c.invite(f, offer)
			copyCredentials(req, next)
			req = next
			continue
		}
		challenge := status == sip.StatusUnauthorized || status == sip.StatusProxyAuthRequired
		if !challenge || asked[status] || c.r.Credentials.Username == "" {
			return nil, &StatusError{string(sip.INVITE), status, presentable(refused.Reason)}
		}
		asked[status] = true
		next := c.invite(f, offer)
		copyCredentials(req, next)
		if err := c.r.Credentials.authorize(next, refused); err != nil {
			return nil, err
		}
		req = next
	}
}

// awaitSocket waits for the moment, just after Serve has begun, from which sipgo knows a
// UDP socket as one to send from; before it would open another.
func (u *UA) awaitSocket(ctx context.Context, f flow) error {
	for f.transport == "udp" {
		if conn, err := u.transport.GetConnection("udp", f.local.String()); err == nil {
			_, _ = conn.TryClose() // only looked: gives the reference back
			return nil
		}
		if !pause(ctx, nil, u.timing.retryListener) {
			return context.Cause(ctx)
		}
	}
	return nil
}

// copyCredentials repeats what one proxy on the path has accepted already.
func copyCredentials(from, to *sip.Request) {
	for _, name := range []string{"authorization", "proxy-authorization"} {
		for _, h := range from.GetHeaders(name) {
			to.AppendHeader(sip.HeaderClone(h))
		}
	}
}

// invite builds the next INVITE.
func (c *dialling) invite(f flow, offer []byte) *sip.Request {
	c.seq++
	req := sip.NewRequest(sip.INVITE, *c.uri.Clone())
	callID, forwards := sip.CallIDHeader(c.callID), sip.MaxForwardsHeader(70)
	req.AppendHeader(f.via())
	req.AppendHeader(c.from(f))
	req.AppendHeader(&sip.ToHeader{Address: *c.uri.Clone(), Params: sip.NewParams()})
	req.AppendHeader(&callID)
	req.AppendHeader(&sip.CSeqHeader{SeqNo: c.seq, MethodName: sip.INVITE})
	req.AppendHeader(&forwards)
	contact := f.contactHeader()
	for _, h := range append([]Header{contact, {"Allow", allowed}, c.ua.supported, {"Accept", "application/sdp"}}, append(c.session.open(c.ua.cfg.SessionTimers), c.r.Headers...)...) {
		req.AppendHeader(sip.NewHeader(h.Name, clean(h.Value)))
	}
	req.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	req.SetBody(offer)
	return req
}

func (c *dialling) from(f flow) *sip.FromHeader {
	who := c.r.From
	uri := sip.Uri{Scheme: "sip", User: contactUser(who.URI.User), Host: who.URI.Host, Port: who.URI.Port}
	if uri.User == "" {
		uri.User = strings.Map(plainUser, who.URI.User)
	}
	if uri.Host == "" {
		uri.Host = f.host
	}
	display := strings.Map(func(r rune) rune {
		if r == '"' || r == '\\' {
			return -1
		}
		return r
	}, clean(who.Display))
	return &sip.FromHeader{DisplayName: display, Address: uri, Params: sip.HeaderParams{{K: "tag", V: c.tag}}}
}

// plainUser keeps what a user part may hold without an escape (RFC 3261 §25.1).
func plainUser(r rune) rune {
	if r < 0x80 && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.!~*'()&=+$", r)) {
		return r
	}
	return -1
}

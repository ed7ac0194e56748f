package telephony

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/trunkline/trunkline/telephony/media"
	"github.com/trunkline/trunkline/telephony/sdp"
	"github.com/trunkline/trunkline/telephony/sipua"
	"github.com/trunkline/trunkline/transcode"
)

// Header is a SIP header of an INVITE of ours.
type Header = sipua.Header

// DialError is the refusal of a call of ours, with its SIP status. It answers errors.Is
// for ErrBusy, ErrNoAnswer and ErrRedirected.
type DialError = sipua.StatusError

// Errors of Dial. A refusal is a *DialError, too.
var (
	ErrBusy       = sipua.ErrBusy       // 486, 600
	ErrNoAnswer   = sipua.ErrNoAnswer   // 408, 480, or RingTimeout has passed
	ErrRedirected = sipua.ErrRedirected // 3xx: never followed, somebody would pay for it
	ErrNoResponse = sipua.ErrNoResponse // no address of the trunk responds
	ErrNotPeer    = sipua.ErrNotPeer    // Trunk.Server is none of the trunk's Sources

	ErrDialNotAllowed = errors.New("target is not on the trunk's list of calls")
	ErrDialTarget     = errors.New("target is neither a number nor a sip URI")
	ErrNoTrunk        = errors.New("no trunk of that name")
	ErrNoServer       = errors.New("trunk has no server to send calls to")
	ErrLimit          = errors.New("no room for another call") // Limits, or no media port
	ErrBadAnswer      = errors.New("answer of the far end cannot be used")
)

// Outbound is a call that we place.
type Outbound struct {
	Trunk string // Trunk.Name
	To    string // a telephone number, or a sip URI; Trunk.Dials must allow it as it is written

	From       string   // the number that is shown; default Trunk.CallerID
	CallerName string   // shown beside it; default none
	Headers    []Header // further ones of the INVITE: P-Asserted-Identity, Privacy, Diversion …

	RingTimeout time.Duration   // how long it may ring; default 3 minutes
	Laws        []transcode.Law // offered, in order; default both, µ-law first

	// Progress, if set, hears of 180 and other provisional responses; it must not block.
	// Audio before the answer is not played.
	Progress func(status int)
}

// Dial places a call and runs it with h once it is answered, in the caller's goroutine:
// h gets an answered Call whose audio runs, and returning from it hangs up. Dial returns
// when all is over; nil means that the call took place, see Call.Ended.
//
// ctx is for all of it: its end gives up a call that rings (its cause is what Dial
// returns) and hangs up one that was answered. The call counts in Limits, and its far
// end is held to the trunk's rules like a caller: MediaNetworks, Sources.
func (s *Server) Dial(ctx context.Context, out Outbound, h Handler) error {
	trunk, uri, err := s.route(out)
	if err != nil {
		return err
	}
	if r := s.gate.enter(trunk); r != nil {
		if r == rejectDraining {
			return ErrShutdown
		}
		return fmt.Errorf("%w: %s", ErrLimit, r.text)
	}
	defer s.gate.leave(trunk)
	c := s.newOutbound(ctx, out, trunk)
	defer c.closeUnused()
	c.log.Info("calling", "trunk", trunk.Name, "caller", mask(c.info.Caller), "dialled", maskTarget(out.To))
	err = s.ua.Dial(ctx, sipua.DialRequest{
		Peer: trunk.Name, URI: uri, Server: cmp.Or(trunk.Proxy, trunk.Server), Credentials: sipua.Credentials(trunk.Credentials),
		From:        sipua.Address{Display: out.CallerName, URI: sipua.URI{User: c.info.Caller}},
		Headers:     out.Headers,
		RingTimeout: out.RingTimeout,
		Offer:       func(host netip.Addr) ([]byte, error) { return c.makeOffer(host, lawsOf(out.Laws, trunk.Laws)) },
		Progress: func(p sipua.Progress) {
			if out.Progress != nil {
				out.Progress(p.Status)
			}
		},
		Accept: c.accept,
		Serve: func(sip context.Context, _ *sipua.Dialog) {
			c.sip = sip
			defer context.AfterFunc(ctx, func() { c.end(endedByOwner(context.Cause(ctx))) })()
			c.runOutbound(h)
		},
	})
	return c.dialled(err)
}

// route finds the trunk of a call, and the URI of whom it is for.
func (s *Server) route(out Outbound) (*Trunk, string, error) {
	trunk := s.trunks.byName[out.Trunk]
	number := isNumber(out.To)
	switch {
	case trunk == nil:
		return nil, "", fmt.Errorf("dial: %w", ErrNoTrunk)
	case !number && !sipua.IsTarget(out.To):
		return nil, "", fmt.Errorf("dial: %w", ErrDialTarget) // and not a word of it: it may be anything
	case !allows(trunk.Dials, out.To):
		return nil, "", fmt.Errorf("dial %s: %w", maskTarget(out.To), ErrDialNotAllowed)
	case !number:
		return trunk, out.To, nil
	case trunk.Server == "":
		return nil, "", fmt.Errorf("dial %s: %w", maskTarget(out.To), ErrNoServer)
	}
	uri, err := sipua.NumberURI(out.To, trunk.Server)
	if err != nil {
		return nil, "", fmt.Errorf("dial: server of trunk %s: %w", trunk.Name, err)
	}
	return trunk, uri, nil
}

// newOutbound makes a call of ours; it has neither audio nor a dialog yet.
func (s *Server) newOutbound(ctx context.Context, out Outbound, trunk *Trunk) *Call {
	now := time.Now()
	c := &Call{server: s, trunk: trunk, held: make(chan bool, 1), keypad: newKeypad(), infos: make(chan struct{}, 1), info: CallInfo{
		ID: newID(now), Trunk: trunk.Name, Outbound: true, Started: now,
		Caller: out.From, CallerName: out.CallerName, Dialled: out.To,
	}}
	if c.info.Caller == "" {
		c.info.Caller = trunk.CallerID
	}
	c.ctx, c.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	c.log = s.cfg.Log.With("call_id", c.info.ID)
	return c
}

// makeOffer opens the audio and describes it. A second address of the trunk may want
// another family.
func (c *Call) makeOffer(host netip.Addr, laws []transcode.Law) ([]byte, error) {
	addr := c.server.mediaAddr(host)
	if c.media != nil && c.local.Addr.Is4() != addr.Is4() {
		_ = c.media.Close()
		c.media = nil
	}
	if c.media == nil {
		session, r := c.server.openSession(c.server.ports(addr), c)
		if r != nil {
			return nil, fmt.Errorf("%w: %s", ErrLimit, r.text)
		}
		c.media = session
	}
	c.local = sdp.Local{Addr: addr, Port: c.media.Port(), SessionID: rand.Uint64N(1 << 62), Version: 1, Laws: laws,
		SRTP: c.trunk.SRTP, Keys: sdp.NewKeys()}
	c.last = sdp.Offer(c.local)
	return c.last, nil
}

// accept looks at the answer to our offer, as plan does at an offer.
func (c *Call) accept(d *sipua.Dialog, body []byte) error {
	c.dialog = d
	r := d.Request()
	c.info.SIPCallID, c.info.Transport, c.info.Source = r.CallID, r.Transport, r.Source
	answer, err := sdp.Parse(body)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBadAnswer, err)
	}
	agreed, err := sdp.Negotiate(answer, c.local)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBadAnswer, err)
	}
	if !c.mayBeAt(agreed.Remote) {
		return fmt.Errorf("%w: %w", ErrBadAnswer, errMediaAddr)
	}
	if !c.trunk.allowsTransport(c.info.Transport) {
		return fmt.Errorf("%w: %s", ErrBadAnswer, rejectClear.text)
	}
	c.mu.Lock()
	c.offer, c.opening, c.agreed = answer, agreed, agreed
	c.info.Law, c.info.SRTP = agreed.Law, string(agreed.SRTP.Suite)
	c.mu.Unlock()
	d.OnReoffer(c.reoffer)
	d.OnLateOffer(c.lateOffer, c.lateAnswer)
	d.OnInfoDigit(func(key rune) { c.pressed(byINFO, key) })
	return nil
}

// runOutbound is the life of the call from its answer on.
func (c *Call) runOutbound(h Handler) {
	if err := c.startMedia(); err != nil {
		c.log.Error("starting media failed", "err", err)
		c.end(endedByUs(System, "media failed"))
		h = HandlerFunc(func(context.Context, *Call) {})
	} else {
		c.watcher.Go(c.watch)
		c.watcher.Go(c.fetchDigits)
	}
	c.server.dialled.Add(1)
	c.logStart()
	c.run(h)
}

// lawsOf is what a call wants of what its trunk allows.
func lawsOf(wanted, allowed []transcode.Law) []transcode.Law {
	if len(allowed) == 0 {
		return wanted
	}
	if len(wanted) == 0 {
		return allowed
	}
	both := slices.DeleteFunc(slices.Clone(wanted), func(l transcode.Law) bool { return !slices.Contains(allowed, l) })
	if len(both) == 0 {
		return allowed
	}
	return both
}

// closeUnused frees the port of a call that did not come about.
func (c *Call) closeUnused() {
	c.cancel(nil)
	if c.media != nil {
		_ = c.media.Close()
	}
}

// dialled is what Dial returns; an error of signalling names nobody.
func (c *Call) dialled(err error) error {
	var refused *DialError
	if errors.Is(err, sipua.ErrNoRoom) {
		err = fmt.Errorf("%w: %w", ErrLimit, err)
	}
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused):
		c.log.Info("call not answered", "status", refused.Status)
	case errors.Is(err, sipua.ErrShutdown):
		err = ErrShutdown
		fallthrough
	default:
		c.log.Info("call not answered", "err", err)
	}
	return fmt.Errorf("dial: %w", err)
}

// endedByOwner is the end of a call of ours whose owner's context is over.
func endedByOwner(cause error) *Ended {
	e := endedByUs(System, "not wanted any more")
	e.err = cause
	return e
}

// openSession opens the audio of a call.
func (s *Server) openSession(ports *media.Ports, c *Call) (*media.Session, *rejection) {
	if ports == nil {
		return nil, rejectFamily
	}
	session, err := media.Open(media.Config{
		Ports: ports, Pacer: s.pacer, Log: c.log,
		ReorderWindow:     s.cfg.Media.ReorderWindow,
		FirstMediaTimeout: cmp.Or(c.trunk.FirstMediaTimeout, s.cfg.Media.FirstTimeout),
		MediaTimeout:      cmp.Or(c.trunk.MediaTimeout, s.cfg.Media.Timeout),
		AllowRemote:       func(a netip.Addr) bool { return c.trunk.allowsMedia(netip.AddrPortFrom(a, 1), c.info.Source) },
	})
	if errors.Is(err, media.ErrNoPorts) {
		return nil, rejectPorts
	}
	if err != nil {
		c.log.Error("opening media failed", "err", err)
		return nil, rejectSocket
	}
	return session, nil
}

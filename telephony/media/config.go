package media

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/trunkline/trunkline/transcode"
)

// Errors of Open and Start, besides ErrNoPorts and what the system says.
var (
	// ErrClosed: the session was closed.
	ErrClosed = errors.New("media session closed")
	// ErrParams: what was negotiated cannot be carried; the message says why.
	ErrParams = errors.New("media parameters")
	// ErrRemote: the far end's address is none that media may be sent to.
	ErrRemote = errors.New("media address not allowed")
)

// Config is what a session needs before anything is negotiated. Ports and Pacer
// are shared by all sessions and must be set; every other zero value means the
// default.
type Config struct {
	Ports *Ports
	Pacer *Pacer
	Log   *slog.Logger // nil: none

	// ReorderWindow is how long a packet may wait for an earlier one: 0..200 ms,
	// default 60 ms. Negative is none: every gap counts as lost at once.
	ReorderWindow time.Duration
	// FirstMediaTimeout is how long after Start the first packet may take
	// (default 30 s), MediaTimeout how long a running stream may pause (default
	// 15 s); then Lost is closed. Negative is for ever.
	FirstMediaTimeout time.Duration
	MediaTimeout      time.Duration
	// UnprovenFor is how long to send to an address that has never sent anything
	// (default 2 s; negative is for ever; Params may override it). After that the stream pauses, queue and
	// all, until a source has proven itself: an SDP that names a victim must not
	// turn us into a weapon.
	UnprovenFor time.Duration
	// MaxQueued caps the audio that Play may pile up (default 5 min).
	MaxQueued time.Duration
	// AllowRemote says which addresses media may go to and come from; nil allows
	// any unicast address.
	AllowRemote func(netip.Addr) bool

	link link // tests: instead of sockets from Ports
}

const maxReorderWindow = 200 * time.Millisecond

func (c Config) withDefaults() (Config, error) {
	if c.Pacer == nil || c.Ports == nil && c.link == nil {
		return c, errors.New("media: Config needs Ports and Pacer")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	setDefault(&c.ReorderWindow, 60*time.Millisecond)
	c.ReorderWindow = min(max(0, c.ReorderWindow), maxReorderWindow)
	setDefault(&c.FirstMediaTimeout, 30*time.Second)
	setDefault(&c.MediaTimeout, 15*time.Second)
	setDefault(&c.UnprovenFor, 2*time.Second)
	setDefault(&c.MaxQueued, 5*time.Minute)
	if c.AllowRemote == nil {
		c.AllowRemote = unicast
	}
	return c, nil
}

func setDefault(d *time.Duration, value time.Duration) {
	if *d == 0 {
		*d = value
	}
}

// Params is what the offer and the answer agreed on.
type Params struct {
	Law         transcode.Law  // on the wire
	PayloadType uint8          // of the law, both ways; 0 for PCMU, 8 for PCMA unless mapped otherwise
	EventPT     int            // of telephone-event towards us; -1: none
	PTime       time.Duration  // of what we send: 10..60 ms, whole milliseconds; default 20 ms. Any is received
	Remote      netip.AddrPort // from the SDP: where to send until a source has proven itself

	SRTP SRTP // zero: plain RTP

	// RTCPMux puts RTCP on the ports of RTP (RFC 5761). RTCP is where the SDP wants it
	// otherwise (RFC 3605): one that is not allowed is ignored like one that is missing,
	// and RTCP goes to the port above Remote's.
	RTCPMux bool
	RTCP    netip.AddrPort

	// UnprovenFor overrides Config.UnprovenFor for this Remote; 0 does not.
	UnprovenFor time.Duration

	// What a direction other than sendrecv (RFC 3264 §5.1) forbids, as seen by us.
	NoSend   bool // nothing is sent and nothing lost: queue and keys wait
	NoListen bool // what comes is not the caller speaking: the sink hears silence, Lost waits
}

const (
	minPTime     = 10 * time.Millisecond
	maxPTime     = 60 * time.Millisecond
	defaultPTime = 20 * time.Millisecond
)

// check completes and validates p.
func (p *Params) check(allow func(netip.Addr) bool) error {
	setDefault(&p.PTime, defaultPTime)
	p.Remote = netip.AddrPortFrom(p.Remote.Addr().Unmap(), p.Remote.Port())
	p.checkControl(allow)
	switch {
	case p.PTime < minPTime || p.PTime > maxPTime || p.PTime%time.Millisecond != 0:
		return fmt.Errorf("%w: ptime %v", ErrParams, p.PTime)
	case p.PayloadType > 127 || p.EventPT > 127 || p.EventPT == int(p.PayloadType):
		return fmt.Errorf("%w: payload types %d and %d", ErrParams, p.PayloadType, p.EventPT)
	case !unicast(p.Remote.Addr()) || !allow(p.Remote.Addr()) || p.Remote.Port() == 0:
		return fmt.Errorf("%w: %v", ErrRemote, p.Remote)
	}
	return nil
}

// checkControl forgets an address for RTCP that cannot be used.
func (p *Params) checkControl(allow func(netip.Addr) bool) {
	a := p.RTCP.Addr().Unmap()
	p.RTCP = netip.AddrPortFrom(a, p.RTCP.Port())
	if p.RTCPMux || p.RTCP.Port() == 0 || !unicast(a) || !allow(a) || a.Is4() != p.Remote.Addr().Is4() {
		p.RTCP = netip.AddrPort{}
	}
}

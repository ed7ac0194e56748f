package telephony

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/trunkline/trunkline/telephony/media"
	"github.com/trunkline/trunkline/telephony/sdp"
	"github.com/trunkline/trunkline/telephony/sipua"
)

// plan is an offer that can be met, before a port is taken for it.
type plan struct {
	offer *sdp.Session // nil when the INVITE made none
	local sdp.Local    // without the port
	ports *media.Ports
}

// plan checks the offer of an INVITE. Everything that can refuse it is checked before
// anything is opened: a refused call must leave no socket behind.
func (s *Server) plan(d *sipua.Dialog, trunk *Trunk) (plan, *rejection) {
	r := d.Request()
	if !trunk.allowsTransport(r.Transport) {
		return plan{}, rejectClear
	}
	p := plan{local: sdp.Local{Addr: s.mediaAddr(d.LocalHost()), Port: 1, SessionID: rand.Uint64N(1 << 62), Version: 1,
		SRTP: trunk.SRTP, Keys: sdp.NewKeys(), Laws: trunk.Laws}}
	if p.ports = s.ports(p.local.Addr); len(r.Body) == 0 {
		if p.ports == nil {
			return plan{}, rejectFamily
		}
		return p, nil // ours to make: what comes back is checked then
	}
	offer, err := sdp.Parse(r.Body)
	if err != nil {
		return plan{}, rejectSyntax
	}
	p.offer = offer
	agreed, _, err := sdp.Answer(offer, p.local)
	if err != nil {
		return plan{}, rejectOffer(err)
	}
	onHold := agreed.Remote.Addr().IsUnspecified() // and from where it will resume is checked then
	if !onHold && (!trunk.allowsMedia(agreed.Remote, r.Source) || s.own.has(agreed.Remote, p.local.Addr)) {
		return plan{}, rejectMediaAddr
	}
	if p.ports == nil || p.local.Addr.Is4() != agreed.Remote.Addr().Is4() {
		return plan{}, rejectFamily
	}
	return p, nil
}

// mediaAddr is the address our description names: the advertised one, or the one that
// RTP is bound to, or the one that faces the caller.
func (s *Server) mediaAddr(facing netip.Addr) netip.Addr {
	if bind := s.cfg.Media.Bind; s.cfg.SIP.Advertise == "" && bind.IsValid() && !bind.IsUnspecified() {
		return bind.Unmap()
	}
	return facing.Unmap()
}

// openMedia takes a port and completes the answer.
func (s *Server) openMedia(p plan, c *Call) *rejection {
	session, r := s.openSession(p.ports, c)
	if r != nil {
		return r
	}
	c.media, c.local = session, p.local
	c.local.Port = session.Port()
	if p.offer == nil {
		c.offerFirst()
	} else {
		c.opening, c.answer, _ = sdp.Answer(p.offer, c.local) // as in plan, with the real port
		c.offer, c.agreed, c.last = p.offer, c.opening, c.answer
		c.info.SRTP = string(c.opening.SRTP.Suite)
	}
	c.info.Law = c.opening.Law
	return nil
}

func (e *Ended) reason() sipua.Reason {
	return sipua.Reason{Protocol: "Q.850", Cause: e.Q850, Text: e.Text}
}

// newCall makes the call of an INVITE; it has no media yet.
func (s *Server) newCall(d *sipua.Dialog, trunk *Trunk) *Call {
	r, who, now := d.Request(), identify(d.Request(), trunk), time.Now()
	c := &Call{server: s, dialog: d, trunk: trunk, held: make(chan bool, 1), keypad: newKeypad(), infos: make(chan struct{}, 1), info: CallInfo{
		ID: newID(now), SIPCallID: r.CallID, Trunk: trunk.Name,
		Caller: who.caller, CallerName: who.name, Dialled: who.dialled,
		Forwarded: who.forwarded, Verification: who.verified,
		Transport: r.Transport, Source: r.Source, Started: now,
		Headers: pickHeaders(r, trunk.Headers),
	}}
	c.log = s.cfg.Log.With("call_id", c.info.ID)
	return c
}

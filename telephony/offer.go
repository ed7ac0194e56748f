package telephony

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/trunkline/trunkline/telephony/media"
	"github.com/trunkline/trunkline/telephony/sdp"
	"github.com/trunkline/trunkline/telephony/sipua"
)

// plan is an offer that can be met, before a port is taken for it.
type plan struct {
	offer *sdp.Session
	local sdp.Local // without the port
	ports *media.Ports
	to    netip.Addr // where the caller wants its audio
}

// plan checks the offer of an INVITE. Everything that can refuse it is checked before
// anything is opened: a refused call must leave no socket behind.
func (s *Server) plan(d *sipua.Dialog, trunk *Trunk) (plan, *rejection) {
	r := d.Request()
	if len(r.Body) == 0 {
		return plan{}, rejectNoOffer
	}
	offer, err := sdp.Parse(r.Body)
	if err != nil {
		return plan{}, rejectSyntax
	}
	p := plan{offer: offer, local: sdp.Local{Addr: s.mediaAddr(d), Port: 1, SessionID: rand.Uint64N(1 << 62), Version: 1}}
	agreed, _, err := sdp.Answer(offer, p.local)
	if err != nil {
		return plan{}, rejectOffer(err)
	}
	if !trunk.allowsMedia(agreed.Remote, r.Source) {
		return plan{}, rejectMediaAddr
	}
	p.ports, p.to = s.ports(p.local.Addr), agreed.Remote.Addr()
	if p.ports == nil || p.local.Addr.Is4() != agreed.Remote.Addr().Is4() {
		return plan{}, rejectFamily
	}
	return p, nil
}

// mediaAddr is the address our description names: the advertised one, or the one that
// RTP is bound to, or the one that faces the caller.
func (s *Server) mediaAddr(d *sipua.Dialog) netip.Addr {
	if bind := s.cfg.Media.Bind; s.cfg.SIP.Advertise == "" && bind.IsValid() && !bind.IsUnspecified() {
		return bind.Unmap()
	}
	return d.LocalHost().Unmap()
}

// openMedia takes a port and completes the answer.
func (s *Server) openMedia(p plan, c *Call, trunk *Trunk) *rejection {
	session, err := media.Open(media.Config{
		Ports: p.ports, Pacer: s.pacer, Log: c.log,
		ReorderWindow:     s.cfg.Media.ReorderWindow,
		FirstMediaTimeout: s.cfg.Media.FirstTimeout,
		MediaTimeout:      s.cfg.Media.Timeout,
		UnprovenFor:       unprovenFor(p.to, c.info.Source.Addr()),
		AllowRemote:       func(a netip.Addr) bool { return trunk.allowsMedia(netip.AddrPortFrom(a, 1), c.info.Source) },
	})
	if errors.Is(err, media.ErrNoPorts) {
		return rejectPorts
	}
	if err != nil {
		c.log.Error("opening media failed", "err", err)
		return rejectSocket
	}
	c.media, c.local = session, p.local
	c.local.Port = session.Port()
	c.agreed, c.answer, _ = sdp.Answer(p.offer, c.local) // as in plan, with the real port
	c.last = c.answer
	c.info.Law = c.agreed.Law
	return nil
}

var errMediaChange = errors.New("media of a running call cannot be changed")

// reoffer decides about an offer inside the call: the same media again is met with the
// same answer, letter for letter if possible; anything else is refused and the call
// goes on as it was.
func (c *Call) reoffer(body []byte) ([]byte, error) {
	offer, err := sdp.Parse(body)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	again, answer, err := sdp.Answer(offer, c.local)
	if err != nil {
		return nil, err
	}
	if again != c.agreed {
		return nil, errMediaChange
	}
	if !bytes.Equal(answer, c.last) { // streams that we refuse came or went
		c.local.Version++
		_, answer, _ = sdp.Answer(offer, c.local)
		c.last = answer
	}
	return answer, nil
}

func (e *Ended) reason() sipua.Reason {
	return sipua.Reason{Protocol: "Q.850", Cause: e.Q850, Text: e.Text}
}

// mediaParams is what package media needs to know of an agreement.
func mediaParams(n sdp.Negotiated) media.Params {
	return media.Params{Law: n.Law, PayloadType: uint8(n.PayloadType), EventPT: n.EventPT, PTime: n.PTime, Remote: n.Remote}
}

// newCall makes the call of an INVITE; it has no media yet.
func (s *Server) newCall(d *sipua.Dialog, trunk *Trunk) *Call {
	r, who, now := d.Request(), identify(d.Request(), trunk), time.Now()
	c := &Call{server: s, dialog: d, info: CallInfo{
		ID: newID(now), SIPCallID: r.CallID, Trunk: trunk.Name,
		Caller: who.caller, CallerName: who.name, Dialled: who.dialled,
		Transport: r.Transport, Source: r.Source, Started: now,
	}}
	c.log = s.cfg.Log.With("call_id", c.info.ID)
	return c
}

// unprovenFor is how long audio is sent to an address that never sent any. The trunk's own signalling address needs no
// proof: a phone that is silent until somebody speaks must hear the greeting. Any other address could be a victim's.
func unprovenFor(remote, source netip.Addr) time.Duration {
	if remote.Unmap() == source.Unmap() {
		return -1
	}
	return 0 // the default of package media
}

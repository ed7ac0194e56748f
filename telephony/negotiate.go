package telephony

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/trunkline/trunkline/telephony/media"
	"github.com/trunkline/trunkline/telephony/sdp"
)

// What the two sides agree on can change while the call goes on: hold and resume,
// another address, the other law, another key (RFC 3264 §8). What cannot be met is refused, and then
// nothing has changed.
//
//	INVITE, no body ────► offerFirst, openWith (see there)
//	re-INVITE, UPDATE ──► reoffer ─► answer         ┐
//	re-INVITE, no body ─► lateOffer ─► our offer    ├─► changeLocked ─► media
//	ACK of that ────────► lateAnswer                ┘

var errMediaAddr = errors.New("media address not allowed")

// startMedia begins the audio of an answered call. A new offer may have been faster than
// we are: what it changed comes on top.
func (c *Call) startMedia() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answered = true
	err := c.streamLocked(c.opening)
	if err == nil && c.agreed != c.opening {
		err = c.streamLocked(c.agreed)
	}
	c.tellHoldLocked()
	return err
}

// streamLocked puts the audio where an agreement says. A call that began on hold, as that
// once was, has no place for it: the audio begins when there is one, and with the law
// that the handler was told.
func (c *Call) streamLocked(n sdp.Negotiated) error {
	if n.Remote.Addr().IsUnspecified() {
		return nil
	}
	first := n
	first.Law = c.info.Law
	if !c.started && first != n {
		if err := c.media.Start(c.mediaParams(first)); err != nil {
			return err
		}
	}
	if err := c.media.Start(c.mediaParams(n)); err != nil {
		return err
	}
	c.started = true
	return nil
}

// reoffer decides about an offer inside the call. The same again is met with the same
// answer, letter for letter, and touches nothing. The version of the offer is not asked:
// a text that says something new under an old version means it all the same.
func (c *Call) reoffer(body []byte) ([]byte, error) {
	offer, err := sdp.Parse(body)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	next, _, err := sdp.Answer(offer, c.local)
	if err != nil {
		return nil, err
	}
	if err := c.changeLocked(next); err != nil {
		return nil, err
	}
	c.offer = offer
	return c.describeLocked(func(local sdp.Local) []byte {
		_, answer, _ := sdp.Answer(offer, local)
		return answer
	}), nil
}

// lateOffer is what we offer when the caller's side asks for it.
func (c *Call) lateOffer() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.describeLocked(func(local sdp.Local) []byte { return sdp.Reoffer(c.offer, c.agreed, local) })
}

// lateAnswer takes the answer to lateOffer. It cannot be refused any more: one that
// cannot be met leaves the call as it was.
func (c *Call) lateAnswer(body []byte) {
	if err := c.followAnswer(body); err != nil {
		c.log.Warn("answer of the caller's side cannot be met, call goes on as before", "err", err)
	}
}

func (c *Call) followAnswer(body []byte) error {
	answer, err := sdp.Parse(body)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	next, err := sdp.Renegotiate(answer, c.offer, c.agreed, c.local)
	if err != nil {
		return err
	}
	return c.changeLocked(next)
}

// describeLocked writes our description. Its version grows by one when the text differs
// from the last one, and only then (RFC 3264 §8).
func (c *Call) describeLocked(write func(sdp.Local) []byte) []byte {
	text := write(c.local)
	if !bytes.Equal(text, c.last) {
		c.local.Version++
		text = write(c.local)
		c.last = text
	}
	return text
}

// changeLocked puts a new agreement in force.
func (c *Call) changeLocked(next sdp.Negotiated) error {
	if next.Remote.Addr().IsUnspecified() { // hold as it once was: the address stays for when it ends
		next.Remote, next.RTCP = c.agreed.Remote, c.agreed.RTCP
	}
	if next == c.agreed {
		return nil
	}
	if !c.mayBeAt(next.Remote) {
		return errMediaAddr
	}
	if c.answered {
		if err := c.streamLocked(next); err != nil {
			return fmt.Errorf("change media: %w", err)
		}
	}
	c.retireKeyLocked(next.SRTP)
	c.agreed = next
	if c.answered {
		c.tellHoldLocked()
	}
	return nil
}

// mayBeAt reports whether the caller's audio may be at an address: one that the trunk
// allows, and no socket of ours. None at all is fine: such a call is on hold.
func (c *Call) mayBeAt(remote netip.AddrPort) bool {
	if remote.Addr().Is4() != c.local.Addr.Is4() {
		return false
	}
	return remote.Addr().IsUnspecified() || c.trunk.allowsMedia(remote, c.info.Source) && !c.server.own.has(remote, c.local.Addr)
}

// tellHoldLocked tells the agent whether the caller has put us on hold: we may not send.
// A caller who only mutes itself still listens.
func (c *Call) tellHoldLocked() {
	on := !c.agreed.Direction.Sends()
	if on == c.onHold {
		return
	}
	c.onHold = on
	select {
	case <-c.held: // not seen, and not true any more
	default:
	}
	c.held <- on
	c.log.Info("hold", "on", on)
}

// Held tells when the caller puts us on hold (true) and when it comes back (false). It
// holds the latest state only, and is never closed. On hold nothing is sent to the caller
// and what is queued waits, the caller is heard as silent, and its silence ends no call.
func (c *Call) Held() <-chan bool { return c.held }

// OnHold reports whether the caller has put us on hold.
func (c *Call) OnHold() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.onHold
}

// mediaParams is what package media needs to know of an agreement.
func (c *Call) mediaParams(n sdp.Negotiated) media.Params {
	return media.Params{
		Law: n.Law, PayloadType: uint8(n.PayloadType), EventPT: n.EventPT, PTime: n.PTime, Remote: n.Remote,
		UnprovenFor: unprovenFor(n.Remote.Addr(), c.info.Source.Addr()),
		NoSend:      !n.Direction.Sends(),
		NoListen:    n.Direction != sdp.SendRecv,
		SRTP:        srtpParams(n.SRTP),
		RTCPMux:     n.RTCPMux, RTCP: n.RTCP,
	}
}

// unprovenFor is how long audio is sent to an address that never sent any. The trunk's own signalling address needs no
// proof: a phone that is silent until somebody speaks must hear the greeting. Any other address could be a victim's.
func unprovenFor(remote, source netip.Addr) time.Duration {
	if remote.Unmap() == source.Unmap() {
		return -1
	}
	return 0 // the default of package media
}

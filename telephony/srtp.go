package telephony

import (
	"slices"
	"strings"

	"github.com/trunkline/trunkline/telephony/media"
	"github.com/trunkline/trunkline/telephony/sdp"
)

// SRTPPolicy says what becomes of a trunk's audio: encrypted or not. Keys come in the
// session description (SDES, RFC 4568), so that whoever reads the signalling can listen:
// they protect the audio only as well as TLS protects them.
type SRTPPolicy = sdp.Policy

// The policies of Trunk.SRTP.
const (
	// SRTPOptional meets what the caller's side offers: RTP/SAVP, keys under RTP/AVP (RFC
	// 8643), or plain RTP. Keys are taken over any transport; over UDP and TCP they keep
	// out those who see the audio alone.
	SRTPOptional = sdp.Optional
	// SRTPRequired refuses with 488 what is not encrypted, at the start of a call and in the
	// middle, and every call whose INVITE did not come over TLS.
	SRTPRequired = sdp.Required
	// SRTPOff is for peers whose SRTP does not work: keys under RTP/AVP are passed over,
	// RTP/SAVP is refused with 488.
	SRTPOff = sdp.Off
)

// transportTLS is the one transport that hides what is signalled.
const transportTLS = "tls"

// checkSRTP refuses a trunk that could never call.
func (t Trunk) checkSRTP(field string, listen []string) (errs []error) {
	overTLS := func(address string) bool { return strings.HasPrefix(strings.ToLower(address), transportTLS+"://") }
	switch {
	case t.SRTP > SRTPOff:
		errs = append(errs, &ConfigError{field + ".srtp", "is none of optional, required and off"})
	case t.SRTP == SRTPRequired && !slices.ContainsFunc(listen, overTLS):
		errs = append(errs, &ConfigError{field + ".srtp", "is required, but no tls:// address is listened on, and keys in the clear are none"})
	}
	return errs
}

// allowsTransport reports whether a call may be signalled over a transport: required keys
// must not travel in the clear.
func (t *Trunk) allowsTransport(name string) bool {
	return t.SRTP != SRTPRequired || name == transportTLS
}

// SRTP is the suite that the audio is encrypted with at present, "" for plain RTP: the
// caller's side may change it in mid-call, unless Trunk.SRTP requires one.
func (c *Call) SRTP() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.agreed.SRTP.Suite)
}

// srtpParams is what package media needs to know of the keys.
func srtpParams(s sdp.SRTP) media.SRTP {
	return media.SRTP{Suite: string(s.Suite), Send: s.Send.Material(), Receive: s.Receive.Material()}
}

// retireKeyLocked uses up our key of the suite before, if the next one is another.
func (c *Call) retireKeyLocked(next sdp.SRTP) {
	if before := c.agreed.SRTP.Suite; before != next.Suite {
		c.local.Keys.Retire(before)
		c.log.Info("srtp", "suite", string(next.Suite), "before", string(before))
	}
}

package phone

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"

	"github.com/trunkline/trunkline/telephony/media"
	"github.com/trunkline/trunkline/telephony/sdp"
)

// SRTP says what encryption a phone offers (SDES, RFC 4568). The zero value is none.
type SRTP struct {
	// Suites by their registered names, in order of preference.
	Suites []string
	// Opportunistic offers them under RTP/AVP and takes a plain answer too (RFC 8643).
	// Otherwise the profile is RTP/SAVP.
	Opportunistic bool
}

// Rekey renews our keys by a re-INVITE, and the suites too if there are any.
type Rekey struct{ Suites []string }

// String says what is renewed.
func (s Rekey) String() string { return fmt.Sprintf("renew the keys %v", s.Suites) }

func (s Rekey) run(ctx context.Context, c *call) error {
	next := c.offer
	next.keys = sdp.NewKeys()
	if len(s.Suites) > 0 {
		next.srtp.Suites = s.Suites
	}
	if err := c.reinvite(ctx, next); err != nil {
		return err
	}
	c.event(Rekeyed, string(c.agreed.SRTP.Suite))
	return nil
}

func (s SRTP) policy() sdp.Policy {
	switch {
	case len(s.Suites) == 0:
		return sdp.Off
	case s.Opportunistic:
		return sdp.Optional
	}
	return sdp.Required
}

// local is the offer as far as the reader of its answer has to know it.
func (o offer) local() sdp.Local {
	l := sdp.Local{Laws: o.laws, SRTP: o.srtp.policy(), Keys: o.keys}
	for _, s := range o.srtp.Suites {
		l.Suites = append(l.Suites, sdp.Suite(s))
	}
	return l
}

// profile is that of the m= line.
func (o offer) profile() string {
	if o.srtp.policy() == sdp.Required {
		return "RTP/SAVP"
	}
	return "RTP/AVP"
}

// writeKeys writes the keys, with tags from 1 and a lifetime as many peers do.
func (o offer) writeKeys(b *bytes.Buffer) {
	for i, s := range o.srtp.Suites {
		key := base64.StdEncoding.EncodeToString([]byte(o.keys.Key(sdp.Suite(s)).Material()))
		fmt.Fprintf(b, "a=crypto:%d %s inline:%s|2^31\r\n", i+1, s, key)
	}
}

// srtpParams is what package media needs to know of the keys.
func srtpParams(s sdp.SRTP) media.SRTP {
	return media.SRTP{Suite: string(s.Suite), Send: s.Send.Material(), Receive: s.Receive.Material()}
}

// newOffer is what a call begins with.
func (c *call) newOffer() offer {
	return offer{addr: c.phone.cfg.Bind, port: c.media.Port(), laws: c.opt.Laws, ptime: c.opt.PTime, version: 1, direction: "sendrecv",
		srtp: c.opt.SRTP, keys: sdp.NewKeys()}
}

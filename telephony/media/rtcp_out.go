package media

import (
	"encoding/base64"
	"math/rand/v2"
	"net/netip"
	"time"
)

const (
	// reportEvery is RFC 3550's minimum, and what two parties with G.711 come to (§6.2).
	// Each wait is 0.5 to 1.5 times that, so that calls which began together do not report
	// together; the first one is half as long (§6.3.1). The rules about many members that
	// come and go have no meaning between two.
	reportEvery = 5 * time.Second
	firstReport = reportEvery / 2

	// controlRoom is what may be appended to a compound on its way out: the index and
	// authentication tag of SRTCP.
	controlRoom = maxRTCPTag

	// rememberedReports is how many of our own sender reports an answer may refer to.
	rememberedReports = 4

	// unansweredReports go to a host that sends no audio and no RTCP either; then it gets
	// no more. An SDP may name anybody.
	unansweredReports = 3
)

// control is the RTCP of a session. It has no clock of its own: the ticks of the stream
// look whether a report is due.
//
//	SR (or RR, when nothing was sent) │ block about the caller │ SDES CNAME │ BYE, at the end
type control struct {
	name  [cnameBytes]byte // random: it must say nothing about who and where (RFC 7022 §4.2)
	next  time.Duration    // when the next report is due
	begun bool             // one was sent

	listening bool // readControl was started

	made, madeBefore uint32 // packets of audio at the last report, and at the one before

	source     netip.AddrPort // where the far end's RTCP comes from, invalid until known
	unanswered int            // reports since RTCP came
	sent       [rememberedReports]sentReport
	far        farView
	worst      float64 // MOS of the worst interval of the caller's audio, 0: none yet

	buf [controlBytes + controlRoom]byte
}

// sentReport is a sender report of ours, as an answer will name it.
type sentReport struct {
	lsr uint32
	at  time.Duration
}

func (c *control) start(now time.Duration) {
	var random [cnameBytes / 4 * 3]byte
	for i := range random {
		random[i] = byte(rand.Uint32())
	}
	base64.RawStdEncoding.Encode(c.name[:], random[:])
	c.next = now + spread(firstReport)
}

// forget unlearns the far end's address, when that may have changed.
func (c *control) forget() { c.source, c.unanswered = netip.AddrPort{}, 0 }

// spread returns 0.5 to 1.5 times d.
func spread(d time.Duration) time.Duration { return d/2 + rand.N(d) }

// reportLocked sends a report if one is due. Hold stops no reports: they keep a NAT's
// mapping of the RTCP port open, and with mux that of the RTP port.
func (s *Session) reportLocked(now time.Duration) {
	if now < s.control.next {
		return
	}
	s.control.next = now + spread(reportEvery)
	s.sendControlLocked(s.compoundLocked(now))
}

// byeLocked sends the last report, if the far end knows that we exist (§6.3.7).
func (s *Session) byeLocked(now time.Duration) {
	if s.started && (s.control.begun || s.out.made > 0) {
		s.sendControlLocked(appendBye(s.compoundLocked(now), s.out.ssrc))
	}
}

// compoundLocked makes a report about the time since the last one.
func (s *Session) compoundLocked(now time.Duration) []byte {
	c := &s.control
	interval := s.received.interval()
	s.rateLocked(interval)
	var about *reportBlock
	if b, ok := s.received.block(interval, s.jitter.value(), now); ok {
		about = &b
	}
	var info *senderInfo
	if s.out.made != c.madeBefore { // §6.4: sent something since the report before the last
		ntp := ntpTime(s.pacer.epoch.Add(now))
		info = &senderInfo{ntp: ntp, rtp: s.out.timeAt(now), packets: uint32(s.stats.PacketsOut), octets: uint32(s.stats.BytesOut)}
		copy(c.sent[1:], c.sent[:])
		c.sent[0] = sentReport{middle(ntp), now}
	}
	c.madeBefore, c.made = c.made, s.out.made
	return appendName(appendReport(c.buf[:0], s.out.ssrc, info, about), s.out.ssrc, &c.name)
}

// sendControlLocked is the one way out for RTCP. b has controlRoom bytes of room.
func (s *Session) sendControlLocked(b []byte) {
	c := &s.control
	to := s.controlDestLocked()
	if s.muted || to.Port() == 0 || to.Addr() != s.dest.Addr() && c.unanswered >= unansweredReports {
		return
	}
	c.unanswered++
	write := s.link.writeControl
	if s.params.RTCPMux {
		write = s.link.write
	}
	b, err := s.shield.sealRTCP(b)
	if err == nil {
		err = write(b, to)
	}
	if err != nil {
		s.stats.Control.SendErrors++
		return
	}
	c.begun = true
	s.stats.Control.Out++
}

// controlDestLocked is where RTCP goes: with mux where RTP goes; else to where the far
// end's own comes from; else to where the SDP wants it, or to the port above RTP's, at the
// address that RTP proved.
func (s *Session) controlDestLocked() netip.AddrPort {
	named := s.params.RTCP
	switch {
	case s.params.RTCPMux:
		return s.dest
	case s.control.source.IsValid():
		return s.control.source
	case !named.IsValid():
		return netip.AddrPortFrom(s.dest.Addr(), s.dest.Port()+1)
	case named.Addr() == s.params.Remote.Addr():
		return netip.AddrPortFrom(s.dest.Addr(), named.Port())
	}
	return named
}

package media

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"time"
)

// controlReadBytes holds any RTCP between two parties; a datagram that fills it was cut,
// and its lengths do not add up.
const controlReadBytes = 1500

// maxRTT is the longest round trip believed.
const maxRTT = 10 * time.Second

// farView is how the far end hears us, by its last report.
type farView struct {
	known  bool
	lost   int32 // packets since the beginning; more repeated than lost is negative
	of     uint32
	jitter time.Duration

	rtt, rttMax time.Duration // 0: not known

	discarded float64 // share that came too late for its play-out, by RFC 3611
	mos       float64 // of its own reckoning, by RFC 3611; 0: not known
}

// listenControlLocked starts the reader of the RTCP port, the first time that RTCP does
// not share the port of RTP. It costs a blocked goroutine and its buffer, 6 KB, and nothing
// else: a few packets a minute come. To ask the socket at each tick would cost a
// system call for every packet of audio, and would know round trips to 20 ms only.
func (s *Session) listenControlLocked() {
	if s.params.RTCPMux || s.control.listening {
		return
	}
	s.control.listening = true
	s.reader.Go(s.readControl)
}

// readControl lives until the link is interrupted.
func (s *Session) readControl() {
	defer s.survive("RTCP reader")
	b := make([]byte, controlReadBytes)
	for failed := 0; failed < maxReadErrors; {
		n, from, err := s.link.readControl(b)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			failed++
			continue
		}
		failed = 0
		s.receiveControl(b[:n], from, s.pacer.now())
	}
}

// receiveControl takes a datagram of the RTCP port.
func (s *Session) receiveControl(b []byte, from netip.AddrPort, now time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.params.RTCPMux { // mux was agreed on later: what is left over here is old
		return
	}
	s.receiveControlLocked(b, from, now)
}

// receiveControlLocked is the one way in for RTCP, of either port.
func (s *Session) receiveControlLocked(b []byte, from netip.AddrPort, now time.Duration) {
	st := &s.stats.Control
	if !s.mayReportLocked(from) {
		st.Foreign++
		return
	}
	b, bad := s.shield.openRTCP(b, now)
	if bad != badNone {
		s.stats.Bad.count(bad)
		return
	}
	if !checkControl(b) {
		st.Malformed++
		return
	}
	if !s.learnReporterLocked(from, binary.BigEndian.Uint32(b[rtcpHeaderBytes:])) {
		st.Foreign++
		return
	}
	st.In++
	s.control.unanswered = 0
	for len(b) > 0 {
		var p controlPacket
		p, b = nextControl(b)
		s.reportedLocked(p, now)
	}
}

// mayReportLocked: nobody is believed before the source of the audio is proven, and then
// its address alone, or the very address that the SDP names for RTCP.
func (s *Session) mayReportLocked(from netip.AddrPort) bool {
	switch {
	case !s.latch.source.IsValid():
		return false
	case s.params.RTCPMux:
		return s.latch.proven(from)
	}
	return from.Addr() == s.latch.source.Addr() || from == s.params.RTCP
}

// learnReporterLocked: a NAT gives RTCP a port of its own, so one that is not expected is
// taken from who knows the SSRC of the audio.
func (s *Session) learnReporterLocked(from netip.AddrPort, ssrc uint32) bool {
	if from != s.controlDestLocked() && (!s.received.known || ssrc != s.received.ssrc) && from != s.params.RTCP {
		return false
	}
	if !s.params.RTCPMux {
		s.control.source = from
	}
	return true
}

func (s *Session) reportedLocked(p controlPacket, now time.Duration) {
	switch p.kind {
	case rtcpSR, rtcpRR:
		ssrc, info, blocks, ok := p.sender()
		if !ok {
			return
		}
		if p.kind == rtcpSR && s.received.known && ssrc == s.received.ssrc {
			s.received.lsr, s.received.lsrAt = middle(info.ntp), now
		}
		for ; p.count > 0 && len(blocks) >= reportBlockBytes; p.count-- {
			if b := parseBlock(blocks); b.ssrc == s.out.ssrc {
				s.heardAsLocked(b, now)
			}
			blocks = blocks[reportBlockBytes:]
		}
	case rtcpBYE:
		s.stats.Control.Byes++
	case rtcpXR:
		if b := voipBlock(p.body, s.out.ssrc); b != nil {
			s.control.far.voip(b)
		}
	}
}

// heardAsLocked notes what the far end says about our stream.
func (s *Session) heardAsLocked(b reportBlock, now time.Duration) {
	far := &s.control.far
	far.known = true
	far.lost, far.of = b.lost, s.out.made
	far.jitter = min(time.Duration(b.jitter)*tickOfSample, maxRTT)
	if rtt, ok := s.control.roundTrip(b, now); ok {
		far.rtt, far.rttMax = rtt, max(far.rttMax, rtt)
	}
}

// roundTrip is §6.4.1's, by our own clock: the report must answer one of our last.
func (c *control) roundTrip(b reportBlock, now time.Duration) (time.Duration, bool) {
	if b.lsr == 0 {
		return 0, false
	}
	for _, sent := range c.sent {
		if sent.lsr == b.lsr {
			rtt := now - sent.at - ofShortNTP(b.dlsr)
			return max(rtt, time.Microsecond), rtt > -time.Millisecond && rtt < maxRTT
		}
	}
	return 0, false
}

// voip reads the two figures of a VoIP metrics block that nothing else tells:
//
//	0 type │ 4 SSRC │ 8 loss │ 9 discard │ … │ 24 R │ 25 ext. R │ 26 MOS-LQ │ 27 MOS-CQ │ …
func (f *farView) voip(b []byte) {
	f.discarded = float64(b[9]) / 256
	if mos := b[27]; mos >= 10 && mos <= 50 { // 127: not known
		f.mos = float64(mos) / 10
	}
}

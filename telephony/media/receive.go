package media

import (
	"errors"
	"net"
	"net/netip"
	"time"
)

// maxReadErrors in a row end the reader: the socket is beyond repair, and the
// media timeout will tell the call.
const maxReadErrors = 100

// read is the session's goroutine: from Open until the link is interrupted.
func (s *Session) read() {
	defer s.survive("reader")
	for failed := 0; failed < maxReadErrors; {
		n, from, err := s.link.read(s.readBuf[:])
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // an ICMP error of an earlier send, no memory: the next read may do
			failed++
			continue
		}
		failed = 0
		if s.receive(s.readBuf[:n], from, s.pacer.now()) {
			s.log.Debug("media source proven", "source", from)
		}
	}
	s.log.Error("media reader gave up", "errors", maxReadErrors)
}

// receive takes one datagram. It reports that the datagram proved its source.
func (s *Session) receive(b []byte, from netip.AddrPort, now time.Duration) (proof bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return false
	case !s.started:
		s.stats.PreAnswer++
		return false
	case s.latch.foreign(from, now):
		s.stats.Foreign++
		return false
	case s.params.RTCPMux && isControl(b):
		s.receiveControlLocked(b, from, now)
		return false
	}
	b, bad := s.shield.ring.open(b, s.shield.header, now) // before the latch: it learns from what is authentic
	var p packet
	if bad == badNone {
		p, bad = parseRTP(b)
	}
	if bad == badNone && !s.negotiatedLocked(p.pt) {
		bad = badPayloadType
	}
	if bad != badNone {
		s.stats.Bad.count(bad)
		return false
	}
	if !s.latch.proven(from) {
		return s.probationLocked(from, p, now)
	}
	s.acceptLocked(p, now)
	return false
}

func (s *Session) negotiatedLocked(pt uint8) bool {
	return s.isAudioLocked(pt) || int(pt) == s.params.EventPT || pt == comfortNoisePT
}

// probationLocked hears a source that is not proven yet; what it said before
// counts once it is.
func (s *Session) probationLocked(from netip.AddrPort, p packet, now time.Duration) bool {
	s.stats.Probation++
	proof := s.latch.try(from, p, now)
	if proof == nil {
		return false
	}
	s.dest, s.heard, s.muted = from, true, false
	if s.control.source.Addr() != from.Addr() { // whoever was believed before may have been nobody's phone
		s.control.forget()
	}
	s.stats.SourceProof = s.latch.rank.String()
	for i := range proof {
		s.acceptLocked(proof[i].packet, proof[i].at)
	}
	s.lastPacket = now
	s.wakeLocked(now)
	return true
}

// acceptLocked takes a packet of the proven source.
func (s *Session) acceptLocked(p packet, now time.Duration) {
	s.stats.PacketsIn++
	s.stats.BytesIn += uint64(len(p.payload))
	s.lastPacket, s.taps.now = now, now
	s.received.packet(p)
	switch {
	case s.params.NoListen: // music on hold, mostly
		s.stats.OnHold++
		return
	case s.isAudioLocked(p.pt):
		s.hearAsLocked(p)
		s.jitter.packet(p, now)
		s.line.arrived(len(p.payload), now, s.order.waiting())
	case p.pt == comfortNoisePT:
		s.stats.ComfortNoise++
		p.payload = nil
	default:
		s.eventLocked(p)
		p.payload = nil
	}
	s.order.push(p, now)
}

// eventLocked looks for a digit at once, ahead of reordering: digits carry their
// own order, and their three end packets their own protection against loss.
func (s *Session) eventLocked(p packet) {
	s.stats.EventPackets++
	d, ok, bad := s.events.packet(p)
	s.stats.Bad.count(bad)
	if !ok {
		return
	}
	select {
	case s.digits <- d:
	default:
		s.stats.DigitsDropped++
	}
}

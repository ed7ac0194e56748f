package media

import (
	"time"

	"github.com/trunkline/trunkline/transcode"
)

// Start begins the call: packets are accepted and the stream to the caller runs,
// with whatever was played before leaving first. It is called again for what a new
// offer and answer changed, with all that is in force now:
//
//   - another Remote: the source has to prove itself anew, and the one before is not
//     heard any more. With the same Remote the proven source stays.
//   - another Law: it changes on the wire alone. Play and the sink keep the law of the
//     first Start, and every byte is translated by a table.
//   - another key: see SRTP. The same one goes on where it is, in both directions.
//   - NoSend and NoListen: hold and resume. What waits goes on where it stopped.
//
// Errors are ErrParams, ErrRemote and ErrClosed; the stream is then as it was.
func (s *Session) Start(p Params) error {
	if err := p.check(s.cfg.AllowRemote); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	now := s.pacer.now()
	next, err := s.shield.renewed(p.SRTP, now)
	if err != nil {
		return err
	}
	s.shieldLocked(next)
	if !s.started {
		s.beginLocked(p, now)
	} else {
		s.changeLocked(p, now)
	}
	s.listenControlLocked()
	s.wakeLocked(now)
	return nil
}

func (s *Session) beginLocked(p Params, now time.Duration) {
	s.started = true
	s.law, s.params, s.old = p.Law, p, noCodec
	s.latch = newLatch(p.Remote, s.cfg.AllowRemote, now)
	s.armLocked(now)
	s.lastTick = now
	s.formatLocked()
	s.line.start(p.Law, now)
	s.out.start(now)
	s.control.start(now)
	s.taps.start(p.Law, now, s.out.ts)
	s.pacer.add(&s.place, now)
}

func (s *Session) changeLocked(p Params, now time.Duration) {
	before := s.params
	s.params, s.taps.now = p, now
	if p.PayloadType != before.PayloadType {
		s.old = oldCodec{pt: int(before.PayloadType), law: before.Law}
	}
	if p.RTCP != before.RTCP || p.RTCPMux != before.RTCPMux {
		s.control.forget()
	}
	if p.Remote != before.Remote {
		s.latch.move(p.Remote, now)
		s.armLocked(now)
	}
	switch {
	case p.NoListen && !before.NoListen:
		s.order.forget()
		s.line.forget()
		s.jitter.known = false
	case before.NoListen && !p.NoListen:
		s.resumeLocked(now)
	}
	if p.EventPT < 0 {
		s.dropKeysLocked()
	}
	s.formatLocked()
}

// armLocked has the far end prove itself from now on.
func (s *Session) armLocked(now time.Duration) {
	s.dest, s.heard, s.muted = s.params.Remote, false, false
	s.armedAt, s.lastPacket = now, now
	s.control.forget()
	s.stats.SourceProof = rankNone.String()
}

// resumeLocked listens again. Time on hold counts for no timeout; and a NAT may have
// given the phone another address meanwhile, which has to be learnt like the first.
func (s *Session) resumeLocked(now time.Duration) {
	s.lastPacket = now
	if !s.heard {
		s.armLocked(now)
	}
	if s.latch.rank != rankExact {
		s.latch.reopen(now)
	}
}

// formatLocked sets what the frames that we send look like.
func (s *Session) formatLocked() {
	p := s.params
	s.playout.law, s.playout.frame = s.law, bytesOf(p.PTime)
	s.out.pt, s.out.ptime, s.out.frame = p.PayloadType, p.PTime, bytesOf(p.PTime)
}

// oldCodec is the payload type before the last change. The far end uses it until it
// has our answer (RFC 3264 §8.3.2), so it is understood until the new one is heard.
type oldCodec struct {
	pt  int // -1: none
	law transcode.Law
}

var noCodec = oldCodec{pt: -1}

// hearAsLocked translates a packet of audio into the session's law, in place.
func (s *Session) hearAsLocked(p packet) {
	law := s.params.Law
	if p.pt == s.params.PayloadType {
		s.old = noCodec
	} else {
		law = s.old.law
	}
	transcode.Convert(p.payload, law, s.law)
}

// isAudioLocked reports whether pt stands for the caller's voice.
func (s *Session) isAudioLocked(pt uint8) bool {
	return pt == s.params.PayloadType || int(pt) == s.old.pt && s.old.pt != s.params.EventPT
}

// unprovenForLocked is how long may be sent to an address that never sent anything;
// negative is for ever.
func (s *Session) unprovenForLocked() time.Duration {
	if s.params.UnprovenFor != 0 {
		return s.params.UnprovenFor
	}
	return s.cfg.UnprovenFor
}

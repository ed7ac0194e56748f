package media

import (
	"time"

	"github.com/trunkline/trunkline/transcode"
)

// tick is the pacer's call when the stream's slot has come: fill in for a silent
// far end, send the next frame, watch the timeouts, and take the next place on the
// wheel. A session that was closed, or moved on meanwhile, has nothing to do.
func (s *Session) tick(now time.Duration) {
	defer s.survive("pacer")
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if s.out.isDue(now) {
		s.taps.now = now
		s.fillLocked(now)
		s.sendLocked(now)
		s.watchLocked(now)
		s.reportLocked(now)
	}
	s.pacer.move(&s.place, s.out.due)
}

// fillLocked keeps the caller's timeline going while nothing comes.
func (s *Session) fillLocked(now time.Duration) {
	if late := now - s.lastTick - s.out.ptime; late > skipAfter*s.out.ptime {
		s.line.stalled(late)
	}
	s.lastTick = now
	if s.line.idle(now) {
		s.order.flush() // what waits for a missing packet has waited long enough
		s.line.tick(now)
	}
}

// sendLocked sends one frame, whatever there is to send.
func (s *Session) sendLocked(now time.Duration) {
	s.out.skip(now)
	switch {
	case s.params.NoSend:
		s.deafLocked(0)
		s.out.pass()
		s.stats.HeldFrames++
	case s.muted:
		s.deafLocked(0)
		s.out.pass()
		s.stats.MutedFrames++
	case s.keys.busy():
		s.deafLocked(s.out.frame)
		if s.keys.send(&s.out, s.dest, uint8(s.params.EventPT), s.params.Law) {
			s.notifyLocked()
		}
	case !s.held && s.playout.ready():
		s.deafLocked(s.out.frame)
		s.speakLocked(now)
	case s.relayLocked():
	default:
		if !s.held && !s.out.idle && s.playout.starved(s.out.last) {
			s.stats.Underruns++
		}
		s.out.silence(s.dest, s.params.Law)
	}
}

// speakLocked sends the next frame of the queue and accounts for it.
func (s *Session) speakLocked(now time.Duration) {
	it, n := s.playout.next(s.out.payload())
	s.taps.now = now
	s.taps.said(s.out.ts, s.out.payload())
	transcode.Convert(s.out.payload(), s.law, s.params.Law)
	sent := s.out.audio(s.dest, it)
	if sent {
		it.Sent += n
	}
	first := sent && it.First.IsZero()
	if first {
		it.First = s.pacer.epoch.Add(now)
	}
	if first || s.playout.queue.n == 0 {
		s.notifyLocked()
	}
}

// wakeLocked starts a talk spurt at once if there is one to start and the stream
// is in silence. Otherwise the next tick will find it.
func (s *Session) wakeLocked(now time.Duration) {
	if !s.started || s.closed || s.params.NoSend || s.muted || s.held || s.keys.busy() || !s.out.idle || !s.playout.ready() {
		return
	}
	s.out.skip(now)
	s.out.borrow(now)
	if s.out.isDue(now) {
		s.speakLocked(now)
	}
	s.pacer.move(&s.place, s.out.due)
}

// watchLocked stops sending to an address that never answers, and gives the call up
// for lost when nothing comes any more, unless nothing has to come. It does not log:
// the pacer waits for no log writer.
func (s *Session) watchLocked(now time.Duration) {
	if limit := s.unprovenForLocked(); !s.heard && limit > 0 && now-s.armedAt >= limit {
		s.muted = true
	}
	if s.params.NoListen {
		return
	}
	limit := s.cfg.MediaTimeout
	if !s.heard {
		limit = s.cfg.FirstMediaTimeout
	}
	if limit > 0 && now-s.lastPacket >= limit {
		s.loseLocked()
	}
}

func (s *Session) loseLocked() {
	if !s.isLost {
		s.isLost = true
		close(s.lost)
	}
}

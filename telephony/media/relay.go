package media

import (
	"errors"
	"sync"

	"github.com/trunkline/trunkline/transcode"
)

// ErrNotStarted is returned by Join for a session whose call has not begun.
var ErrNotStarted = errors.New("media session not started")

const (
	relayBytes = 15 * transcode.FrameBytes // 300 ms: what arrives beyond is dropped, the oldest first
	// relaySlack is how many frames may stand in a relay in speech; a pause brings them
	// down to none.
	relaySlack = 3
	// relayWindow is how many frames are looked at to tell what stands from what a
	// jitter has brought.
	relayWindow = 50
	// relayPause is what counts as a pause, in dBov: the noise of a quiet line.
	relayPause = -45.0
)

// relay carries the audio of one joined session to the other. The reader and the pacer
// of the one put frames in, under its lock; the pacer takes them out under the lock of
// the other. The relay's own lock is the innermost: the two sessions never wait for
// each other.
//
//	A: packet ─► timeline ─► put │■■■■■■ │ take ─► tick of B ─► packet
//	                              └ one frame when the network is calm
//
// Nothing decides about the depth but what arrives: a frame that is late finds silence
// sent in its place, and all behind it come a frame later from then on. What stands in
// the relay for no purpose is taken out in pauses, or at last in speech, so that neither
// jitter nor two clocks that differ add up.
type relay struct {
	law transcode.Law // static; of what is put in

	mu      sync.Mutex
	buf     [relayBytes]byte
	head, n int
	dropped int  // bytes, not yet told
	running bool // something was taken

	seen     int // frames of this window
	least    int // bytes that were left in it, at the least
	standing int // the same of the window before, less what was taken out since
}

// put takes one frame. It never blocks for longer than a copy.
func (r *relay) put(frame []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if over := r.n + len(frame) - len(r.buf); over > 0 {
		r.dropLocked(over)
	}
	tail := (r.head + r.n) % len(r.buf)
	copied := copy(r.buf[tail:], frame)
	copy(r.buf[:], frame[copied:])
	r.n += len(frame)
}

// take fills dst, or leaves it alone if there is not enough. late: there should have
// been. dropped is how many bytes were lost since the last time.
func (r *relay) take(dst []byte) (ok, late bool, dropped int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	dropped, r.dropped = r.dropped, 0
	if r.n < len(dst) {
		r.seen, r.least, r.standing = 0, len(r.buf), 0
		return false, r.running, dropped
	}
	r.running = true
	r.popLocked(dst)
	if r.standing >= len(dst) && transcode.Level(r.law, dst) <= relayPause {
		r.popLocked(dst) // in place of the pause that was there
		r.leftOutLocked(len(dst))
	}
	r.lookLocked()
	return true, false, dropped
}

func (r *relay) popLocked(dst []byte) {
	copied := copy(dst, r.buf[r.head:min(len(r.buf), r.head+len(dst))])
	copy(dst[copied:], r.buf[:])
	r.head, r.n = (r.head+len(dst))%len(r.buf), r.n-len(dst)
}

// lookLocked keeps account of what stands, and leaves a frame out when that is too much.
func (r *relay) lookLocked() {
	r.least = min(r.least, r.n)
	if r.seen++; r.seen < relayWindow {
		return
	}
	r.standing = r.least
	r.seen, r.least = 0, len(r.buf)
	if r.standing >= relaySlack*transcode.FrameBytes {
		r.head, r.n = (r.head+transcode.FrameBytes)%len(r.buf), r.n-transcode.FrameBytes
		r.leftOutLocked(transcode.FrameBytes)
	}
}

func (r *relay) leftOutLocked(n int) {
	r.dropped += n
	r.standing -= n
}

// discard lets time pass: one that cannot hear now must not hear it later. The oldest
// keep bytes stay, the end of a word that was begun.
func (r *relay) discard(keep int) (dropped int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if over := r.n - keep; over > 0 {
		r.n = keep
		r.dropped += over
	}
	dropped, r.dropped = r.dropped, 0
	r.running, r.standing = false, 0
	return dropped
}

func (r *relay) dropLocked(n int) {
	n = min(n, r.n)
	r.head, r.n = (r.head+n)%len(r.buf), r.n-n
	r.dropped += n
}

// Join lets the far ends of two sessions hear each other until part is called: what one
// says is sent to the other, in its law and packet time, in place of silence. What Play
// has queued goes before, and keys too. The sinks rest meanwhile and hear nothing; part
// returns when they will again. Both streams go on throughout: nothing restarts, no
// packet is left out. Joining a session that is joined replaces that.
func Join(a, b *Session) (part func(), err error) {
	ab, err := a.divert()
	if err != nil {
		return nil, err
	}
	ba, err := b.divert()
	if err != nil {
		a.restore(ab, nil)
		return nil, err
	}
	a.follow(ba)
	b.follow(ab)
	return sync.OnceFunc(func() {
		a.restore(ab, ba)
		b.restore(ba, ab)
	}), nil
}

// divert sends what the session hears into a new relay.
func (s *Session) divert() (*relay, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, ErrClosed
	case !s.started:
		return nil, ErrNotStarted
	}
	s.line.relay = &relay{law: s.law, least: relayBytes}
	return s.line.relay, nil
}

// follow has the session say what comes out of r.
func (s *Session) follow(r *relay) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.relay = r
}

// restore undoes divert and follow, unless somebody else has done so.
func (s *Session) restore(out, in *relay) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.line.relay == out {
		s.line.relay = nil
	}
	if s.relay == in && in != nil {
		s.stats.RelayDropped += uint64(in.discard(0))
		s.relay = nil
	}
}

// relayLocked sends a frame of the other session, or says that there is none.
func (s *Session) relayLocked() bool {
	if s.relay == nil {
		return false
	}
	ok, late, dropped := s.relay.take(s.out.payload())
	s.stats.RelayDropped += uint64(dropped)
	if late {
		s.stats.RelayLate++
	}
	if !ok {
		return false
	}
	transcode.Convert(s.out.payload(), s.relay.law, s.params.Law)
	s.out.audio(s.dest, nil)
	s.stats.Relayed++
	return true
}

// deafLocked is a frame time in which the far end is not told what the other one says.
func (s *Session) deafLocked(keep int) {
	if s.relay != nil {
		s.stats.RelayDropped += uint64(s.relay.discard(keep))
	}
}

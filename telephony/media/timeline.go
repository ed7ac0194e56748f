package media

import (
	"time"

	"github.com/trunkline/trunkline/transcode"
)

const (
	// maxGap is the longest hole that timestamps may ask us to fill at once; a
	// larger jump is a new timestamp base, not silence. Longer real holes are
	// filled by the clock while they last.
	maxGap = 500 * time.Millisecond
	// idleAfter is how long nothing may come before the clock fills in.
	idleAfter = 200 * time.Millisecond
	// maxAhead bounds what the clock may have filled too much in a gap and has back from
	// the next: as much as jitter makes of it.
	maxAhead = 60 * time.Millisecond
	// burstGap: packets closer than this are one burst out of a stalled network.
	burstGap = 10 * time.Millisecond
)

// timeline turns packets in order into one gapless row of 160-byte frames. What is
// missing is put in as the RTP timestamps say:
//
//	seq  7    8         9 (ts jumps)    10        12          (nothing)
//	    [20] [20] [silence…    ] [20]  [20] [conceal][20]   [silence by clock…]
//
// Silence by the clock is remembered as credit: when packets come back, a gap in
// their timestamps has already been heard, up to the credit. Packets that were
// only late carry no gap and are played out in full: speech is never dropped for
// silence.
type timeline struct {
	law     transcode.Law // static after start
	sink    func([]byte)  // nil: frames are counted and dropped
	taps    *taps
	relay   *relay // not nil: gets the frames in place of the sink
	stats   *Stats
	conceal transcode.Concealer

	synced bool   // next is known
	next   uint32 // timestamp of the next sample
	lost   bool   // packets were lost since the last audio

	lastAudio time.Duration // when audio last arrived, or should have begun
	lastBytes int           // how much that was: it lasts until the next is due
	filled    int           // bytes filled by the clock since lastAudio
	credit    int           // bytes filled by the clock that timestamps have not accounted for
	resumed   bool          // audio came since the last fill
	told      bool          // and timestamps have accounted for some of it
	ahead     int           // bytes filled too much: the next gaps are shorter by them

	frame   [transcode.FrameBytes]byte
	pending int // bytes in frame
	scratch [transcode.FrameBytes]byte
}

func (t *timeline) start(law transcode.Law, now time.Duration) {
	t.law, t.conceal.Law = law, law
	t.lastAudio = now
}

// reset forgets the timestamp base: a new source or a source that started again.
func (t *timeline) reset() {
	if t.synced {
		t.stats.Resets++
	}
	t.forget()
}

// forget ends what was heard so far: what comes next has nothing to do with it.
func (t *timeline) forget() {
	t.synced, t.lost, t.credit, t.ahead = false, false, 0, 0
	t.conceal.Reset()
}

// arrived notes that n bytes of audio came from the network, in whatever order. waiting says that
// earlier audio still waits for what is missing before it: the gap that was filled is yet
// to be told.
func (t *timeline) arrived(n int, now time.Duration, waiting bool) {
	if t.resumed && !waiting && now-t.lastAudio >= burstGap {
		if t.told { // the clock saw a longer gap than there was: jitter
			t.ahead = min(t.ahead+t.credit, bytesOf(maxAhead))
		}
		t.credit, t.told = 0, false // paced again: what comes now is not what was filled
	}
	t.lastAudio, t.lastBytes, t.filled, t.resumed = now, n, 0, true
}

// packet takes the next packet in order; lost says that others before it never
// came. Packets without samples (events, comfort noise) only carry that on.
func (t *timeline) packet(p packet, lost bool) {
	t.lost = t.lost || lost
	if len(p.payload) == 0 {
		return
	}
	if t.synced {
		t.bridge(int(int32(p.ts - t.next)))
	}
	t.synced, t.lost = true, false
	t.next = p.ts + uint32(len(p.payload))
	t.conceal.Good(p.payload)
	t.write(p.payload)
}

// bridge fills a hole of gap samples before the next packet.
func (t *timeline) bridge(gap int) {
	if gap == 0 {
		return
	}
	known := min(max(gap, 0), t.credit)
	repaid := min(max(gap, 0)-known, t.ahead)
	missing := gap - known - repaid
	if gap < 0 || missing > bytesOf(maxGap) {
		t.credit, t.ahead = 0, 0
		t.stats.Resets++
		return
	}
	t.credit -= known
	t.ahead -= repaid
	t.told = t.told || known > 0
	if t.lost && known == 0 {
		t.writeConcealed(missing)
		return
	}
	t.writeSilence(missing)
	t.stats.Silence += durationOf(missing)
}

// tick fills in by the clock when nothing has come for idleAfter: all of that time
// at once, then as it passes.
func (t *timeline) tick(now time.Duration) {
	if !t.idle(now) {
		return
	}
	due := (bytesOf(now-t.lastAudio) - t.lastBytes) / transcode.FrameBytes * transcode.FrameBytes
	n := due - t.filled
	if n <= 0 {
		return
	}
	t.filled = due
	t.resumed, t.told = false, false
	if t.synced {
		t.credit += n
	}
	t.taps.filling(t.lastAudio)
	t.writeSilence(n)
	t.stats.Filled += durationOf(n)
}

func (t *timeline) idle(now time.Duration) bool { return now-t.lastAudio >= idleAfter }

// stalled takes time out of the count in which we, not the network, stood still:
// what came then waits in the socket.
func (t *timeline) stalled(d time.Duration) { t.lastAudio += d }

func (t *timeline) writeConcealed(n int) {
	for n > 0 {
		part := t.scratch[:min(n, len(t.scratch))]
		concealed := t.conceal.Conceal(part)
		t.stats.Concealed += durationOf(concealed)
		t.stats.Silence += durationOf(len(part) - concealed)
		t.write(part)
		n -= len(part)
	}
}

func (t *timeline) writeSilence(n int) {
	silence := silenceOf(t.law)
	for n > 0 {
		part := silence[:min(n, len(silence))]
		t.conceal.Good(part)
		t.write(part)
		n -= len(part)
	}
}

// write cuts law bytes into frames. Whole frames are passed on without a copy.
func (t *timeline) write(b []byte) {
	for len(b) > 0 {
		if t.pending == 0 && len(b) >= len(t.frame) {
			t.deliver(b[:len(t.frame)])
			b = b[len(t.frame):]
			continue
		}
		n := copy(t.frame[t.pending:], b)
		t.pending += n
		b = b[n:]
		if t.pending == len(t.frame) {
			t.pending = 0
			t.deliver(t.frame[:])
		}
	}
}

func (t *timeline) deliver(frame []byte) {
	t.taps.heard(frame)
	switch {
	case t.relay != nil:
		t.relay.put(frame)
	case t.sink == nil:
		t.stats.Unheard++
		return
	default:
		t.sink(frame)
	}
	t.stats.FramesIn++
}

func bytesOf(d time.Duration) int { return int(d * transcode.BytesPerMS / time.Millisecond) }

func durationOf(bytes int) time.Duration {
	return time.Duration(bytes) * time.Millisecond / transcode.BytesPerMS
}

// silenceFrames are the longest frames of silence that are ever needed, shared by
// all sessions. A sink that wrote to its frame would spoil them: it must not.
var silenceFrames = func() (s [2][maxFrame]byte) {
	for _, law := range []transcode.Law{transcode.PCMU, transcode.PCMA} {
		for i := range s[law] {
			s[law][i] = law.Silence()
		}
	}
	return s
}()

func silenceOf(law transcode.Law) []byte {
	if law == transcode.PCMA {
		return silenceFrames[1][:]
	}
	return silenceFrames[0][:]
}

package media

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/trunkline/trunkline/transcode"
)

// maxFrame is the longest frame sent, 60 ms.
const maxFrame = 60 * transcode.BytesPerMS

// skipAfter is how many frames late the stream may be and still catch up by
// sending them close together. Beyond, it skips: a burst would only overflow the
// far end's jitter buffer.
const skipAfter = 3

// sender makes the RTP stream to the caller: one frame per ptime for as long as
// the call lasts, silence when there is nothing to say.
//
// Silence stands on a grid of ptime. Speech that meets silence does not wait for the
// grid: it starts at once, on time borrowed from the grid, and the first silence
// after it waits until the debt is paid. So the RTP timestamp, which counts
// samples sent and nothing else, is never more than a frame ahead of the clock
// and never drifts, however many spurts there are.
//
//	grid      |    |    |    |    |    |    |    |    |
//	silence   s    s                             s    s
//	speech            a    a    a    a
//	                ◄─┘ borrowed       └── paid ─►
type sender struct {
	ptime time.Duration // of one frame
	write func([]byte, netip.AddrPort) error
	stats *Stats
	taps  *taps

	grid   time.Duration // when the next frame is due if nothing is borrowed
	due    time.Duration // when it is due in fact: at most a ptime earlier
	idle   bool          // speech may start at once: silence was sent, or is awaited
	silent bool          // the last frame was silence, or there was none: mark the next speech

	last  *item // item of the last audio frame
	pt    uint8
	ssrc  uint32
	seq   uint16
	made  uint32 // sequence numbers used so far
	ts    uint32
	frame int                                      // payload bytes
	buf   [rtpHeaderBytes + maxFrame + maxTag]byte // encrypted in place
}

// start begins the stream at time now.
func (o *sender) start(now time.Duration) {
	o.grid, o.due = now, now
	o.idle, o.silent = true, true
	o.ssrc, o.ts = rand.Uint32(), rand.Uint32()
	o.seq = firstSeq() // in the lower half: SRTP cannot tell an early wrap (RFC 3711 §3.3.1)
}

// isDue reports that the next frame may leave: its slot of the wheel has come.
func (o *sender) isDue(now time.Duration) bool { return slotOf(o.due) <= slotOf(now) }

// skip passes over the frames of a stall that is too long to catch up.
func (o *sender) skip(now time.Duration) {
	if now-o.due <= skipAfter*o.ptime {
		return
	}
	n := (now - o.due) / o.ptime
	o.grid += n * o.ptime
	o.due += n * o.ptime
	o.ts += uint32(n) * uint32(o.frame)
	o.silent = true
	o.stats.SkippedFrames += uint64(n)
}

// borrow moves the next frame to now, when it may start early.
func (o *sender) borrow(now time.Duration) { o.due = min(o.due, max(now, o.grid-o.ptime)) }

// payload is where the next frame's audio is to be put.
func (o *sender) payload() []byte { return o.buf[rtpHeaderBytes : rtpHeaderBytes+o.frame] }

// audio sends the payload as speech of it.
func (o *sender) audio(to netip.AddrPort, it *item) bool {
	if o.silent {
		o.stats.Spurts++
	}
	ok := o.send(to, o.silent)
	o.stats.AudioFrames++
	o.advance()
	o.due += o.ptime
	o.idle, o.silent, o.last = false, false, it
	return ok
}

// silence sends a frame of it if the grid says so; if time is borrowed, the stream
// waits for the grid first.
func (o *sender) silence(to netip.AddrPort, law transcode.Law) {
	o.idle = true
	if o.due < o.grid {
		o.due = o.grid
		return
	}
	copy(o.payload(), silenceOf(law))
	o.taps.silence(o.ts, o.frame)
	o.send(to, false)
	o.advance()
	o.due, o.silent = o.grid, true
}

// pass lets a frame's time go by without sending.
func (o *sender) pass() {
	o.advance()
	o.due, o.idle, o.silent = o.grid, true, true
}

// advance counts one frame of samples on, sent or not.
func (o *sender) advance() {
	o.ts += uint32(o.frame)
	o.grid += o.ptime
}

// timeAt is the RTP timestamp of a moment. It stands on the grid, so all of a stream's
// reports lie on one line, whatever is borrowed.
func (o *sender) timeAt(now time.Duration) uint32 {
	return o.ts + uint32(int64((now-o.grid)/tickOfSample))
}

// send writes the frame in payload. RFC 3551 §4.1: the marker is set on the first
// packet after silence.
func (o *sender) send(to netip.AddrPort, marker bool) bool {
	return o.packet(to, packet{pt: o.pt, ts: o.ts, marker: marker}, o.frame)
}

// packet writes one packet, of which p says payload type, timestamp and marker; n
// bytes of payload are in their place.
func (o *sender) packet(to netip.AddrPort, p packet, n int) bool {
	p.ssrc, p.seq = o.ssrc, o.seq
	putRTP(o.buf[:], p)
	o.seq++
	o.made++
	if err := o.write(o.buf[:rtpHeaderBytes+n], to); err != nil {
		o.stats.SendErrors++
		return false
	}
	o.stats.PacketsOut++
	o.stats.BytesOut += uint64(n)
	return true
}

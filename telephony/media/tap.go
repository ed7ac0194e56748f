package media

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/trunkline/trunkline/transcode"
)

// ErrTaps says that a session has as many taps as it may have.
var ErrTaps = errors.New("too many taps on a call")

const (
	maxTaps = 4
	// defaultTapFrames is a second of both directions.
	defaultTapFrames = 100
	// tapSlack is how far the caller's audio may stay behind the clock, and tapPatience for
	// how long more than that, before a gap is told: a far end whose clock is slow. What a
	// stall of the network or of ours delays comes in one piece, and soon.
	tapSlack    = 200 * transcode.BytesPerMS
	tapPatience = time.Second
)

// Direction says who is to be heard in a frame.
type Direction uint8

// The two directions.
const (
	FromCaller Direction = iota // as we hear it: in order, gaps concealed or filled
	FromAgent                   // as it is sent, silence included
)

// TapFrame is one piece of a call's audio, up to 20 ms.
type TapFrame struct {
	Direction Direction

	// Position is where the frame begins: samples since Start, for both directions. In
	// each it grows by the length of the frame before, and by more where there is nothing
	// to hear: nothing is sent on hold and during key presses, frames were dropped, or the
	// far end is slower than our clock. Written to where they belong, the frames of both make
	// a stereo recording.
	Position int64

	// Clock is the moment of the frame in the same count: when a packet of the caller came,
	// or one of ours left. A network that stood still delivers speech behind the silence
	// that stood for it: then Position runs ahead of Clock, by as much as the call does.
	Clock int64

	// Muted says that the tap was mute when this was to be heard (Mute): it tells of time
	// that went by, and is for nobody's ears.
	Muted bool

	n    int
	data [transcode.FrameBytes]byte
}

// Audio is the frame's law bytes, in the law of the first Start. They are overwritten when the
// frame is read into again.
func (f *TapFrame) Audio() []byte { return f.data[:f.n] }

// Tap is a view of both directions of a session for a recorder or a listener. It never
// holds the call up: who reads too slowly loses the oldest frames, and they are counted.
// One goroutine may read it.
type Tap struct {
	taps  *taps
	ready chan struct{} // cap 1, never closed

	mu      sync.Mutex // guards all below; taken under the session's lock
	ring    []TapFrame
	head, n int
	dropped uint64
	muted   bool
	closed  bool
}

// Tap begins to listen in. frames is how many wait for a slow reader, 0 means a second of
// both directions (100). Up to 4 taps may be open at a time. Errors are ErrTaps and ErrClosed.
func (s *Session) Tap(frames int) (*Tap, error) {
	if frames <= 0 {
		frames = defaultTapFrames
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	return s.taps.add(frames)
}

// Next waits for a frame and copies it into f. It returns io.EOF when the tap or the
// session was closed and everything has been read, or the error of ctx.
func (t *Tap) Next(ctx context.Context, f *TapFrame) error {
	for {
		ok, closed := t.take(f)
		switch {
		case ok:
			return nil
		case closed:
			return io.EOF
		}
		select {
		case <-t.ready:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Mute marks the frames that come from now on as muted, or no more. What waits to be read stays
// as it was marked when it came.
func (t *Tap) Mute(on bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.muted = on
}

// Dropped is how many frames were lost because they were not read in time.
func (t *Tap) Dropped() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.dropped
}

// Close ends the tap. What waits may still be read.
func (t *Tap) Close() {
	t.taps.remove(t)
	t.end()
}

func (t *Tap) take(f *TapFrame) (ok, closed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n == 0 {
		return false, t.closed
	}
	*f = t.ring[t.head]
	t.head = (t.head + 1) % len(t.ring)
	t.n--
	return true, t.closed
}

func (t *Tap) push(d Direction, position, clock int64, b []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	if t.n == len(t.ring) {
		t.head = (t.head + 1) % len(t.ring)
		t.n--
		t.dropped++
	}
	f := &t.ring[(t.head+t.n)%len(t.ring)]
	f.Direction, f.Position, f.Clock, f.Muted = d, position, clock, t.muted
	f.n = copy(f.data[:], b)
	t.n++
	t.wake()
}

func (t *Tap) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	t.wake()
}

func (t *Tap) wake() {
	select {
	case t.ready <- struct{}{}:
	default:
	}
}

// taps are those of one session, and the count of samples that they share. Its lock is the
// session's.
type taps struct {
	session *sync.Mutex // static
	open    [maxTaps]*Tap
	n       int

	law      transcode.Law
	began    time.Duration // the first Start
	now      time.Duration // of what is being delivered
	caller   int64         // Position of the caller's next frame; -1 before the first
	inStepAt time.Duration // when the caller was last within tapSlack
	origin   uint32        // RTP timestamp at began
}

func (t *taps) start(law transcode.Law, now time.Duration, ts uint32) {
	t.law, t.began, t.now, t.caller, t.inStepAt, t.origin = law, now, now, -1, now, ts
}

// add opens one. The caller holds the lock.
func (t *taps) add(frames int) (*Tap, error) {
	for i, open := range t.open {
		if open == nil {
			tap := &Tap{taps: t, ready: make(chan struct{}, 1), ring: make([]TapFrame, frames)}
			t.open[i] = tap
			t.n++
			return tap, nil
		}
	}
	return nil, ErrTaps
}

func (t *taps) remove(tap *Tap) {
	t.session.Lock()
	defer t.session.Unlock()
	for i, open := range t.open {
		if open == tap {
			t.open[i] = nil
			t.n--
		}
	}
}

// closeAll ends all of them. The caller holds the lock.
func (t *taps) closeAll() {
	for i, tap := range t.open {
		if tap != nil {
			tap.end()
			t.open[i] = nil
		}
	}
	t.n = 0
}

// heard takes a frame of the caller's gapless timeline. It counts on when nobody listens,
// so that a tap that comes later is in step.
func (t *taps) heard(frame []byte) {
	clock := samplesOf(t.now - t.began)
	begin := clock - int64(len(frame))
	if begin-t.caller <= tapSlack {
		t.inStepAt = t.now
	}
	if t.caller < 0 || t.now-t.inStepAt >= tapPatience {
		t.caller, t.inStepAt = max(0, begin), t.now
	}
	if t.n > 0 {
		t.push(FromCaller, t.caller, clock, frame)
	}
	t.caller += int64(len(frame))
}

// filling says that silence comes which stands for all the time since from.
func (t *taps) filling(from time.Duration) {
	if t.caller < 0 {
		t.caller = max(0, samplesOf(from-t.began))
	}
}

// silence takes n bytes of it that are being sent.
func (t *taps) silence(ts uint32, n int) { t.said(ts, silenceOf(t.law)[:n]) }

// said takes a frame that is being sent under an RTP timestamp.
func (t *taps) said(ts uint32, frame []byte) {
	if t.n == 0 {
		return
	}
	position, clock := int64(ts-t.origin), samplesOf(t.now-t.began)
	// The timestamp has 32 bits, 6 days; the clock tells which 6 days.
	position += (clock - position + 1<<31) >> 32 << 32
	for len(frame) > 0 {
		n := min(len(frame), transcode.FrameBytes)
		t.push(FromAgent, position, clock, frame[:n])
		position += int64(n)
		frame = frame[n:]
	}
}

func (t *taps) push(d Direction, position, clock int64, b []byte) {
	for _, tap := range t.open {
		if tap != nil {
			tap.push(d, position, clock, b)
		}
	}
}

func samplesOf(d time.Duration) int64 { return int64(d / tickOfSample) }

package media

import (
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/trunkline/trunkline/transcode"
)

// Session is the RTP of one call leg, from the offer to the end of the call:
//
//	Open ──► (packets are read and dropped) ──► Start ──► both ways ──► Close
//	                                              └─ again: hold, resume, another address or law
//
// All methods are safe for concurrent use. The functions given to it (the sink)
// run under its lock and must not call it back.
type Session struct {
	cfg     Config         // static
	log     *slog.Logger   // static
	link    link           // static
	pacer   *Pacer         // static
	changed chan struct{}  // cap 1, never closed
	digits  chan Digit     // never closed
	lost    chan struct{}  // closed by loseLocked, once
	reader  sync.WaitGroup // read, and readControl from the first Start without mux on

	readBuf [readBytes]byte // owned by read

	mu      sync.Mutex // guards all below
	closed  bool
	started bool
	heard   bool // dest has sent something
	muted   bool // it has not, and we stopped sending
	held    bool // playout is paused
	isLost  bool
	law     transcode.Law // of Play and the sink: that of the first Start
	params  Params
	old     oldCodec
	place   paced // in pacer
	latch   latch
	dest    netip.AddrPort // where to send: the proven source, else the SDP's address

	armedAt    time.Duration // since when the source has had to prove itself
	lastPacket time.Duration // accepted from the source, or when the waiting for one began
	lastTick   time.Duration
	jitter     jitter
	received   reception
	control    control
	taps       taps
	events     eventDetector
	order      reorder
	line       timeline
	playout    playout
	relay      *relay // what a joined session says; nil when there is none
	keys       digitSender
	out        sender
	shield     shield
	stats      Stats
}

// digitQueue is how many unfetched digits are kept; the 33rd is dropped.
const digitQueue = 32

// Open binds a pair of ports and starts to read. Until Start, packets are dropped
// and counted: a far end may send as soon as it has seen our offer or answer, but
// stale audio must not greet the model. Errors are ErrNoPorts or the system's.
func Open(cfg Config) (*Session, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	l := cfg.link
	if l == nil {
		if l, err = openSockets(cfg.Ports); err != nil {
			return nil, err
		}
	}
	s := &Session{
		cfg: cfg, log: cfg.Log, link: l, pacer: cfg.Pacer,
		changed: make(chan struct{}, 1),
		digits:  make(chan Digit, digitQueue),
		lost:    make(chan struct{}),
	}
	s.place.tick = s.tick
	s.stats.SourceProof = rankNone.String()
	s.join()
	s.order.window = cfg.ReorderWindow
	s.playout.queue.limit = bytesOf(cfg.MaxQueued)
	s.out.write = s.writeLocked
	s.reader.Go(s.read)
	return s, nil
}

// join makes the parts of a session know each other.
func (s *Session) join() {
	s.line.stats, s.order.stats, s.out.stats = &s.stats, &s.stats, &s.stats
	s.line.taps, s.out.taps, s.taps.session = &s.taps, &s.taps, &s.mu
	s.order.line = &s.line
}

// Port is the local RTP port, to be named in SDP; RTCP is one above.
func (s *Session) Port() int { return s.link.port() }

// Attach gives the caller's audio to sink: frames of exactly 160 law bytes (20 ms),
// without gaps, in order, in the law of the first Start. It is called by the reader and the pacer, never by two at
// a time, under the session's lock: it must be quick, must not block, must not
// call the session, must neither change the frame nor keep it. nil detaches;
// after Attach returns the former sink is not called any more.
func (s *Session) Attach(sink func(frame []byte)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.line.sink = sink
}

// Play queues law bytes (of the first Start's law) of any length behind what is queued already and returns
// how many were accepted; the rest was over MaxQueued and is dropped and counted.
// id names what the audio belongs to (one content part of one item): a frame never
// mixes two. An idle stream starts at once, in this call.
func (s *Session) Play(id uint64, audio []byte) (accepted int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0
	}
	accepted = s.playout.play(id, audio)
	s.stats.DroppedBytes += uint64(len(audio) - accepted)
	s.wakeLocked(s.pacer.now())
	return accepted
}

// End says that no more audio comes for id: its last partial frame is padded with
// silence and sent. Unknown ids are ignored.
func (s *Session) End(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.playout.end(id)
	s.wakeLocked(s.pacer.now())
}

// Hold pauses (true) or continues (false) the playout. While paused silence goes
// out and nothing is lost; after Hold(true) returned no further frame of audio leaves.
func (s *Session) Hold(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = on
	s.wakeLocked(s.pacer.now())
}

// Flush takes back everything unsent. It is atomic: once it has returned, no audio
// queued before it leaves.
func (s *Session) Flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.playout.flush(); n > 0 {
		s.stats.FlushedBytes += uint64(n)
		s.notifyLocked()
	}
}

// Status tells what became of id's audio; zero for an id that is unknown, or one
// of which 64 newer ones have made it forgotten.
func (s *Session) Status(id uint64) PlayStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	if it := s.playout.find(id); it != nil {
		return it.PlayStatus
	}
	return PlayStatus{}
}

// Queued returns the bytes unsent, of all ids.
func (s *Session) Queued() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.playout.queue.n
}

// Changed is readable when Status or Queued are worth a look: the first frame of
// an id was sent, the queue ran empty, the last digit was sent. Several events may share one token. It
// is never closed.
func (s *Session) Changed() <-chan struct{} { return s.changed }

// Digits yields the keys that the caller pressed. When 32 wait, further ones are
// dropped and counted. It is never closed.
func (s *Session) Digits() <-chan Digit { return s.digits }

// Lost is closed when the far end has sent nothing for the media timeout, and when a
// panic has ended a reader or the pace of this session: Stats.Panics.
func (s *Session) Lost() <-chan struct{} { return s.lost }

// Stats returns the figures so far; after Close the final ones.
func (s *Session) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stats
	st.Jitter = s.jitter.value()
	return st
}

// Close says goodbye (RTCP BYE) and ends the session: no packet leaves and no sink is
// called after it, the readers have ended and the ports are given back. It may be called
// again.
func (s *Session) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		s.reader.Wait()
		return nil
	}
	s.byeLocked(s.pacer.now())
	s.closed = true
	s.taps.closeAll()
	s.playout.flush()
	if s.started {
		s.pacer.remove(&s.place)
	}
	s.mu.Unlock()
	s.link.interrupt()
	s.reader.Wait()
	return s.link.close()
}

func (s *Session) notifyLocked() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

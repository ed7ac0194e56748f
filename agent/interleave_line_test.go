package agent

import (
	"bytes"
	"context"
	"sync"
	"time"

	"github.com/trunkline/trunkline/tools"
	"github.com/trunkline/trunkline/transcode"
)

// lazyPlayer is a player without a pacer: it works out what has been written by now whenever somebody asks, so that a
// minute of silence costs nothing. Frames leave every 20 ms of the time since it was made.
type lazyPlayer struct {
	changed chan struct{}

	mu     sync.Mutex
	began  time.Time
	frames int64 // that have left
	queue  []*piece
	status map[uint64]PlayStatus
	held   bool
	alarm  *time.Timer
}

// piece is the audio of one id that is queued in one stretch.
type piece struct {
	id   uint64
	left int
}

const frameTime = 20 * time.Millisecond

func newLazyPlayer() *lazyPlayer {
	p := &lazyPlayer{changed: make(chan struct{}, 1), began: time.Now(), status: map[uint64]PlayStatus{}}
	p.alarm = time.AfterFunc(time.Hour, p.wake)
	p.alarm.Stop()
	return p
}

func (p *lazyPlayer) Play(id uint64, audio []byte) int {
	defer p.update()()
	if n := len(p.queue); n > 0 && p.queue[n-1].id == id {
		p.queue[n-1].left += len(audio)
	} else if len(audio) > 0 {
		p.queue = append(p.queue, &piece{id, len(audio)})
	}
	return len(audio)
}

func (p *lazyPlayer) End(uint64)               {}
func (p *lazyPlayer) Hold(on bool)             { defer p.update()(); p.held = on }
func (p *lazyPlayer) Flush()                   { defer p.update()(); p.queue = nil }
func (p *lazyPlayer) Changed() <-chan struct{} { return p.changed }

func (p *lazyPlayer) Status(id uint64) PlayStatus { defer p.update()(); return p.status[id] }

func (p *lazyPlayer) Queued() (n int) {
	defer p.update()()
	for _, q := range p.queue {
		n += q.left
	}
	return n
}

func (p *lazyPlayer) wake() { p.update()() }

// update writes the frames that are due, and returns what ends the access.
func (p *lazyPlayer) update() func() {
	p.mu.Lock()
	due := int64(time.Since(p.began) / frameTime)
	for p.frames < due && len(p.queue) > 0 && !p.held {
		p.frames++
		p.frame(p.began.Add(time.Duration(p.frames) * frameTime))
	}
	p.frames = due
	return func() {
		p.arm()
		p.mu.Unlock()
	}
}

func (p *lazyPlayer) frame(at time.Time) {
	for room := transcode.FrameBytes; room > 0 && len(p.queue) > 0; {
		q := p.queue[0]
		n := min(room, q.left)
		s := p.status[q.id]
		if s.First.IsZero() {
			s.First = at
			p.signal()
		}
		s.Sent += n
		p.status[q.id] = s
		room -= n
		if q.left -= n; q.left == 0 {
			p.queue = p.queue[1:]
		}
	}
	if len(p.queue) == 0 {
		p.signal()
	}
}

// arm wakes the player when it has something to tell: at the first frame of the first piece, and when that is written.
func (p *lazyPlayer) arm() {
	if len(p.queue) == 0 || p.held {
		p.alarm.Stop()
		return
	}
	q := p.queue[0]
	n := int64(1)
	if _, started := p.status[q.id]; started {
		n = int64(q.left+transcode.FrameBytes-1) / transcode.FrameBytes
	}
	p.alarm.Reset(time.Until(p.began.Add(time.Duration(p.frames+n) * frameTime)))
}

func (p *lazyPlayer) signal() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

// lazyLine is a phone whose caller makes no sound of its own: the simulator is told when he speaks.
type lazyLine struct {
	digits chan rune
	held   chan bool
	player *lazyPlayer

	mu   sync.Mutex
	sink func([]byte)
}

func newLazyLine() *lazyLine {
	return &lazyLine{digits: make(chan rune, 16), held: make(chan bool, 1), player: newLazyPlayer()}
}

func (l *lazyLine) Record(bool)                            {}
func (l *lazyLine) Law() transcode.Law                     { return transcode.PCMU }
func (l *lazyLine) Player() Player                         { return l.player }
func (l *lazyLine) Digits() <-chan rune                    { return l.digits }
func (l *lazyLine) Held() <-chan bool                      { return l.held }
func (l *lazyLine) Transfer(context.Context, string) error { return nil }

func (l *lazyLine) SendDigits(context.Context, string) error { return nil }

func (l *lazyLine) Consult(context.Context, tools.Consultation) error { return nil }

func (l *lazyLine) Attach(sink func([]byte)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sink = sink
}

// speak sends one frame of silence, to see who gets it.
func (l *lazyLine) speak() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sink != nil {
		l.sink(bytes.Repeat([]byte{0xFF}, transcode.FrameBytes))
	}
}

// hold leaves the latest state in the channel, as a Line promises.
func (l *lazyLine) hold(on bool) {
	select {
	case <-l.held:
	default:
	}
	l.held <- on
}

package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/tools"
	"github.com/trunkline/trunkline/transcode"
)

// memoryModel is a Realtime server in memory: the test says what it sends and reads what it got.
type memoryModel struct {
	toClient chan realtime.ServerEvent
	lost     chan error

	mu    sync.Mutex
	sent  []realtime.ClientEvent
	audio []byte
}

func newMemoryModel() *memoryModel {
	return &memoryModel{toClient: make(chan realtime.ServerEvent), lost: make(chan error, 1)}
}

func (m *memoryModel) Send(_ context.Context, ev realtime.ClientEvent) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if a, ok := ev.(*realtime.AudioAppend); ok {
		m.audio = append(m.audio, a.Audio...)
		return nil
	}
	m.sent = append(m.sent, ev)
	return nil
}

func (m *memoryModel) Recv(ctx context.Context) (realtime.ServerEvent, error) {
	select {
	case ev := <-m.toClient:
		return ev, nil
	case err := <-m.lost:
		return nil, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (m *memoryModel) Close(string) error { return nil }

// log renders the client events so far, one word each, and forgets them.
func (m *memoryModel) log() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var words []string
	for _, ev := range m.sent {
		words = append(words, word(ev))
	}
	m.sent = nil
	return words
}

func word(ev realtime.ClientEvent) string {
	switch ev := ev.(type) {
	case *realtime.ResponseCreate:
		return "create"
	case *realtime.ResponseCancel:
		return "cancel " + ev.ResponseID
	case *realtime.ItemTruncate:
		return fmt.Sprintf("truncate %s %d", ev.ItemID, ev.AudioEndMS)
	case *realtime.ItemDelete:
		return "delete " + ev.ItemID
	case *realtime.ItemCreate:
		switch ev.Item.Type {
		case realtime.ItemFunctionCall:
			return "call " + ev.Item.CallID + " " + ev.Item.Name
		case realtime.ItemMessage:
			return ev.Item.Role + ": " + ev.Item.Content[0].Text
		}
		return "output " + ev.Item.CallID + " " + ev.Item.Output
	case *realtime.SessionUpdate:
		return "session " + ev.Session.Instructions.Or("")
	}
	return fmt.Sprintf("%T", ev)
}

// memoryLine is a phone in memory. Its player writes one 20 ms frame every 20 ms of the test's time.
type memoryLine struct {
	law      transcode.Law
	digits   chan rune
	held     chan bool
	transfer func(context.Context, string) error             // nil: refused
	consult  func(context.Context, tools.Consultation) error // nil: refused
	player   *memoryPlayer

	mu      sync.Mutex
	sink    func([]byte)
	pressed string // by the agent
	record  []bool // what it was told of the recording
}

func newMemoryLine(law transcode.Law) *memoryLine {
	return &memoryLine{law: law, digits: make(chan rune, 100), held: make(chan bool, 1), player: newMemoryPlayer()}
}

func (l *memoryLine) Law() transcode.Law  { return l.law }
func (l *memoryLine) Player() Player      { return l.player }
func (l *memoryLine) Digits() <-chan rune { return l.digits }
func (l *memoryLine) Held() <-chan bool   { return l.held }

func (l *memoryLine) Transfer(ctx context.Context, target string) error {
	if l.transfer == nil {
		return errors.New("transfers are not allowed")
	}
	return l.transfer(ctx, target)
}

func (l *memoryLine) SendDigits(_ context.Context, keys string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pressed += keys
	return nil
}

func (l *memoryLine) Consult(ctx context.Context, q tools.Consultation) error {
	if l.consult == nil {
		return errors.New("nobody may be called")
	}
	return l.consult(ctx, q)
}

func (l *memoryLine) Record(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.record = append(l.record, on)
}

// recorded is what the line was told of the recording so far.
func (l *memoryLine) recorded() []bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.record)
}

func (l *memoryLine) Attach(sink func([]byte)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sink = sink
}

// speak is the caller's audio, in frames.
func (l *memoryLine) speak(audio []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for frame := range slices.Chunk(audio, transcode.FrameBytes) {
		if l.sink != nil {
			l.sink(frame)
		}
	}
}

type memoryPlayer struct {
	changed chan struct{}

	mu     sync.Mutex
	queue  []queued
	status map[uint64]PlayStatus
	ended  map[uint64]bool
	held   bool
	wire   []byte
}

type queued struct {
	id    uint64
	audio []byte
}

func newMemoryPlayer() *memoryPlayer {
	return &memoryPlayer{changed: make(chan struct{}, 1), status: map[uint64]PlayStatus{}, ended: map[uint64]bool{}}
}

func (p *memoryPlayer) Play(id uint64, audio []byte) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queue = append(p.queue, queued{id, slices.Clone(audio)})
	return len(audio)
}

func (p *memoryPlayer) End(id uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended[id] = true
}

func (p *memoryPlayer) Hold(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held = on
}

func (p *memoryPlayer) Flush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queue = nil
}

func (p *memoryPlayer) Status(id uint64) PlayStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status[id]
}

func (p *memoryPlayer) Queued() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, q := range p.queue {
		n += len(q.audio)
	}
	return n
}

func (p *memoryPlayer) Changed() <-chan struct{} { return p.changed }

// run is the pacer; it ends with ctx.
func (p *memoryPlayer) run(ctx context.Context) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			p.frame()
		}
	}
}

func (p *memoryPlayer) frame() {
	p.mu.Lock()
	defer p.mu.Unlock()
	room := transcode.FrameBytes
	for room > 0 && len(p.queue) > 0 && !p.held {
		q := &p.queue[0]
		n := min(room, len(q.audio))
		status := p.status[q.id]
		if status.First.IsZero() {
			status.First = time.Now()
			p.signal()
		}
		status.Sent += n
		p.status[q.id] = status
		p.wire = append(p.wire, q.audio[:n]...)
		q.audio, room = q.audio[n:], room-n
		if len(q.audio) == 0 {
			p.queue = p.queue[1:]
		}
		if len(p.queue) == 0 {
			p.signal()
		}
	}
}

func (p *memoryPlayer) signal() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

// memoryJournal keeps the transcript.
type memoryJournal struct {
	mu      sync.Mutex
	entries []store.Entry
}

func (j *memoryJournal) Append(_ string, entries ...store.Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, entries...)
}

// text renders the transcript, one line an entry.
func (j *memoryJournal) text() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var b strings.Builder
	for _, e := range j.entries {
		fmt.Fprintf(&b, "%s %s", e.Kind, e.Role)
		for _, part := range []string{e.Tool, e.Text, e.Status} {
			if part != "" {
				b.WriteString(" | " + part)
			}
		}
		if e.Heard != "" && e.Heard != e.Text {
			b.WriteString(" | heard: " + e.Heard)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// effects are the lines of the ledger.
func (j *memoryJournal) effects() (all []store.Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, e := range j.entries {
		if e.Kind == store.KindEffect {
			all = append(all, e)
		}
	}
	return all
}

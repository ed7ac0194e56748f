package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
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
	transfer func(context.Context, string) error // nil: refused
	player   *memoryPlayer

	mu   sync.Mutex
	sink func([]byte)
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

// stage is one conversation in a bubble of fake time.
type stage struct {
	t       *testing.T
	mu      sync.Mutex   // orders what a scene looked at before it waited, and what a dial changes meanwhile
	model   *memoryModel // of the newest connection
	models  []*memoryModel
	wants   []realtime.Session // what each was opened with
	line    *memoryLine
	journal *memoryJournal
	conv    *Conversation
	hangup  context.CancelCauseFunc
	end     chan End
	ended   End
	figures Figures
	counts  counts
}

// counts is the Observer of a stage.
type counts struct {
	nobody
	mu       sync.Mutex
	happened []Occurrence
	open     int // connections
	timings  []Timing
}

func (c *counts) Happened(_ string, what Occurrence) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.happened = append(c.happened, what)
}

func (c *counts) Session(_ string, change int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open += change
}

func (c *counts) Turn(_ string, took Timing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timings = append(c.timings, took)
}

// of is how often something happened.
func (c *counts) of(what Occurrence) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range c.happened {
		if h == what {
			n++
		}
	}
	return n
}

type stageOptions struct {
	profile Profile
	law     transcode.Law
	format  realtime.AudioFormat // what the server confirms; FormatUnknown: what was asked
	tools   *tools.Registry
	box     Toolbox           // instead of tools
	dial    func(n int) error // outcome of the n-th connection, from 0; nil: all work
	life    time.Duration     // of each session, told as expires_at; 0: not told
	other   map[string]Desk   // colleagues
}

var errCallerHungUp = errors.New("caller hung up")

// play runs scene on a conversation inside a bubble and finishes it.
func play(t *testing.T, o stageOptions, scene func(*stage)) *stage {
	t.Helper()
	var s *stage
	synctest.Test(t, func(t *testing.T) {
		s = &stage{t: t, line: newMemoryLine(o.law), journal: &memoryJournal{}, end: make(chan End, 1)}
		s.start(o)
		ctx, cancel := context.WithCancelCause(t.Context())
		s.hangup = cancel
		pacer, stop := context.WithCancel(t.Context())
		go s.line.player.run(pacer)
		go func() { s.end <- s.conv.Run(ctx, s.line) }()
		synctest.Wait()
		scene(s)
		cancel(errCallerHungUp)
		synctest.Wait()
		stop()
		if len(s.end) == 1 {
			s.ended = <-s.end
		}
		s.figures = s.conv.Finish(FinalPatience)
		if s.counts.open != 0 {
			t.Errorf("%d connections are open after the call", s.counts.open)
		}
	})
	return s
}

func (s *stage) start(o stageOptions) {
	conv, err := Open(s.t.Context(), s.setup(o))
	if err != nil {
		s.t.Fatal(err)
	}
	s.conv = conv
}

func (s *stage) setup(o stageOptions) Setup {
	if o.tools == nil {
		o.tools = tools.NewRegistry()
	}
	if o.box == nil {
		o.box = o.tools
	}
	if o.profile.Name == "" {
		o.profile.Name = "frontdesk"
	}
	dial := func(_ context.Context, want realtime.Session) (Model, realtime.Session, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.wants = append(s.wants, want)
		if o.dial != nil {
			if err := o.dial(len(s.wants) - 1); err != nil {
				return nil, realtime.Session{}, err
			}
		}
		if o.format != realtime.FormatUnknown {
			want.InputFormat, want.OutputFormat = o.format, o.format
		}
		if o.life > 0 {
			want.ExpiresAt = time.Now().Add(o.life)
		}
		s.model = newMemoryModel()
		s.models = append(s.models, s.model)
		return s.model, want, nil
	}
	colleague := func(name string) (Desk, bool) {
		d, ok := o.other[name]
		if d.Dial == nil {
			d.Dial = dial
		}
		if d.Tools == nil {
			d.Tools = o.box
		}
		return d, ok
	}
	return Setup{Info: CallInfo{ID: "call-1"}, Law: o.law, Desk: Desk{Profile: o.profile, Dial: dial, Tools: o.box},
		Colleague: colleague, Journal: s.journal, Observer: &s.counts}
}

// server sends events and lets the conversation come to rest after each.
func (s *stage) server(events ...realtime.ServerEvent) {
	s.looked()
	for _, ev := range events {
		s.model.toClient <- ev
		synctest.Wait()
	}
}

// looked puts what the scene has read before what other goroutines write from now on.
func (s *stage) looked() {
	for _, mu := range []*sync.Mutex{&s.mu, &s.line.player.mu, &s.counts.mu, &s.journal.mu} {
		mu.Lock()
		mu.Unlock()
	}
}

// wait lets time pass.
func (s *stage) wait(d time.Duration) {
	s.looked()
	<-time.After(d)
	synctest.Wait()
}

// sent checks what the client has sent since the last look.
func (s *stage) sent(want ...string) {
	s.t.Helper()
	if got := s.model.log(); !slices.Equal(got, want) {
		s.t.Errorf("client sent %q, want %q", got, want)
	}
}

// The server's usual events, in short.

func created(id string) realtime.ServerEvent {
	return &realtime.ResponseCreated{Response: realtime.Response{ID: id, Status: "in_progress"}}
}

func done(id, status string, output ...realtime.Item) realtime.ServerEvent {
	return &realtime.ResponseDone{Response: realtime.Response{ID: id, Status: status, Output: output}}
}

func message(id string) realtime.Item {
	return realtime.Item{ID: id, Type: realtime.ItemMessage, Role: "assistant", Status: "completed"}
}

func functionCall(id, callID, name, args string) realtime.Item {
	return realtime.Item{ID: id, Type: realtime.ItemFunctionCall, CallID: callID, Name: name, Arguments: args, Status: "completed"}
}

func item(resp, id string) realtime.ServerEvent {
	return &realtime.OutputItemAdded{ResponseID: resp, Item: message(id)}
}

func audio(resp, id string, ms int) realtime.ServerEvent {
	return &realtime.AudioDelta{Loc: realtime.Loc{ResponseID: resp, ItemID: id}, Audio: pattern(ms * transcode.BytesPerMS)}
}

func words(resp, id, text string) realtime.ServerEvent {
	return &realtime.TranscriptDone{Loc: realtime.Loc{ResponseID: resp, ItemID: id}, Transcript: text}
}

// answer is a whole spoken response.
func answer(resp, id, text string, ms int) []realtime.ServerEvent {
	return []realtime.ServerEvent{created(resp), item(resp, id), audio(resp, id, ms), words(resp, id, text),
		&realtime.AudioDone{Loc: realtime.Loc{ResponseID: resp, ItemID: id}}, done(resp, "completed", message(id))}
}

// turn is the caller's turn as turn detection reports it, without its words.
func turn(id string) []realtime.ServerEvent {
	return []realtime.ServerEvent{&realtime.SpeechStarted{ItemID: id}, &realtime.SpeechStopped{ItemID: id},
		&realtime.AudioCommitted{ItemID: id},
		&realtime.ItemAdded{Item: realtime.Item{ID: id, Type: realtime.ItemMessage, Role: "user"}}}
}

func transcript(id, text string) realtime.ServerEvent {
	return &realtime.TranscriptionCompleted{ItemID: id, Transcript: text}
}

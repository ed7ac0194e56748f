package agent

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/tools"
	"github.com/trunkline/trunkline/transcode"
)

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
	over    chan struct{} // closed when Run has returned
	ended   End
	ending  End // what Run returned; to be read when over is closed
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
		s = &stage{t: t, line: newMemoryLine(o.law), journal: &memoryJournal{}, end: make(chan End, 1), over: make(chan struct{})}
		s.start(o)
		ctx, cancel := context.WithCancelCause(t.Context())
		s.hangup = cancel
		pacer, stop := context.WithCancel(t.Context())
		go s.line.player.run(pacer)
		go s.run(ctx)
		synctest.Wait()
		defer s.finish(stop) // also when the scene was given up
		scene(s)
	})
	return s
}

func (s *stage) run(ctx context.Context) {
	s.ending = s.conv.Run(ctx, s.line)
	s.end <- s.ending
	close(s.over)
}

func (s *stage) finish(stopPacer context.CancelFunc) {
	s.hangup(errCallerHungUp)
	synctest.Wait()
	stopPacer()
	if len(s.end) == 1 {
		s.ended = <-s.end
	}
	s.figures = s.conv.Finish(FinalPatience)
	if s.counts.open != 0 {
		s.t.Errorf("%d connections are open after the call", s.counts.open)
	}
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

// server sends events and lets the conversation come to rest after each. It gives the scene up when nobody takes them.
func (s *stage) server(events ...realtime.ServerEvent) {
	s.t.Helper()
	s.looked()
	for _, ev := range events {
		select {
		case s.model.toClient <- ev: // what waits for it goes before the end, or chance would decide
		default:
			s.offer(ev)
		}
		synctest.Wait()
	}
}

func (s *stage) offer(ev realtime.ServerEvent) {
	s.t.Helper()
	select {
	case s.model.toClient <- ev:
	case <-s.over:
		s.t.Fatalf("nobody takes %T: the conversation was ended by %s: %s", ev, s.ending.By, s.ending.Cause)
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

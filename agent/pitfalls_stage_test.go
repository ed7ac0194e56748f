package agent

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/tools"
	"github.com/trunkline/trunkline/transcode"
)

// trap is what the test of a pitfall sets up. The zero value is an agent who waits for the caller, and a service in good
// health whose model says "Is there anything else I can help you with?" to everything.
type trap struct {
	dialect string // "": it is played in both
	law     transcode.Law
	profile Profile // one without instructions is trapped
	answers []simulator.Answer
	service simulator.Options // speed, latency and the like
	faults  simulator.Faults
	box     Toolbox
	other   map[string]Desk         // colleagues
	room    int                     // bytes that the playout queue takes; 0: all
	really  func(*realtime.Session) // what the server does of what it confirms; nil: that

	down func(realtime.ServerEvent) []realtime.ServerEvent // what arrives in the stead of an event; nil: itself

	refusals []string // codes or words of errors of which the server must send each; it may send no other
}

// trapped has the words of the caller told: most traps are about them.
var trapped = Profile{Name: "frontdesk", Instructions: "You are Nora of Northwind.",
	Transcription: &realtime.Transcription{Model: "whisper-1"}}

// withManners is trapped with something changed.
func withManners(change func(*Profile)) Profile {
	p := trapped
	change(&p)
	return p
}

// says is an answer of clips, in one message.
func says(clips ...string) simulator.Answer {
	return simulator.Answer{Do: []simulator.Action{{Say: clips}}}
}

// does is an answer of several items.
func does(do ...simulator.Action) simulator.Answer { return simulator.Answer{Do: do} }

func say(clip string) simulator.Action { return simulator.Action{Say: []string{clip}} }

// call is a function call; raw are the arguments as they are.
func call(name, raw string) simulator.Action {
	return simulator.Action{Call: name, Raw: raw, Always: true}
}

// scene is one call against the simulator, in a bubble of fake time.
type scene struct {
	t       *testing.T
	trap    trap
	dialect string
	srv     *simulator.Server
	line    *memoryLine
	journal *memoryJournal
	conv    *Conversation
	counts  watcher
	log     lockedText
	hangUp  context.CancelCauseFunc
	ended   chan End
	figures Figures
	end     *End               // nil: the call goes on
	hears   *simulator.Session // whom the caller's speech began in

	downDelay atomic.Int64 // of every message of the server from now on; upDelay of the client's
	upDelay   atomic.Int64

	// Guarded by mu.
	mu      sync.Mutex
	dials   []time.Time
	links   []*onTheWay
	wire    []wireText
	prompts []simulator.Prompt
}

// provoke plays a trap, in each dialect: run is the caller and the test.
func provoke(t *testing.T, tr trap, run func(*scene)) {
	t.Helper()
	stageEach(t, tr, func(s *scene) {
		if err := s.open(context.Background()); err != nil {
			s.t.Fatal(err)
		}
		ctx, cancel := context.WithCancelCause(context.Background())
		s.hangUp = cancel
		go func() { s.ended <- s.conv.Run(ctx, phone{s.line, tr.room}) }()
		synctest.Wait()
		run(s)
	})
}

// stageEach sets the stage for a call that is not opened yet.
func stageEach(t *testing.T, tr trap, run func(*scene)) {
	t.Helper()
	dialects := []string{simulator.DialectGA, simulator.DialectPreview}
	if tr.dialect != "" {
		dialects = []string{tr.dialect}
	}
	for _, dialect := range dialects {
		t.Run(dialect, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, tr, dialect)
				pacer, stop := context.WithCancel(context.Background())
				go s.line.player.run(pacer)
				defer func() { // after a Fatal, too
					s.over()
					stop()
					s.srv.Close()
					s.verdict()
				}()
				run(s)
			})
		})
	}
}

func newScene(t *testing.T, tr trap, dialect string) *scene {
	if tr.profile.Instructions == "" {
		tr.profile = trapped
	}
	s := &scene{t: t, trap: tr, dialect: dialect, line: newMemoryLine(tr.law), journal: &memoryJournal{}, ended: make(chan End, 1)}
	s.downDelay.Store(int64(5 * time.Millisecond))
	s.upDelay.Store(int64(5 * time.Millisecond))
	opts := tr.service
	opts.Dialect, opts.Answer = dialect, s.answer
	opts.Script = &simulator.Script{States: []simulator.State{{Name: "any"}}}
	if opts.Speed == 0 {
		opts.Speed = 20
	}
	srv, err := simulator.New(opts)
	if err == nil {
		err = srv.SetFaults(tr.faults)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.srv = srv
	return s
}

// answer is the next answer of the trap.
func (s *scene) answer(p simulator.Prompt) *simulator.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prompts = append(s.prompts, p)
	if n := len(s.prompts); n <= len(s.trap.answers) {
		return &s.trap.answers[n-1]
	}
	usual := says("a08")
	return &usual
}

func (s *scene) open(ctx context.Context) (err error) {
	if s.trap.box == nil {
		s.trap.box = tools.NewRegistry()
	}
	desk := Desk{Profile: s.trap.profile, Dial: s.dial, Tools: s.trap.box}
	log := slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s.conv, err = Open(ctx, Setup{Info: CallInfo{ID: "call-1"}, Law: s.trap.law, Desk: desk, Journal: s.journal, Log: log,
		Observer: &s.counts, Colleague: func(name string) (Desk, bool) {
			other, ok := s.trap.other[name]
			other.Dial, other.Tools = s.dial, s.trap.box
			return other, ok
		}})
	return err
}

// dial connects to the simulator without a network between.
func (s *scene) dial(ctx context.Context, want realtime.Session) (Model, realtime.Session, error) {
	s.mu.Lock()
	s.dials = append(s.dials, time.Now())
	n := len(s.dials) - 1
	s.mu.Unlock()
	d, err := s.srv.Direct(ctx, simulator.DirectOptions{
		UpDelay:   func() time.Duration { return time.Duration(s.upDelay.Load()) },
		DownDelay: func() time.Duration { return time.Duration(s.downDelay.Load()) },
		Trace:     func(m simulator.Message) { s.see(n, m) },
	})
	if err != nil {
		return nil, realtime.Session{}, err
	}
	ask := want
	if s.trap.really != nil {
		s.trap.really(&ask)
	}
	got, err := d.Open(ctx, ask)
	if err != nil {
		d.Close("session refused")
		return nil, realtime.Session{}, err
	}
	if s.trap.really != nil {
		got.OutputFormat = want.OutputFormat
	}
	link := &onTheWay{Direct: d, down: s.trap.down}
	s.mu.Lock()
	s.links = append(s.links, link)
	s.mu.Unlock()
	return link, got, nil
}

// verdict checks what holds for every trap: the server refused what it was to refuse, and nothing was left open.
func (s *scene) verdict() {
	s.t.Helper()
	missing := slices.Clone(s.trap.refusals)
	for _, session := range s.srv.Sessions() {
		for _, v := range session.Record().Violations {
			said := v.Code + " " + v.Param + " " + v.Message
			fits := func(code string) bool { return strings.Contains(said, code) }
			if !slices.ContainsFunc(s.trap.refusals, fits) {
				s.t.Errorf("the server refused %s: %s", v.Event, said)
			}
			missing = slices.DeleteFunc(missing, fits)
		}
	}
	if len(missing) > 0 {
		s.t.Errorf("the trap was not sprung: the server did not refuse with %q", missing)
	}
	if open := s.counts.open; open != 0 {
		s.t.Errorf("%d connections are open after the call", open)
	}
	if s.t.Failed() {
		s.dump()
	}
}

// over hangs up, if the call has not ended by itself, and waits for its last words.
func (s *scene) over() {
	if s.hangUp == nil {
		return
	}
	s.settle()
	if s.end == nil {
		s.hangUp(errCallerHungUp)
		end := <-s.ended
		s.end = &end
	}
	s.hangUp = nil
	s.figures = s.conv.Finish(FinalPatience)
}

// settle waits until everybody waits, and notes the end of a call that ended by itself.
func (s *scene) settle() {
	synctest.Wait()
	select {
	case end := <-s.ended:
		s.end = &end
	default:
	}
}

// wait lets time pass.
func (s *scene) wait(d time.Duration) {
	<-time.After(d)
	s.settle()
}

// session is the server's end of the newest connection.
func (s *scene) session() *simulator.Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.links[len(s.links)-1].Session()
}

// start and stop are the caller's voice; words is what was said, "" a noise.
func (s *scene) start() {
	s.hears = s.session()
	s.hears.SpeechStart()
	s.wait(10 * time.Millisecond)
}

func (s *scene) stop(words string) {
	s.hears.SpeechStop(words)
	s.wait(10 * time.Millisecond)
}

// speak is the caller's real voice: a clip of the simulator's, in the line's law and at the pace of a telephone.
func (s *scene) speak(clip string, limit time.Duration) {
	samples, _, ok := simulator.CallerClip(clip)
	if !ok {
		s.t.Fatalf("there is no clip %q", clip)
	}
	audio := make([]byte, len(samples))
	s.trap.law.EncodeTo(audio, samples)
	s.utter(audio[:min(len(audio), int(limit.Milliseconds())*8)])
}

// quiet is a caller who says nothing, in audio.
func (s *scene) quiet(d time.Duration) {
	s.utter(slices.Repeat([]byte{s.trap.law.Silence()}, int(d.Milliseconds())*8))
}

func (s *scene) utter(audio []byte) {
	for frame := range slices.Chunk(audio, transcode.FrameBytes) {
		s.line.speak(frame)
		s.wait(20 * time.Millisecond)
	}
}

// say is a caller's turn of a second and a half.
func (s *scene) say(words string) {
	s.start()
	s.wait(1500 * time.Millisecond)
	s.stop(words)
}

// send is an event of the client that the call knows nothing of.
func (s *scene) send(ev realtime.ClientEvent) {
	s.mu.Lock()
	link := s.links[len(s.links)-1]
	s.mu.Unlock()
	if err := link.Direct.Send(context.Background(), ev); err != nil {
		s.t.Error(err)
	}
}

// heard is all that the caller has heard.
func (s *scene) heard() []byte {
	s.line.player.mu.Lock()
	defer s.line.player.mu.Unlock()
	return slices.Clone(s.line.player.wire)
}

// record is what the server knows of the newest connection.
func (s *scene) record() simulator.Record { return s.session().Record() }

// wantSent checks how often the client has sent an event.
func (s *scene) wantSent(name string, n int) {
	s.t.Helper()
	if got := s.sent(name); len(got) != n {
		s.t.Errorf("%s was sent %d times, want %d: %q", name, len(got), n, got)
	}
}

// wantHeard checks that the caller heard these pieces, one after the other and nothing else.
func (s *scene) wantHeard(pieces ...[]byte) {
	s.t.Helper()
	if got, want := s.heard(), slices.Concat(pieces...); !slices.Equal(got, want) {
		s.t.Errorf("the caller heard %d ms, want the %d ms that were said", len(got)/transcode.BytesPerMS, len(want)/transcode.BytesPerMS)
	}
}

// wantText checks that the transcript holds these lines in this order.
func (s *scene) wantText(lines ...string) {
	s.t.Helper()
	rest := s.journal.text()
	for _, line := range lines {
		_, after, found := strings.Cut(rest, line)
		if !found {
			s.t.Errorf("transcript misses %q, or has it elsewhere:\n%s", line, s.journal.text())
			return
		}
		rest = after
	}
}

// goesOn checks that the call is in good health: the caller's next turn is answered, and the answer is heard whole.
func (s *scene) goesOn() {
	s.t.Helper()
	before := s.heard()
	s.say("where is my order")
	s.wait(6 * time.Second)
	said, heard := s.said(), s.heard()[len(before):]
	if s.end != nil || len(heard) == 0 || len(said) == 0 || !strings.HasSuffix(string(heard), string(said[len(said)-1].Audio)) {
		s.t.Errorf("the caller's next turn was not answered: %d ms heard, end %+v, transcript:\n%s", len(heard)/8, s.end, s.journal.text())
	}
}

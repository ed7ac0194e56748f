package agent

import (
	"context"
	"encoding/json"
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
	other   map[string]Desk      // colleagues
	room    int                  // bytes that the playout queue takes; 0: all
	speaks  realtime.AudioFormat // what the server speaks instead of what it confirms

	// What becomes of an event on its way, and in its stead; nil: it arrives.
	up   func(realtime.ClientEvent) []realtime.ClientEvent
	down func(realtime.ServerEvent) []realtime.ServerEvent

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
	hangUp  context.CancelCauseFunc
	ended   chan End
	figures Figures
	end     *End // nil: the call goes on

	downDelay atomic.Int64 // of every message of the server from now on; upDelay of the client's
	upDelay   atomic.Int64

	// Guarded by mu.
	mu      sync.Mutex
	dials   []time.Time
	links   []*onTheWay
	wire    []wireText
	prompts []simulator.Prompt
}

// wireText is one message on a connection.
type wireText struct {
	link    int
	up      bool
	sent    time.Time
	arrives time.Time
	name    string
	text    string
}

// watcher is an Observer that keeps the faults as well.
type watcher struct {
	counts
	faults []string
}

func (w *watcher) RealtimeError(kind string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = append(w.faults, kind)
}

// fault reports whether a fault of the kind was counted.
func (w *watcher) fault(kind string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Contains(w.faults, kind)
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
		s.over()
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
				run(s)
				stop()
				s.srv.Close()
				s.verdict()
				if t.Failed() {
					s.dump()
				}
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
	s.conv, err = Open(ctx, Setup{Info: CallInfo{ID: "call-1"}, Law: s.trap.law, Desk: desk, Journal: s.journal,
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
	if s.trap.speaks != realtime.FormatUnknown {
		ask.OutputFormat = s.trap.speaks
	}
	got, err := d.Open(ctx, ask)
	if err != nil {
		d.Close("session refused")
		return nil, realtime.Session{}, err
	}
	if s.trap.speaks != realtime.FormatUnknown {
		got.OutputFormat = want.OutputFormat
	}
	link := &onTheWay{Direct: d, up: s.trap.up, down: s.trap.down}
	s.mu.Lock()
	s.links = append(s.links, link)
	s.mu.Unlock()
	return link, got, nil
}

// phone is a memoryLine whose playout queue may be short.
type phone struct {
	*memoryLine
	room int
}

func (p phone) Player() Player {
	if p.room == 0 {
		return p.player
	}
	return shortPlayer{p.player, p.room}
}

type shortPlayer struct {
	*memoryPlayer
	room int
}

func (p shortPlayer) Play(id uint64, audio []byte) int {
	return p.memoryPlayer.Play(id, audio[:min(len(audio), max(0, p.room-p.Queued()))])
}

// onTheWay is a connection on which events are lost, altered and invented.
type onTheWay struct {
	*simulator.Direct
	up   func(realtime.ClientEvent) []realtime.ClientEvent
	down func(realtime.ServerEvent) []realtime.ServerEvent

	pending []realtime.ServerEvent // owned by Recv
}

func (l *onTheWay) Send(ctx context.Context, ev realtime.ClientEvent) error {
	if l.up == nil {
		return l.Direct.Send(ctx, ev)
	}
	var err error
	for _, ev := range l.up(ev) {
		err = l.Direct.Send(ctx, ev)
	}
	return err
}

func (l *onTheWay) Recv(ctx context.Context) (realtime.ServerEvent, error) {
	for len(l.pending) == 0 {
		ev, err := l.Direct.Recv(ctx)
		if err != nil || l.down == nil {
			return ev, err
		}
		l.pending = l.down(ev)
	}
	ev := l.pending[0]
	l.pending = l.pending[1:]
	return ev, nil
}

func (s *scene) see(link int, m simulator.Message) {
	var head struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(m.Text, &head); err != nil {
		head.Type = "no event"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wire = append(s.wire, wireText{link, !m.FromServer, m.Sent, m.Arrives, head.Type, string(m.Text)})
}

// verdict checks what holds for every trap: the server refused what it was to refuse, and nothing was left open.
func (s *scene) verdict() {
	s.t.Helper()
	missing := slices.Clone(s.trap.refusals)
	for _, session := range s.srv.Sessions() {
		for _, v := range session.Record().Violations {
			said := v.Code + " " + v.Message
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
func (s *scene) start() { s.session().SpeechStart(); s.wait(10 * time.Millisecond) }

func (s *scene) stop(words string) { s.session().SpeechStop(words); s.wait(10 * time.Millisecond) }

// speak is the caller's real voice: a clip of the simulator's, in the line's law and at the pace of a telephone.
func (s *scene) speak(clip string, limit time.Duration) {
	samples, _, ok := simulator.CallerClip(clip)
	if !ok {
		s.t.Fatalf("there is no clip %q", clip)
	}
	audio := make([]byte, len(samples))
	s.trap.law.EncodeTo(audio, samples)
	for frame := range slices.Chunk(audio[:min(len(audio), int(limit.Milliseconds())*8)], transcode.FrameBytes) {
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

// spoken is the audio of the nth message of the newest session, as far as it was sent.
func (s *scene) spoken(n int) []byte {
	s.t.Helper()
	if list := s.record().Spoken; n < len(list) {
		return list[n].Audio
	}
	s.t.Errorf("the model has not said message %d", n)
	return nil
}

// messages are those of a type and direction so far; "" is any type.
func (s *scene) messages(up bool, name string) (list []wireText) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.wire {
		if m.up == up && (name == "" || m.name == name) {
			list = append(list, m)
		}
	}
	return list
}

// sent are the texts of the client's events of a type.
func (s *scene) sent(name string) (texts []string) {
	for _, m := range s.messages(true, name) {
		texts = append(texts, m.text)
	}
	return texts
}

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
	before := len(s.heard())
	s.say("where is my order")
	s.wait(6 * time.Second)
	spoken := s.record().Spoken
	if s.end != nil || len(spoken) == 0 || !strings.HasSuffix(string(s.heard()[before:]), string(spoken[len(spoken)-1].Audio)) ||
		len(s.heard()) == before {
		s.t.Errorf("the caller's next turn was not answered: %d ms heard, end %v, transcript:\n%s", (len(s.heard())-before)/8, s.end, s.journal.text())
	}
}

// dump tells how it came about.
func (s *scene) dump() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.wire {
		arrow := "◄──  "
		if m.up {
			arrow = "──►  "
		}
		if m.name != "input_audio_buffer.append" && !strings.HasSuffix(m.name, ".delta") {
			s.t.Logf("%d %s %s%s", m.link, m.sent.Format("04:05.000"), arrow, m.text[:min(len(m.text), 240)])
		}
	}
}

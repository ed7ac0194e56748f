package agent

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/agent/simulator"
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
}

func newLazyLine() *lazyLine {
	return &lazyLine{digits: make(chan rune, 16), held: make(chan bool, 1), player: newLazyPlayer()}
}

func (l *lazyLine) Law() transcode.Law                     { return transcode.PCMU }
func (l *lazyLine) Attach(func([]byte))                    {}
func (l *lazyLine) Player() Player                         { return l.player }
func (l *lazyLine) Digits() <-chan rune                    { return l.digits }
func (l *lazyLine) Held() <-chan bool                      { return l.held }
func (l *lazyLine) Transfer(context.Context, string) error { return nil }

// hold leaves the latest state in the channel, as a Line promises.
func (l *lazyLine) hold(on bool) {
	select {
	case <-l.held:
	default:
	}
	l.held <- on
}

// world is one seed: a call, its model, and the caller who disturbs both. All that is random comes from the seed. Times
// have odd nanoseconds, so that nothing happens at the same moment as something else and a seed plays out in one way.
type world struct {
	t       *testing.T
	seed    uint64
	rng     *rand.Rand // of the caller, who is one goroutine
	manners manners
	srv     *simulator.Server
	line    *lazyLine
	journal *memoryJournal
	box     *fuzzTools
	conv    *Conversation
	hangUp  context.CancelCauseFunc
	ended   chan End

	mustTurn time.Time // when the caller said the last thing that must be answered; zero: nothing

	// When the call is over.
	endedItself bool
	records     []simulator.Record // of the sessions

	// Guarded by mu.
	mu      sync.Mutex
	links   []*simulator.Direct
	model   *rand.Rand // of the model's answers
	calm    bool       // the model gives good answers from now on
	wire    []wireEvent
	steps   int            // of the call: what it sent and received
	cancels map[string]int // at which step a response.cancel was sent, by its event_id
	dones   map[string]int // at which step a response.done was received, by the response
}

// manners are what a seed decides once.
type manners struct {
	dialect   string
	transport string // how long messages are under way
	profile   Profile
	silence   time.Duration // that ends a turn
	words     bool          // the caller's words are told, and not only late
}

// wireEvent is one message as the wire saw it.
type wireEvent struct {
	link          int
	up            bool
	sent, arrives time.Time
	name, text    string
}

func (e wireEvent) String() string {
	arrow := "  ◄── "
	if e.up {
		arrow = "──►   "
	}
	const clock = "04:05.000000"
	return fmt.Sprintf("%d %s %s %s %s", e.link, e.sent.Format(clock), e.arrives.Format(clock), arrow, e.text)
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 1)), model: rand.New(rand.NewPCG(seed, 2)),
		line: newLazyLine(), journal: &memoryJournal{}, ended: make(chan End, 1), cancels: map[string]int{}, dones: map[string]int{}}
	w.box = &fuzzTools{rng: rand.New(rand.NewPCG(seed, 3))}
	w.manners = randomManners(w.rng)
	srv, err := simulator.New(w.service())
	if err != nil {
		t.Fatal(err)
	}
	w.srv = srv
	if err := srv.SetFaults(randomFaults(w.rng, &w.manners)); err != nil {
		t.Fatal(err)
	}
	return w
}

// service is a model of the seed's temper.
func (w *world) service() simulator.Options {
	return simulator.Options{
		Dialect: w.manners.dialect, Script: fuzzScript, AgentClips: fuzzClips, Answer: w.answer,
		Speed: pick(w.rng, 1.3, 5, 20, 100), Delta: pickMS(w.rng, 200, 1000) + odd(w.rng), EvenDeltas: chance(w.rng, 80),
		Latency: upTo(w.rng, 800*time.Millisecond), TranscriptionDelay: upTo(w.rng, 2*time.Second), KeepAudio: -1,
	}
}

var fuzzScript = &simulator.Script{States: []simulator.State{{Name: "any"}}}

// fuzzClips are what the model can say.
var fuzzClips = []simulator.Clip{noiseClip("tiny", 60), noiseClip("short", 400), noiseClip("middle", 1500), noiseClip("long", 4000)}

// noiseClip is a clip of its own sound: no other length has the same.
func noiseClip(name string, ms int) simulator.Clip {
	rng := rand.New(rand.NewPCG(uint64(ms), 0))
	samples := make([]int16, 8*ms)
	for i := range samples {
		samples[i] = int16(rng.IntN(8000) - 4000)
	}
	return simulator.Clip{Name: name, Text: name, Samples: samples}
}

func randomManners(rng *rand.Rand) manners {
	m := manners{dialect: pick(rng, simulator.DialectGA, simulator.DialectPreview),
		transport: pick(rng, "none", "even", "small", "random"), silence: pickMS(rng, 200, 500), words: chance(rng, 90)}
	p := &m.profile
	p.Name, p.Instructions = "fuzz", "Be brief."
	p.Tools = []string{"look_up", "charge"}
	p.TurnDetection = realtime.Some(realtime.TurnDetection{Type: "server_vad", PrefixPaddingMS: realtime.Some(300),
		SilenceDurationMS: realtime.Some(int(m.silence / time.Millisecond))})
	if chance(rng, 80) {
		p.Transcription = &realtime.Transcription{Model: "whisper-1"}
	} else {
		m.words = false
	}
	if chance(rng, 50) {
		p.Greeting = "Hello."
	}
	p.Interruption.Confirm = pickMS(rng, 0, 0, 200, 400)
	p.Interruption.EchoGuard = pickMS(rng, 0, 0, 300)
	p.Interruption.ProtectGreeting = chance(rng, 30)
	p.Interruption.ProtectNotices = chance(rng, 30)
	p.Idle.After = pickMS(rng, 0, 0, 4000, 9000)
	p.Filler.After = pickMS(rng, 0, 1500)
	p.Limit.Duration = pickMS(rng, 0, 0, 0, 25_000)
	p.Limit.Warning = pickMS(rng, 0, 10_000)
	p.Silence.After = pickMS(rng, 0, 3000)
	return m
}

func randomFaults(rng *rand.Rand, m *manners) simulator.Faults {
	f := simulator.Faults{LateDeltas: pick(rng, 0, 0, 0, 3), DuplicateItems: chance(rng, 10), MissingStatus: chance(rng, 10),
		MissingEventIDs: chance(rng, 10), NoErrorEventID: chance(rng, 20), TypeLast: chance(rng, 10)}
	if !m.words {
		f.Transcription = pick(rng, "failed", "never", "late", "empty")
	} else {
		f.Transcription = pick(rng, "", "", "", "early")
	}
	return f
}

func (w *world) setup() Setup {
	return Setup{Info: CallInfo{ID: "call-1"}, Law: transcode.PCMU, Journal: w.journal,
		Desk: Desk{Profile: w.manners.profile, Dial: w.dial, Tools: w.box}}
}

// dial connects the call to the model.
func (w *world) dial(ctx context.Context, want realtime.Session) (Model, realtime.Session, error) {
	w.mu.Lock()
	n := len(w.links)
	w.mu.Unlock()
	d, err := w.srv.Direct(ctx, simulator.DirectOptions{UpDelay: w.delay(uint64(2 * n)), DownDelay: w.delay(uint64(2*n + 1)),
		Trace: func(m simulator.Message) { w.see(n, m) }})
	if err != nil {
		return nil, realtime.Session{}, err
	}
	w.mu.Lock()
	w.links = append(w.links, d)
	w.mu.Unlock()
	got, err := d.Open(ctx, want)
	if err != nil {
		d.Close("session refused")
		return nil, realtime.Session{}, err
	}
	return &watched{d, w}, got, nil
}

// watched notes in which order the call learns and does what matters to a verdict.
type watched struct {
	*simulator.Direct
	w *world
}

func (m *watched) Send(ctx context.Context, ev realtime.ClientEvent) error {
	if cancel, ok := ev.(*realtime.ResponseCancel); ok {
		m.w.step(m.w.cancels, cancel.EventID)
	}
	return m.Direct.Send(ctx, ev)
}

func (m *watched) Recv(ctx context.Context) (realtime.ServerEvent, error) {
	ev, err := m.Direct.Recv(ctx)
	if done, ok := ev.(*realtime.ResponseDone); ok {
		m.w.step(m.w.dones, done.Response.ID)
	}
	return ev, err
}

func (w *world) step(of map[string]int, id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.steps++
	of[id] = w.steps
}

// delay is how long the messages of one direction are under way.
func (w *world) delay(stream uint64) func() time.Duration {
	rng := rand.New(rand.NewPCG(w.seed, 100+stream))
	even := upTo(rng, 300*time.Millisecond)
	return func() time.Duration {
		switch w.manners.transport {
		case "even":
			return even
		case "small":
			return upTo(rng, 30*time.Millisecond)
		case "random":
			return upTo(rng, 300*time.Millisecond)
		}
		return 1 // not 0: what is sent at one moment must not be handled while more is sent
	}
}

// see keeps a message for the verdict. Audio is not worth reading.
func (w *world) see(link int, m simulator.Message) {
	e := wireEvent{link: link, up: !m.FromServer, sent: m.Sent, arrives: m.Arrives, name: typeOf(m.Text)}
	switch {
	case strings.HasSuffix(e.name, "audio.delta"):
		e.text = fmt.Sprintf("%s of %d bytes", e.name, len(m.Text))
	case e.up || e.name == "error":
		e.text = string(m.Text[:min(len(m.Text), 400)])
	default:
		e.text = string(m.Text[:min(len(m.Text), 240)])
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wire = append(w.wire, e)
}

// typeOf finds the type, which is the first member or the last.
func typeOf(text []byte) string {
	mark := []byte(`"type":"`)
	at := 1
	if !bytes.HasPrefix(text[1:], mark) {
		at = bytes.LastIndex(text, mark)
	}
	name, _, _ := bytes.Cut(text[at+len(mark):], []byte{'"'})
	return string(name)
}

// answer is what the model does in one response.
func (w *world) answer(simulator.Prompt) *simulator.Answer {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.calm {
		return &simulator.Answer{Do: []simulator.Action{{Say: []string{"short"}}}}
	}
	return randomAnswer(w.model)
}

func randomAnswer(rng *rand.Rand) *simulator.Answer {
	a := &simulator.Answer{}
	switch n := rng.IntN(100); {
	case n < 50:
		a.Do = []simulator.Action{randomSay(rng)}
	case n < 60:
		a.Do = append([]simulator.Action{randomSay(rng)}, randomCalls(rng)...)
	case n < 75:
		a.Do = randomCalls(rng)
	case n < 79:
		a.Do = []simulator.Action{randomSay(rng), randomSay(rng)}
	case n < 81:
		a.Do = []simulator.Action{{Text: "in writing"}}
	case n < 82: // nothing at all
	case n < 87:
		a.Status, a.Code = "failed", pick(rng, "", "rate_limit_exceeded")
		if chance(rng, 50) {
			a.Do = []simulator.Action{randomSay(rng)}
		}
	case n < 92:
		a.Status, a.Reason = "incomplete", pick(rng, "", "content_filter")
		a.Do = pick(rng, []simulator.Action{randomSay(rng)}, randomCalls(rng))
	case n < 94:
		a.Status = "unanswered"
	case n < 96:
		a.Status, a.Do = "endless", []simulator.Action{randomSay(rng)}
	default:
		a.Do, a.Delay = []simulator.Action{randomSay(rng)}, upTo(rng, 20*time.Second)
	}
	if a.Delay == 0 {
		a.Delay = upTo(rng, pickMS(rng, 10, 3000))
	}
	return a
}

func randomSay(rng *rand.Rand) simulator.Action {
	return simulator.Action{Say: []string{pick(rng, "tiny", "short", "short", "middle", "middle", "long")},
		Delay: upTo(rng, pickMS(rng, 10, 1000))}
}

func randomCalls(rng *rand.Rand) []simulator.Action {
	var calls []simulator.Action
	for range 1 + rng.IntN(3) {
		calls = append(calls, simulator.Action{Call: pick(rng, "look_up", "charge", "nobody"), Always: true,
			Delay: upTo(rng, 100*time.Millisecond)})
	}
	return calls
}

// fuzzTools take their time, and fail now and then.
type fuzzTools struct {
	mu  sync.Mutex
	rng *rand.Rand
}

func (b *fuzzTools) Describe(names []string) ([]tools.Definition, error) {
	var list []tools.Definition
	for _, n := range names {
		list = append(list, tools.Definition{Name: n})
	}
	return list, nil
}

func (b *fuzzTools) Info(name string) (tools.Info, bool) {
	info := tools.Info{Name: name}
	if name == "look_up" {
		info.OnInterrupt = tools.Cancel
	}
	return info, name != "nobody"
}

func (b *fuzzTools) Recorded(_, arguments string) string { return arguments }

func (b *fuzzTools) Run(ctx context.Context, inv tools.Invocation) tools.Outcome {
	b.mu.Lock()
	took, bad := upTo(b.rng, pickMS(b.rng, 10, 1000, 4000)), chance(b.rng, 20)
	b.mu.Unlock()
	if inv.Name == "nobody" {
		return tools.Outcome{Status: tools.StatusUnknown, Output: `{"error":"unknown tool"}`}
	}
	select {
	case <-time.After(took):
	case <-ctx.Done():
		return tools.Outcome{Status: tools.StatusCancelled, Output: `{"error":"cancelled"}`}
	}
	if bad {
		return tools.Outcome{Status: tools.StatusToolError, Output: `{"error":"no luck"}`}
	}
	return tools.Outcome{Status: tools.StatusOK, Output: `{"ok":true}`}
}

// pick, chance, upTo and odd are the dice.

func pick[T any](rng *rand.Rand, of ...T) T { return of[rng.IntN(len(of))] }

func pickMS(rng *rand.Rand, of ...int) time.Duration {
	return time.Duration(pick(rng, of...)) * time.Millisecond
}

func chance(rng *rand.Rand, percent int) bool { return rng.IntN(100) < percent }

func upTo(rng *rand.Rand, d time.Duration) time.Duration {
	return 1 + time.Duration(rng.Int64N(int64(d)))
}

// odd is a few nanoseconds, so that two things do not happen at one moment.
func odd(rng *rand.Rand) time.Duration { return upTo(rng, time.Microsecond) }

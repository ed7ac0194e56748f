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
	"github.com/trunkline/trunkline/transcode"
)

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
	box     Toolbox
	random  func(*rand.Rand) *simulator.Answer  // what the model does while the call is disturbed
	spy     func(link int, m simulator.Message) // sees every message; nil: nobody
	conv    *Conversation
	wild    bool // connections are lost all the time
	abrupt  bool // the caller hangs up in the middle of it all
	hangUp  context.CancelCauseFunc
	ended   chan End

	mustAnswer time.Time // when the last thing happened that must be answered; zero: nothing
	keys       int       // that the caller pressed
	broken     map[*simulator.Session]bool

	// When the call is over.
	endedItself bool // or was ended in the middle
	over        time.Time
	records     []simulator.Record // of the sessions

	// Guarded by mu.
	mu      sync.Mutex
	links   []*simulator.Direct
	model   *rand.Rand // of the model's answers
	calm    bool       // the model gives good answers from now on
	wire    []wireEvent
	hears   int            // the connection that got the last piece of the caller's audio
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
	breaks    bool          // connections are lost
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
		line: newLazyLine(), journal: &memoryJournal{}, ended: make(chan End, 1), cancels: map[string]int{}, dones: map[string]int{},
		broken: map[*simulator.Session]bool{}}
	w.box, w.random = &fuzzTools{rng: rand.New(rand.NewPCG(seed, 3))}, randomAnswer
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
	p.Renewal.Age = pickMS(rng, 0, 0, 0, 0, 0, 0, 8000)
	p.Renewal.Lead = pickMS(rng, 0, 2000)
	m.breaks = chance(rng, 15)
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
	return &watched{Direct: d, w: w}, got, nil
}

// watched notes in which order the call learns and does what matters to a verdict.
type watched struct {
	*simulator.Direct
	w     *world
	again realtime.ServerEvent // comes a second time; owned by Recv
}

func (m *watched) Send(ctx context.Context, ev realtime.ClientEvent) error {
	if cancel, ok := ev.(*realtime.ResponseCancel); ok {
		m.w.step(m.w.cancels, cancel.EventID)
	}
	return m.Direct.Send(ctx, ev)
}

func (m *watched) Recv(ctx context.Context) (realtime.ServerEvent, error) {
	if ev := m.again; ev != nil {
		m.again = nil
		return ev, nil
	}
	ev, err := m.Direct.Recv(ctx)
	if done, ok := ev.(*realtime.ResponseDone); ok {
		m.w.step(m.w.dones, done.Response.ID)
		if m.w.wild {
			m.again = ev
		}
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
	if w.spy != nil {
		w.spy(link, m)
	}
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
	if e.name == "input_audio_buffer.append" {
		w.hears = link
		return
	}
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

package agent

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/tools"
)

// cutPoint is where the connection dies: at the n-th message of the call in a direction, which is lost with it or has
// still come through. The zero value is nowhere.
type cutPoint struct {
	step    int // from 1; audio of the caller is no step
	up      bool
	through bool
}

func (p cutPoint) String() string {
	direction, fate := "from the server", "lost"
	if p.up {
		direction = "to the server"
	}
	if p.through {
		fate = "through"
	}
	return fmt.Sprintf("message %d %s, %s", p.step, direction, fate)
}

// TestTheSocketDiesAtEveryStep plays one call with tools over and over: at each of its messages, in both directions, the
// connection dies, just before the message came through or just behind it. Whatever the step, each thing is done once,
// each function call is answered once, and the call comes to the end that it would have come to.
func TestTheSocketDiesAtEveryStep(t *testing.T) {
	reference := playCut(t, cutPoint{})
	reference.check(t)
	up, down := reference.steps[true], reference.steps[false]
	if len(up) < 10 || len(down) < 40 {
		t.Fatalf("the undisturbed call has %d and %d messages:\n%s\n%s", len(up), len(down), up, down)
	}
	t.Logf("%d messages to the server, %d from it", len(up), len(down))
	calls, replayed := 0, 0
	for _, direction := range []bool{true, false} {
		for i, name := range reference.steps[direction] {
			for _, through := range []bool{false, true} {
				if raceDetector && through == (i%2 == 0) {
					continue // each step once: the detector makes it slow
				}
				at := cutPoint{i + 1, direction, through}
				c := playCut(t, at)
				c.check(t)
				if t.Failed() {
					t.Fatalf("%s (%s)", at, name)
				}
				calls, replayed = calls+1, replayed+len(c.links)-1
			}
		}
	}
	if replayed < calls*9/10 {
		t.Errorf("%d of %d calls went on with another connection", replayed, calls)
	}
}

// chaosCall is one such call: the caller wants something booked and paid for, and says so again when nothing comes of it.
// The model says what it does, books while it looks something up, has the caller pay, sends a receipt, and hangs up.
type chaosCall struct {
	*world
	at   cutPoint
	bank *chaosBank
	seen sightings
	end  End

	// Guarded by mu.
	mu    sync.Mutex
	steps map[bool][]string   // messages so far, by direction
	knows map[string][]string // outputs that each session was given
	turns []string            // of the caller, as far as the server could tell of them
}

func playCut(t *testing.T, at cutPoint) (c *chaosCall) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c = &chaosCall{at: at, bank: &chaosBank{}, seen: newSightings(), steps: map[bool][]string{}, knows: map[string][]string{}}
		c.world = &world{t: t, rng: rand.New(rand.NewPCG(1, 1)), line: newLazyLine(), journal: &memoryJournal{}, ended: make(chan End, 1),
			cancels: map[string]int{}, dones: map[string]int{}, broken: map[*simulator.Session]bool{}, spy: c.seen.note}
		c.manners = manners{transport: "none", silence: 200 * time.Millisecond, words: true}
		p := &c.manners.profile
		p.Name, p.Transcription = "chaos", &realtime.Transcription{Model: "whisper-1"}
		r := c.bank.open(t)
		c.box, p.Tools = r, r.Names()
		srv, err := simulator.New(simulator.Options{Script: fuzzScript, AgentClips: fuzzClips[1:2], Answer: c.decide, EvenDeltas: true, KeepAudio: -1})
		if err != nil {
			t.Fatal(err)
		}
		c.srv = srv
		c.talk()
		_ = r.Close(t.Context())
	})
	return c
}

// talk is the caller, who wants it and says so until it is done or he is tired of it.
func (c *chaosCall) talk() {
	setup := c.setup()
	setup.Desk.Dial = c.dialCut
	conv, err := Open(context.Background(), setup)
	if err != nil {
		c.t.Fatal(err)
	}
	c.conv = conv
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	c.hangUp = cancel
	go func() { c.world.ended <- conv.Run(ctx, c.line) }()
	end := c.pass(time.Second)
	for try := 0; end == nil && try < 6; try++ {
		if end = c.say(time.Second, "book it"); end == nil {
			end = c.pass(20 * time.Second)
		}
	}
	if end != nil {
		c.end = *end
	}
	c.conclude(end)
}

// decide is a model that knows nothing but what its session was told, and books once more whatever it was told of that.
func (c *chaosCall) decide(p simulator.Prompt) *simulator.Answer {
	c.mu.Lock()
	c.knows[p.Session] = append(c.knows[p.Session], p.Outputs...)
	own := strings.Join(c.knows[p.Session], "\n")
	c.mu.Unlock()
	known := strings.Join(p.Context, "\n") + own
	say := simulator.Action{Say: []string{"short"}}
	do := func(calls ...string) *simulator.Answer {
		a := &simulator.Answer{Do: []simulator.Action{say}}
		for _, name := range calls {
			a.Do = append(a.Do, simulator.Action{Call: name, Raw: `{"n":"1"}`})
		}
		return a
	}
	switch {
	case !strings.Contains(own, "booked #"):
		return do("look", "book")
	case !strings.Contains(known, "paid #"):
		return do("pay")
	case !strings.Contains(known, "sent #"):
		return do("send")
	}
	return &simulator.Answer{Do: []simulator.Action{say, {Call: "hang_up", Raw: `{"reason":"done"}`}}}
}

// dialCut connects and puts the fault between.
func (c *chaosCall) dialCut(ctx context.Context, want realtime.Session) (Model, realtime.Session, error) {
	m, got, err := c.dial(ctx, want)
	if err != nil {
		return nil, got, err
	}
	return &frail{call: c, watched: m.(*watched)}, got, nil
}

// dies counts a message and reports whether the connection dies at it.
func (c *chaosCall) dies(up bool, name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.steps[up] = append(c.steps[up], name)
	return c.at.step == len(c.steps[up]) && c.at.up == up
}

// frail is a connection that dies at its step. What is sent on it afterwards is lost in silence, as on a real one.
type frail struct {
	*watched
	call *chaosCall

	mu   sync.Mutex
	dead bool
}

func (f *frail) isDead() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dead
}

func (f *frail) die(in time.Duration) {
	f.mu.Lock()
	f.dead = true
	f.mu.Unlock()
	time.AfterFunc(in, f.Session().Drop)
}

// Send passes an event on.
func (f *frail) Send(ctx context.Context, ev realtime.ClientEvent) error {
	if f.isDead() {
		return nil
	}
	if _, voice := ev.(*realtime.AudioAppend); voice || !f.call.dies(true, fmt.Sprintf("%T", ev)) {
		return f.watched.Send(ctx, ev)
	}
	if !f.call.at.through {
		f.die(0)
		return nil
	}
	err := f.watched.Send(ctx, ev)
	f.die(10 * time.Millisecond) // when the server has it
	return err
}

// Recv hands over what comes until the step.
func (f *frail) Recv(ctx context.Context) (realtime.ServerEvent, error) {
	if f.isDead() && !f.call.at.up {
		return nil, errCut
	}
	ev, err := f.watched.Recv(ctx)
	switch {
	case err != nil:
		return nil, err
	case f.isDead() && !f.call.at.through:
		return nil, errCut
	case f.call.dies(false, fmt.Sprintf("%T", ev)):
		f.die(0)
		if !f.call.at.through {
			return nil, errCut
		}
	}
	if turn, ok := ev.(*realtime.AudioCommitted); ok {
		f.call.mu.Lock()
		f.call.turns = append(f.call.turns, turn.ItemID)
		f.call.mu.Unlock()
	}
	return ev, nil
}

var errCut = &realtime.CloseError{Code: 1006, Verdict: realtime.VerdictRetry, Err: io.ErrUnexpectedEOF}

// check says what must hold wherever the connection died.
func (c *chaosCall) check(t *testing.T) {
	t.Helper()
	if c.end != (End{By: ByAgent, Cause: "hang_up: done"}) {
		t.Errorf("the call ended with %+v", c.end)
	}
	for _, tool := range []string{"book", "pay", "send"} {
		if n := c.bank.done[tool]; n != 1 {
			t.Errorf("%s was done %d times", tool, n)
		}
	}
	for _, p := range slices.Concat(c.refusals(), c.unanswered(), c.disordered()) {
		t.Error(p)
	}
	if t.Failed() {
		t.Logf("transcript:\n%s", c.journal.text())
		for _, e := range c.wire {
			t.Log(e)
		}
	}
}

// unanswered are the calls whose outputs and lines are not one each.
func (c *chaosCall) unanswered() (problems []string) {
	count := map[string]map[string]int{}
	result := map[string]store.Entry{}
	for _, e := range c.journal.entries {
		if e.CallID == "" {
			continue
		}
		if count[e.Kind] == nil {
			count[e.Kind] = map[string]int{}
		}
		count[e.Kind][e.CallID]++
		if e.Kind == store.KindToolResult {
			result[e.CallID] = e
		}
	}
	for id := range count[store.KindToolCall] {
		r := result[id]
		told := len(c.seen.outputs[id])
		if told == 0 {
			told = min(1, c.seen.toldOf(0, "("+r.Tool+" returned "+r.Result+")", "(The result of "+r.Tool+", which you called before with "))
		}
		if count[store.KindToolCall][id] != 1 || count[store.KindToolResult][id] != 1 || told != 1 && r.Tool != "hang_up" {
			problems = append(problems, fmt.Sprintf("%s %s was taken %d times, has %d results and %d outputs", r.Tool, id,
				count[store.KindToolCall][id], count[store.KindToolResult][id], told))
		}
	}
	for id, n := range count[store.KindEffect] {
		if n != 2 {
			problems = append(problems, fmt.Sprintf("%s has %d lines in the ledger", id, n))
		}
	}
	return problems
}

// disordered finds what the transcript lacks or has in the wrong place.
func (c *chaosCall) disordered() (problems []string) {
	at := func(kind, tool, status string) int {
		return slices.IndexFunc(c.journal.entries, func(e store.Entry) bool {
			return e.Kind == kind && e.Tool == tool && (status == "" || e.Status == status)
		})
	}
	last := -1
	for _, turn := range c.turns {
		i := slices.IndexFunc(c.journal.entries, func(e store.Entry) bool { return e.Kind == store.KindTurn && e.ItemID == turn })
		if i <= last {
			problems = append(problems, fmt.Sprintf("the transcript has the caller's turn %s in place %d, behind %d", turn, i, last))
		}
		last = max(last, i)
	}
	last = slices.IndexFunc(c.journal.entries, func(e store.Entry) bool { return e.Kind == store.KindTurn && e.Role == store.RoleCaller })
	for _, step := range [][3]string{{store.KindToolCall, "book", ""}, {store.KindToolResult, "book", "ok"},
		{store.KindToolCall, "pay", ""}, {store.KindToolResult, "pay", "ok"}, {store.KindToolCall, "send", ""},
		{store.KindToolResult, "send", "ok"}, {store.KindToolCall, "hang_up", ""}, {store.KindToolResult, "hang_up", "ok"}} {
		i := at(step[0], step[1], step[2])
		if i <= last {
			problems = append(problems, fmt.Sprintf("the transcript has %v in place %d, behind %d", step, i, last))
		}
		last = max(last, i)
	}
	return problems
}

// chaosBank counts what was done.
type chaosBank struct {
	mu   sync.Mutex
	done map[string]int
}

func (b *chaosBank) open(t *testing.T) *tools.Registry {
	b.done = map[string]int{}
	r := tools.NewRegistry()
	add := func(name, word string, opts ...tools.Option) {
		err := tools.Add(r, name, "", func(ctx context.Context, _ *tools.Call, _ deed) (string, error) {
			b.mu.Lock()
			b.done[name]++
			n := b.done[name]
			b.mu.Unlock()
			time.Sleep(700 * time.Millisecond)
			return fmt.Sprintf("%s #%d", word, n), ctx.Err()
		}, opts...)
		if err != nil {
			t.Fatal(err)
		}
	}
	add("look", "found")
	add("book", "booked", finish, tools.Once())
	add("pay", "paid", finish, tools.AfterTurn(), tools.Once())
	add("send", "sent", tools.Background(), tools.Once())
	if err := tools.AddBuiltins(r); err != nil {
		t.Fatal(err)
	}
	return r
}

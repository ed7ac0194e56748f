package agent

import (
	"context"
	"sync"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/tools"
)

// parallelTools is how many tools of one call may run at once.
const parallelTools = 4

// Toolbox is what the agent needs of a tool registry: the tools of one profile.
type Toolbox interface {
	Describe(names []string) ([]tools.Definition, error)
	Info(name string) (tools.Info, bool)
	// Recorded is arguments as they may be written down.
	Recorded(name, arguments string) string
	Run(ctx context.Context, inv tools.Invocation) tools.Outcome
}

// running is one function call that has no output yet.
type running struct {
	item    realtime.Item
	link    *link   // that the call came over
	box     Toolbox // of the profile that was asked
	batch   *batch
	cancel  context.CancelFunc // nil before it runs
	outcome tools.Outcome

	policy tools.Effects
	acts   bool       // it changes the world
	began  time.Time  // when it was asked for, or started
	lines  []string   // that its handler wants said
	said   int        // lines that the caller heard while it runs: at its start, and that it takes a while
	over   bool       // it has its outcome
	past   bool       // the caller has spoken, or pressed a key, since
	joined []*running // the same call again, which gets the same outcome
}

// batch is the function calls of one response: one response.create follows the last output.
type batch struct{ open int }

// toolcalls runs the function calls of completed responses. Every call gets exactly one outcome, also one that is
// cancelled, unknown or panics.
//
// Owned by the conversation loop; each tool runs in a goroutine of its own that hands its outcome to results and ends.
type toolcalls struct {
	quit context.Context // the conversation's: nobody takes outcomes any more
	box  Toolbox         // of the profile at the desk
	call *tools.Call     // and the call as its tools see it

	results    chan *running
	slots      chan struct{}
	open       map[string]*running // by call_id; without an output
	ledger     ledger
	waiting    []*running        // for the caller to hear the agent out
	background map[*running]bool // have an output, and will have a result
	write      func(store.Entry) // into the record, from any goroutine
	seen       map[string]bool   // call_ids that were started: never twice
	removed    map[string]bool   // items of calls that were removed: not twice either
	wg         sync.WaitGroup
}

func newToolcalls(quit context.Context, call *tools.Call, write func(store.Entry)) *toolcalls {
	return &toolcalls{
		quit:    quit,
		call:    call,
		results: make(chan *running),
		slots:   make(chan struct{}, parallelTools),
		open:    map[string]*running{},
		ledger:  ledger{}, background: map[*running]bool{}, write: write,
		seen: map[string]bool{}, removed: map[string]bool{},
	}
}

// start takes the calls of one completed response that were not taken before.
func (t *toolcalls) start(items []realtime.Item, l *link) []*running {
	b := &batch{}
	var started []*running
	for _, item := range items {
		if t.seen[item.CallID] {
			continue
		}
		t.seen[item.CallID] = true
		b.open++
		r := &running{item: item, link: l, box: t.box, batch: b}
		t.open[item.CallID] = r
		started = append(started, r)
	}
	return started
}

// run starts a call in a goroutine of its own.
func (t *toolcalls) run(r *running) {
	var ctx context.Context
	ctx, r.cancel = context.WithCancel(t.quit)
	call := t.call.For(r.item.CallID)
	if r.policy.Once {
		call = t.call.ForEffect(r.item.CallID, effectKey(r.item.Name, r.item.Arguments))
	}
	t.wg.Go(func() {
		t.slots <- struct{}{}
		if r.acts {
			t.write(r.entry(effectBegun))
		}
		r.outcome = r.box.Run(ctx, tools.Invocation{Name: r.item.Name, Arguments: r.item.Arguments, Call: call})
		if r.acts {
			t.write(r.entry(string(r.outcome.Status)))
		}
		<-t.slots
		select {
		case t.results <- r:
		case <-t.quit.Done():
		}
	})
}

// serve takes over the tools and the name of a profile, for calls that come from now on.
func (t *toolcalls) serve(box Toolbox, p *Profile) {
	t.box, t.call = box, t.call.As(p.Name, p.TimeZone)
}

// finished closes one call and reports whether it was the last of its response.
func (t *toolcalls) finished(r *running) bool {
	delete(t.open, r.item.CallID)
	r.batch.open--
	return r.batch.open == 0
}

// interrupted cancels what need not be finished when the caller speaks. The outputs still come.
func (t *toolcalls) interrupted() {
	for _, r := range t.open {
		if !r.acts && r.cancel != nil {
			r.cancel()
		}
	}
}

// overtake notes that the caller has acted while tools were at work.
func (t *toolcalls) overtake() {
	for _, r := range t.open {
		r.past = true
	}
	for r := range t.background {
		r.past = true
	}
}

// wait returns when the last tool has returned.
func (t *toolcalls) wait() { t.wg.Wait() }

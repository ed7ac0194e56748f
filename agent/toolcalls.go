package agent

import (
	"context"
	"sync"

	"github.com/trunkline/trunkline/agent/realtime"
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
	batch   *batch
	cancel  context.CancelFunc
	outcome tools.Outcome
}

// batch is the function calls of one response: one response.create follows the last output.
type batch struct{ open int }

// toolcalls runs the function calls of completed responses. Every call gets exactly one outcome, also one that is
// cancelled, unknown or panics.
//
// Owned by the conversation loop; each tool runs in a goroutine of its own that hands its outcome to results and ends.
type toolcalls struct {
	box  Toolbox
	call *tools.Call
	quit context.Context // the conversation's: nobody takes outcomes any more

	results chan *running
	slots   chan struct{}
	open    map[string]*running // by call_id
	seen    map[string]bool     // call_ids that were started: never twice
	wg      sync.WaitGroup
}

func newToolcalls(box Toolbox, quit context.Context, call *tools.Call) *toolcalls {
	return &toolcalls{
		box: box, call: call, quit: quit,
		results: make(chan *running),
		slots:   make(chan struct{}, parallelTools),
		open:    map[string]*running{},
		seen:    map[string]bool{},
	}
}

// start runs the calls of one completed response side by side and returns those that were not started before.
func (t *toolcalls) start(items []realtime.Item) []*running {
	b := &batch{}
	var started []*running
	for _, item := range items {
		if t.seen[item.CallID] {
			continue
		}
		t.seen[item.CallID] = true
		b.open++
		r := &running{item: item, batch: b}
		t.open[item.CallID] = r
		started = append(started, r)
		t.run(r)
	}
	return started
}

func (t *toolcalls) run(r *running) {
	var ctx context.Context
	ctx, r.cancel = context.WithCancel(t.quit)
	call := t.call.For(r.item.CallID)
	t.wg.Go(func() {
		t.slots <- struct{}{}
		r.outcome = t.box.Run(ctx, tools.Invocation{Name: r.item.Name, Arguments: r.item.Arguments, Call: call})
		<-t.slots
		select {
		case t.results <- r:
		case <-t.quit.Done():
		}
	})
}

// finished closes one call and reports whether it was the last of its response.
func (t *toolcalls) finished(r *running) bool {
	r.cancel()
	delete(t.open, r.item.CallID)
	r.batch.open--
	return r.batch.open == 0
}

// interrupted cancels what need not be finished when the caller speaks. The outputs still come.
func (t *toolcalls) interrupted() {
	for _, r := range t.open {
		if info, ok := t.box.Info(r.item.Name); ok && info.OnInterrupt == tools.Cancel {
			r.cancel()
		}
	}
}

// wait returns when the last tool has returned.
func (t *toolcalls) wait() { t.wg.Wait() }

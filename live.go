package trunkline

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/trunkline/trunkline/agent"
	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/supervisor"
	"github.com/trunkline/trunkline/telephony"
	"github.com/trunkline/trunkline/tools"
)

// live is the calls that this process holds, for supervisors to act on.
type live struct {
	mu    sync.Mutex
	calls map[string]*heldCall // by call id
}

var _ supervisor.Live = (*live)(nil)

// heldCall is one of them. Static.
type heldCall struct {
	conv     *agent.Conversation
	call     *telephony.Call
	exchange *exchange
	agent    string
	to       []configs.Destination // of its agent
}

// enter makes a call known until the function it returns is called.
func (l *live) enter(id string, h *heldCall) (leave func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.calls == nil {
		l.calls = map[string]*heldCall{}
	}
	l.calls[id] = h
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.calls, id)
	}
}

func (l *live) find(id string) (*heldCall, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if h := l.calls[id]; h != nil {
		return h, nil
	}
	return nil, supervisor.ErrElsewhere
}

// errBusy: the conversation is over, or so many orders wait that something must be wrong with it.
var errBusy = fmt.Errorf("%w: the conversation is about to end, or does not answer", supervisor.ErrRefused)

// order finds a call and does something with its conversation.
func (l *live) order(id string, do func(*agent.Conversation) bool) error {
	h, err := l.find(id)
	if err == nil && !do(h.conv) {
		err = errBusy
	}
	return err
}

// Hangup implements supervisor.Live.
func (l *live) Hangup(_ context.Context, id, by string) error {
	return l.order(id, func(c *agent.Conversation) bool { return c.Dismiss(by) })
}

// Tell implements supervisor.Live.
func (l *live) Tell(_ context.Context, id, text, by string) error {
	return l.order(id, func(c *agent.Conversation) bool { return c.Tell(text, by, false) })
}

// Silence implements supervisor.Live.
func (l *live) Silence(_ context.Context, id string, off bool, by string) error {
	return l.order(id, func(c *agent.Conversation) bool { return c.Silence(off, by) })
}

// Holds implements supervisor.Live.
func (l *live) Holds(id string) bool {
	_, err := l.find(id)
	return err == nil
}

// Silenced implements supervisor.Live.
func (l *live) Silenced(id string) bool {
	h, err := l.find(id)
	return err == nil && h.conv.Silenced()
}

// Targets implements supervisor.Live: the destinations of the agent that answered.
func (l *live) Targets(id string) (names []string) {
	h, err := l.find(id)
	if err != nil {
		return nil
	}
	for _, d := range h.to {
		names = append(names, d.Name)
	}
	return names
}

// Transfer implements supervisor.Live, as the tool of that name does it. The agent is told, and tells the caller.
func (l *live) Transfer(ctx context.Context, id, target, by string) error {
	h, err := l.find(id)
	if err != nil {
		return err
	}
	for _, d := range h.to {
		if d.Name == target {
			return refused(h.transfer(ctx, &d, by))
		}
	}
	return fmt.Errorf("%w: the agent has no destination of that name; see agents[%s].transfers", supervisor.ErrRefused, h.agent)
}

func (h *heldCall) transfer(ctx context.Context, d *configs.Destination, by string) error {
	told := "A supervisor is putting the caller through to " + d.Name + ". Tell the caller so in a few words."
	if !h.conv.Tell(told, by, true) {
		return errBusy
	}
	if !d.Attended {
		return lineOf(h.call, h.exchange, nil).Transfer(ctx, d.To)
	}
	err := h.exchange.Consult(ctx, tools.Consultation{Agent: h.agent, Name: d.Name, To: d.To, Ring: d.Ring.Std(),
		Summary: "A supervisor asks you to take over the caller."})
	if err != nil {
		h.conv.Tell("The transfer to "+d.Name+" did not come about. Tell the caller, and go on.", by, true)
		return err
	}
	if !h.conv.PutThrough(d.Name, by) {
		return errBusy
	}
	return nil
}

// refused marks what a supervisor may be told of a failure: the words that the model would get.
func refused(err error) error {
	var told *tools.TellError
	if errors.As(err, &told) {
		return fmt.Errorf("%w: %w", supervisor.ErrRefused, told)
	}
	return err
}

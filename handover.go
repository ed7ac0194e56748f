package trunkline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/trunkline/trunkline/agent"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/telephony"
	"github.com/trunkline/trunkline/tools"
)

// exchange puts one caller through to somebody who was asked first. While their phone rings, and while an agent of its
// own tells them what it is about, the caller stays with the agent that answered:
//
//	caller ◄──► agent             tool transfer ─► Consult ─► human rings, is told: take it?
//	                                                            │ no, busy, nobody: the tool says so
//	caller ◄────────────── Bridge ──────────────► human ◄───────┘ yes: the agent leaves
type exchange struct {
	// Static.
	service *Service
	call    *telephony.Call
	ctx     context.Context // of the caller's call
	log     *slog.Logger
	over    chan struct{} // closed when the human is not needed any more
	crew    sync.WaitGroup

	mu     sync.Mutex
	asking bool
	human  *telephony.Call // who wants the caller; nil: nobody yet
	name   string          // of that destination
	spent  agent.Figures   // on telling them
}

func newExchange(ctx context.Context, s *Service, call *telephony.Call, log *slog.Logger) *exchange {
	return &exchange{service: s, call: call, ctx: ctx, log: log, over: make(chan struct{})}
}

// defaultRing is how long a phone rings that nobody said anything about.
const defaultRing = 25 * time.Second

// Consult asks somebody whether they take the caller (agent.Line).
func (x *exchange) Consult(ctx context.Context, q tools.Consultation) error {
	if !x.begin() {
		return tools.Tell("somebody is being called already")
	}
	defer x.done()
	leg, cancel := context.WithCancel(x.ctx) // the human's call may outlast the tool
	release := context.AfterFunc(ctx, cancel)
	defer release()
	verdict := make(chan error, 1)
	x.crew.Go(func() {
		defer cancel()
		err := x.service.phones.Dial(leg, x.outbound(q), telephony.HandlerFunc(func(ctx context.Context, human *telephony.Call) {
			err := x.ask(ctx, human, q)
			if err == nil && !release() { // whoever asked has gone, and this leg with it
				err = x.lose(human)
			}
			release()
			verdict <- err
			if err == nil {
				x.wait(ctx)
			}
		}))
		select {
		case verdict <- unreached(err):
		default: // they were reached
		}
	})
	return <-verdict
}

func (x *exchange) begin() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.asking || x.presentLocked() != nil {
		return false
	}
	x.asking = true
	return true
}

func (x *exchange) done() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.asking = false
}

// wait keeps the human's call until it is not needed any more.
func (x *exchange) wait(ctx context.Context) {
	select {
	case <-x.over:
	case <-ctx.Done():
	}
}

// close ends the human's call and returns when it is over.
func (x *exchange) close() {
	close(x.over)
	x.crew.Wait()
}

// wanted is who wants the caller; nil: nobody.
func (x *exchange) wanted() (human *telephony.Call, name string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.presentLocked(), x.name
}

// presentLocked is who wants the caller and is still there.
func (x *exchange) presentLocked() *telephony.Call {
	if x.human != nil && x.human.Ended() != nil {
		x.human = nil
	}
	return x.human
}

// lose forgets somebody who wanted the caller and does not get them.
func (x *exchange) lose(human *telephony.Call) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.human == human {
		x.human = nil
	}
	return tools.Tell("it took too long, and they were let go")
}

// outbound is the call to whom a tool names.
func (x *exchange) outbound(q tools.Consultation) telephony.Outbound {
	o := telephony.Outbound{Trunk: x.call.Info().Trunk, To: q.To, RingTimeout: q.Ring}
	if o.RingTimeout == 0 {
		o.RingTimeout = defaultRing
	}
	if a := x.service.cfg.Agent(q.Agent); a != nil {
		for _, d := range a.Transfers {
			if d.Name == q.Name && d.Trunk != "" {
				o.Trunk = d.Trunk
			}
		}
	}
	return o
}

// ask tells somebody what it is about. It returns nil when they want the caller.
func (x *exchange) ask(ctx context.Context, human *telephony.Call, q tools.Consultation) error {
	desk := x.service.desks[q.Agent]
	if desk == nil {
		return fmt.Errorf("no agent is named %q", q.Agent)
	}
	b := &briefing{}
	own, err := b.tools()
	if err != nil {
		return err
	}
	info := x.call.Info()
	told := x.service.told(info) // of the caller, over the human's call
	told.SIPCallID, told.Trunk, told.Started = human.Info().SIPCallID, human.Info().Trunk, time.Now()
	conv, err := agent.Open(ctx, agent.Setup{
		Info:    told,
		Law:     human.Info().Law,
		Desk:    agent.Desk{Profile: briefer(&desk.Profile, q, info.Caller), Dial: desk.Dial, Tools: own, Service: desk.Service},
		Journal: asides{x.service.journal, q.Name}, Observer: x.service.observer, Log: x.log,
	})
	if err != nil {
		return fmt.Errorf("model for %s cannot be reached: %w", q.Name, err)
	}
	end := b.hold(ctx, conv, lineOf(human, nil, nil))
	x.spend(conv.Finish(0))
	if !b.wanted() {
		return declined(end)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.human, x.name = human, q.Name
	return nil
}

func (x *exchange) spend(f agent.Figures) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.spent = addTokens(x.spent, f)
}

// addTo adds what was spent on the human to the figures of the caller's call.
func (x *exchange) addTo(f agent.Figures) agent.Figures {
	x.mu.Lock()
	defer x.mu.Unlock()
	return addTokens(f, x.spent)
}

func addTokens(to, f agent.Figures) agent.Figures {
	to.TokensIn += f.TokensIn
	to.TokensOut += f.TokensOut
	to.TokensCached += f.TokensCached
	to.CostMicros += f.CostMicros
	return to
}

// declined words why somebody who answered does not take the caller.
func declined(end agent.End) error {
	reason, said := strings.CutPrefix(end.Cause, "hang_up: ")
	switch {
	case said:
		return tools.Tell("they cannot take the call: %s", reason)
	case end.By == agent.ByCaller:
		return tools.Tell("they hung up before they had decided")
	}
	return tools.Tell("somebody answered, and did not say that they take the call")
}

// unreached words why nobody was reached; what the caller need not know stays an error.
func unreached(err error) error {
	var refused *telephony.DialError
	switch {
	case errors.Is(err, telephony.ErrBusy):
		return tools.Tell("they are busy")
	case errors.Is(err, telephony.ErrNoAnswer):
		return tools.Tell("nobody answered")
	case errors.As(err, &refused):
		return tools.Tell("the call to them was refused")
	case err == nil:
		return errors.New("call was over before anybody was asked")
	}
	return err
}

// putThrough joins the caller and who wants them, until either hangs up.
func (s *Service) putThrough(ctx context.Context, call, human *telephony.Call, name string, log *slog.Logger) agent.End {
	log.Info("put through", "to", name)
	err := telephony.Bridge(ctx, call, human)
	if e := call.Ended(); e != nil {
		return agent.End{By: e.By.String(), Cause: e.Text}
	}
	if e := human.Ended(); e == nil && err != nil {
		log.Warn("the two could not be joined", "err", err)
		return agent.End{By: agent.BySystem, Cause: "could not be put through to " + name}
	}
	s.journal.Append(call.Info().ID, store.Entry{Kind: store.KindTransfer, Role: store.RoleSystem, Text: name, Status: "ended", At: time.Now()})
	return agent.End{By: agent.ByAgent, Cause: "put through to " + name + ", who hung up"}
}

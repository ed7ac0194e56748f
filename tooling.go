package trunkline

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"

	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/tools"
)

// Toolbox is the tools of a configuration without a phone, for people who look at them and try them.
type Toolbox struct {
	// Static after OpenTools.
	cfg      *configs.Config
	registry *tools.Registry
	code     []string // names of the tools that were in Go
}

// OpenTools makes the tools that cfg describes. MCP servers have 5 s to tell of theirs: see [Toolbox.Away]. Of the options
// WithTools counts. Close it after use; after an error the tools are closed.
func OpenTools(cfg *configs.Config, opts ...Option) (*Toolbox, error) {
	o := options{tools: tools.NewRegistry()}
	for _, opt := range opts {
		opt(&o)
	}
	b := &Toolbox{cfg: cfg, registry: o.tools, code: o.tools.Names()}
	if err := addTools(b.registry, cfg, slog.New(slog.DiscardHandler)); err != nil {
		_ = closeTools(b.registry)
		return nil, err
	}
	return b, nil
}

// Close ends the programs of MCP servers and their connections.
func (b *Toolbox) Close() error { return closeTools(b.registry) }

// Away has an error for each MCP server that is not connected. Its tools are missing.
func (b *Toolbox) Away() (away []error) {
	for _, s := range b.registry.Sources() {
		if s.Connected {
			continue
		}
		err := s.Err
		if err == nil {
			err = fmt.Errorf("no answer within %s", serversWithin)
		}
		away = append(away, fmt.Errorf("mcp[%s] is away, its tools are missing: %w", s.Name, err))
	}
	return away
}

// ToolEntry is a tool and where it comes from.
type ToolEntry struct {
	tools.Info
	From   string   // "built in", "code", "webhook", "collect", "mcp NAME" or "openapi NAME"
	Agents []string // that have it
}

// List gives the tools in alphabetical order: all of the configuration, or those that one agent has, hand_off and transfer
// among them.
func (b *Toolbox) List(agent string) ([]ToolEntry, error) {
	registry, _, err := b.of(agent)
	if err != nil {
		return nil, err
	}
	var list []ToolEntry
	for _, name := range registry.Names() {
		if info, ok := registry.Info(name); ok {
			list = append(list, ToolEntry{Info: info, From: b.from(name), Agents: b.agentsWith(name)})
		}
	}
	return list, nil
}

// Definitions gives the named tools as the session of a model has them; without names all of the configuration, or those of
// agent in the order that it offers them.
func (b *Toolbox) Definitions(agent string, names ...string) ([]tools.Definition, error) {
	registry, offered, err := b.of(agent)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		names = offered
	}
	return registry.Describe(names)
}

// of gives the tools of an agent and their names in its order; of no agent, all tools.
func (b *Toolbox) of(name string) (*tools.Registry, []string, error) {
	if name == "" {
		return b.registry, b.registry.Names(), nil
	}
	a := b.cfg.Agent(name)
	if a == nil {
		return nil, nil, fmt.Errorf("no agent is named %q; look at agents in the configuration", name)
	}
	own, err := ownTools(a, b.registry)
	if err != nil {
		return nil, nil, fmt.Errorf("agent %q: %w", name, err)
	}
	return own, offeredBy(a), nil
}

// offeredBy names the tools that an agent offers its model.
func offeredBy(a *configs.Agent) []string {
	names := slices.Clone(a.Tools)
	if len(a.HandOff) > 0 {
		names = append(names, "hand_off")
	}
	if len(a.Transfers) > 0 {
		names = append(names, "transfer")
	}
	return names
}

func (b *Toolbox) agentsWith(tool string) (names []string) {
	for i := range b.cfg.Agents {
		if a := &b.cfg.Agents[i]; slices.Contains(offeredBy(a), tool) {
			names = append(names, a.Name)
		}
	}
	return names
}

// from says where a tool comes from.
func (b *Toolbox) from(name string) string {
	if slices.Contains(b.code, name) {
		return "code"
	}
	for i := range b.cfg.Tools {
		switch t := &b.cfg.Tools[i]; {
		case t.Name == name && t.Collect != nil:
			return "collect"
		case t.Name == name:
			return "webhook"
		}
	}
	for _, s := range b.registry.Sources() {
		if slices.Contains(s.Tools, name) {
			return "mcp " + s.Name
		}
	}
	for i := range b.cfg.OpenAPI {
		o := tools.OpenAPI{Name: b.cfg.OpenAPI[i].Name, Prefix: b.cfg.OpenAPI[i].Prefix}
		if slices.ContainsFunc(b.cfg.OpenAPI[i].Operations, func(id string) bool { return o.ToolName(id) == name }) {
			return "openapi " + o.Name
		}
	}
	return "built in"
}

// Trial is one run of a tool by hand, in a phone call that is not.
type Trial struct {
	Tool      string
	Arguments string // JSON, as a model writes it; empty stands for {}
	Agent     string // profile whose tools there are; empty: all tools of the configuration
	Caller    string
	Dialled   string
}

// Run runs a tool as a call does: the arguments are checked, the time is bounded, and what the tool does in the world is
// done. There is no phone line; wantsLine reports that the tool asked for one. The error is for a Trial that cannot be; how
// the run ended is in the Outcome.
func (b *Toolbox) Run(ctx context.Context, t Trial) (o tools.Outcome, wantsLine bool, err error) {
	registry, _, err := b.of(t.Agent)
	if err != nil {
		return tools.Outcome{}, false, err
	}
	line := &noPhone{}
	call := &tools.Call{ID: "trial-" + rand.Text(), Caller: t.Caller, Dialled: t.Dialled, Agent: t.Agent, Control: line}
	if a := b.cfg.Agent(t.Agent); a != nil {
		call.TimeZone = a.TimeZone.Location()
	}
	o = registry.Run(ctx, tools.Invocation{Name: t.Tool, Arguments: t.Arguments, Call: call.For("trial")})
	return o, line.asked.Load(), nil
}

// noPhone is the line of a trial. It does nothing and remembers that it was asked to.
type noPhone struct {
	asked atomic.Bool
}

var _ tools.Control = (*noPhone)(nil)

func (p *noPhone) refuse() error {
	p.asked.Store(true)
	return tools.ErrNoLine
}

func (p *noPhone) Hangup(context.Context, string) error              { return p.refuse() }
func (p *noPhone) Transfer(context.Context, string) error            { return p.refuse() }
func (p *noPhone) Consult(context.Context, tools.Consultation) error { return p.refuse() }
func (p *noPhone) Say(context.Context, string, string) error         { return nil } // nobody listens
func (p *noPhone) SendDigits(context.Context, string) error          { return p.refuse() }
func (p *noPhone) Digits(context.Context, bool) <-chan rune {
	_ = p.refuse()
	none := make(chan rune)
	close(none)
	return none
}

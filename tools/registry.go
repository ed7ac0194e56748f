package tools

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxName is the longest name of a function that a Realtime server takes.
const maxName = 64

// Registry holds tools by name. All methods may be used at the same time.
type Registry struct {
	mu      sync.RWMutex
	tools   map[string]*tool // guarded by mu; of a Subset: those of its own
	sources []source         // guarded by mu; of a Subset: none

	// Static.

	crew    *crew           // shared with every Subset
	origin  *Registry       // of a Subset; else nil
	allowed map[string]bool // of a Subset: names that it has of its origin
}

// handler is a tool's code below the types: checked arguments in, an answer out.
type handler func(ctx context.Context, c *Call, args json.RawMessage) (reply, error)

// tool is one entry. Static after construction; the gate guards itself.
type tool struct {
	name        string
	description string
	params      *parameters
	settings    settings
	run         handler
	gate        *gate
	source      source // whom it was learned from; nil for most
}

// NewRegistry returns an empty registry.
func NewRegistry() *Registry {
	return &Registry{tools: map[string]*tool{}, crew: &crew{}}
}

// Definition is a tool as session.update offers it.
type Definition struct {
	Name        string
	Description string
	Parameters  json.RawMessage // JSON Schema of an object
}

// MarshalJSON writes the flat form of the Realtime API with exactly the members type, name, description and parameters.
// Servers refuse a whole session.update, audio formats included, for any other member.
func (d Definition) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Type        string          `json:"type"`
		Name        string          `json:"name"`
		Description string          `json:"description,omitempty"`
		Parameters  json.RawMessage `json:"parameters"`
	}{"function", d.Name, d.Description, d.Parameters})
}

// Info is how a tool wants to be run.
type Info struct {
	Name        string
	Description string
	Timeout     time.Duration
	MaxResult   int // bytes
	OnInterrupt Interrupt
	Concurrency int // 0: no limit
	Redact      []string
	Effects     Effects
}

// Stats are the figures of one tool, for metrics.
type Stats struct {
	Name string
	// Running is the number of handlers at work, stuck ones included.
	Running int
	// Stuck is the number of handlers that did not return when their context ended.
	Stuck int
}

// Names lists the tools in alphabetical order.
func (r *Registry) Names() []string {
	r.mu.RLock()
	names := slices.Collect(maps.Keys(r.tools))
	r.mu.RUnlock()
	for name := range r.allowed {
		if r.origin.lookup(name) != nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Describe returns the definitions of the named tools in the order given. A name that is unknown or listed twice is an
// error: a session with half its tools would fail in the middle of a call.
//
// A tool that an MCP server has not told of yet is left out with a warning in the log: a server that is down must not
// keep the phone from being answered. See [Registry.Ready].
func (r *Registry) Describe(names []string) ([]Definition, error) {
	list, err := r.pick(names)
	if err != nil {
		return nil, fmt.Errorf("describe tools: %w", err)
	}
	r.warnOfAbsent(names)
	defs := make([]Definition, len(list))
	for i, t := range list {
		defs[i] = Definition{Name: t.name, Description: t.description, Parameters: slices.Clone(t.params.text)}
	}
	return defs, nil
}

// Subset returns a registry of the named tools only, the allow-list of one agent: a model that asks for another tool
// is told that there is none. The tools, their limits and Close are shared with r.
//
// Names of tools that an MCP server has yet to tell of are taken: the Subset has them from then on. A tool that is added
// to a Subset is in no other.
func (r *Registry) Subset(names ...string) (*Registry, error) {
	if _, err := r.pick(names); err != nil {
		return nil, fmt.Errorf("choose tools: %w", err)
	}
	sub := &Registry{tools: map[string]*tool{}, crew: r.crew, origin: r, allowed: make(map[string]bool, len(names))}
	for _, name := range names {
		sub.allowed[name] = true
	}
	return sub, nil
}

// Info returns how the named tool wants to be run, and whether there is one.
func (r *Registry) Info(name string) (Info, bool) {
	t := r.lookup(name)
	if t == nil {
		return Info{}, false
	}
	return Info{
		Name: t.name, Description: t.description,
		Timeout: t.settings.timeout, MaxResult: t.settings.maxResult,
		OnInterrupt: t.settings.interrupt, Concurrency: t.settings.concurrency,
		Redact: slices.Clone(t.settings.redact), Effects: t.settings.effects,
	}, true
}

// Stats returns the figures of all tools in alphabetical order.
func (r *Registry) Stats() []Stats {
	names := r.Names()
	all := make([]Stats, 0, len(names))
	for _, name := range names {
		if t := r.lookup(name); t != nil { // an MCP server may have withdrawn it
			all = append(all, t.gate.stats(name))
		}
	}
	return all
}

// Close refuses new runs and waits until every handler has returned, stuck ones included, or ctx ends; then the error
// says how many are left. Idle connections of webhooks are closed. Closing a Subset closes its origin.
func (r *Registry) Close(ctx context.Context) error {
	return r.crew.close(ctx)
}

// add checks what all kinds of tools have in common and enters t.
func (r *Registry) add(t *tool) error {
	if err := t.check(); err != nil {
		return err
	}
	t.gate = newGate(t.settings.concurrency)
	if r.origin != nil && r.allowed[t.name] {
		return errTaken
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tools[t.name] != nil {
		return errTaken
	}
	for _, s := range r.sources {
		if s.mayBring(t.name) {
			return fmt.Errorf("%w: %s may bring it", errTaken, s)
		}
	}
	r.tools[t.name] = t
	r.crew.atClose(t.settings.closers)
	return nil
}

var errTaken = errors.New("there is a tool of this name already")

// check refuses what cannot be called or called safely.
func (t *tool) check() error {
	if err := checkName(t.name); err != nil {
		return err
	}
	if t.run == nil {
		return errors.New("no handler")
	}
	for _, f := range t.settings.redact {
		if !t.params.closed || t.params.known[f] {
			continue
		}
		return fmt.Errorf("redact %q: no such argument, the arguments are %s", f, orNone(slices.Sorted(maps.Keys(t.params.known))))
	}
	return nil
}

// lookup finds a tool that may be run.
func (r *Registry) lookup(name string) *tool {
	r.mu.RLock()
	t := r.tools[name]
	r.mu.RUnlock()
	if t == nil && r.allowed[name] {
		return r.origin.lookup(name)
	}
	return t
}

// pick finds tools by name, without those that are still to come.
func (r *Registry) pick(names []string) ([]*tool, error) {
	list := make([]*tool, 0, len(names))
	seen := make(map[string]bool, len(names))
	for _, name := range names {
		if seen[name] {
			return nil, fmt.Errorf("tool %q is listed twice", name)
		}
		seen[name] = true
		switch t := r.lookup(name); {
		case t != nil:
			list = append(list, t)
		case r.sourceOf(name) == nil:
			return nil, fmt.Errorf("%w %q, known are %s", ErrUnknown, name, orNone(r.Names()))
		}
	}
	return list, nil
}

// checkName enforces the names that every Realtime server takes: [a-zA-Z0-9_-]{1,64}.
func checkName(name string) error {
	if len(name) == 0 || len(name) > maxName {
		return fmt.Errorf("a name has 1 to %d characters, this one has %d", maxName, len(name))
	}
	for _, c := range []byte(name) {
		if !isWordByte(c) && c != '-' {
			return fmt.Errorf("a name is made of letters, digits, _ and -, not of %q", c)
		}
	}
	return nil
}

func isWordByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

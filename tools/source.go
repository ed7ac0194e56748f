package tools

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
)

// source is a server that tells what tools it has, and may not have told yet.
type source interface {
	fmt.Stringer
	// mayBring reports whether a tool of that name is, or may come, from this source.
	mayBring(name string) bool
	// learned is closed when the source has told of its tools for the first time.
	learned() <-chan struct{}
	state() Source
	logger() *slog.Logger
}

// Source is how the registry stands with a server that brings tools.
type Source struct {
	Name      string
	Connected bool
	Tools     []string // names in the registry, in alphabetical order
	Err       error    // why it is not connected, or the last fault of what it told; nil if there is none
	Connects  int      // how often it was connected; each above 1 follows a loss
}

// Sources tells how the registry stands with each MCP server, in the order they were added.
func (r *Registry) Sources() []Source {
	r = r.root()
	r.mu.RLock()
	sources := slices.Clone(r.sources)
	r.mu.RUnlock()
	all := make([]Source, len(sources))
	for i, s := range sources {
		all[i] = s.state()
	}
	return all
}

// Ready waits until every MCP server has told of its tools, so that the first call has them, or until ctx ends. Then the
// error names the servers that have not, and why; it is worth a warning and no more, since their tools come as soon as
// they do.
func (r *Registry) Ready(ctx context.Context) error {
	r = r.root()
	r.mu.RLock()
	sources := slices.Clone(r.sources)
	r.mu.RUnlock()
	var late []error
	for _, s := range sources {
		select {
		case <-s.learned():
			continue
		default:
		}
		select {
		case <-s.learned():
		case <-ctx.Done():
			late = append(late, fmt.Errorf("%s has not told of its tools: %w", s, reasonOf(s)))
		}
	}
	return errors.Join(late...)
}

func reasonOf(s source) error {
	if err := s.state().Err; err != nil {
		return err
	}
	return ErrUnavailable
}

func (r *Registry) root() *Registry {
	for r.origin != nil {
		r = r.origin
	}
	return r
}

// addSource enters a source, unless tools of it would take the names of others.
func (r *Registry) addSource(s source, prefix string) error {
	if r.origin != nil {
		return errors.New("add it to the whole registry, and name its tools in the Subset")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for name := range r.tools {
		if s.mayBring(name) {
			return fmt.Errorf("%w: %q begins with %q; give another prefix", errTaken, name, prefix)
		}
	}
	for _, other := range r.sources {
		if other.String() == s.String() {
			return fmt.Errorf("%s is there already", s)
		}
	}
	r.sources = append(r.sources, s)
	return nil
}

// learn replaces the tools of a source by those that it tells of now, and returns one error for each that is left out.
// A tool that stays keeps its limits: runs that are stuck in it still count.
func (r *Registry) learn(s source, list []*tool) (faults []error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := map[string]*tool{}
	for name, t := range r.tools {
		if t.source == s {
			old[name] = t
			delete(r.tools, name)
		}
	}
	for _, t := range list {
		err := t.check()
		if err == nil && r.tools[t.name] != nil {
			err = errTaken
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("tool %q: %w", t.name, err))
			continue
		}
		t.source, t.gate = s, newGate(t.settings.concurrency)
		if before := old[t.name]; before != nil {
			t.gate = before.gate
		}
		r.tools[t.name] = t
	}
	return faults
}

// sourceOf finds the source that a tool of that name comes from or may come from; nil if there is none.
func (r *Registry) sourceOf(name string) source {
	if r.origin != nil {
		if !r.allowed[name] {
			return nil
		}
		return r.origin.sourceOf(name)
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, s := range r.sources {
		if s.mayBring(name) {
			return s
		}
	}
	return nil
}

// warnOfAbsent logs the tools that a session goes without.
func (r *Registry) warnOfAbsent(names []string) {
	for _, name := range names {
		if r.lookup(name) != nil {
			continue
		}
		if s := r.sourceOf(name); s != nil {
			s.logger().Warn("session goes without a tool", "tool", name, "server", s.state().Name, "err", reasonOf(s))
		}
	}
}

// absentOutcome answers for a tool that is not in the registry: it has never been, or its server has withdrawn it.
func (r *Registry) absentOutcome(inv Invocation) Outcome {
	s := r.sourceOf(inv.Name)
	if s == nil {
		return r.unknownOutcome(inv.Name)
	}
	t := &tool{name: inv.Name, settings: settings{maxResult: DefaultMaxResult}}
	return t.outcome(inv.Call.forRun(inv.Name), reply{}, &MCPError{Server: s.state().Name, Err: ErrUnavailable})
}

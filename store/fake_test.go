package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/trunkline/trunkline/store"
)

var errAway = errors.New("connection refused")

// fakeSink is a backend in memory whose faults the test chooses.
type fakeSink struct {
	mu    sync.Mutex
	calls map[string]*fakeCall
	ops   []string // what was asked, in order

	// fault, when set, decides on each operation before it is done; lost, when set, after it was done.
	fault, lost func(op, callID string) error
	hang        bool // operations wait for their context
}

type fakeCall struct {
	call     store.Call
	lines    []store.Entry
	written  map[string]time.Time // by line
	begun    time.Time
	finished time.Time
}

func newFakeSink() *fakeSink { return &fakeSink{calls: map[string]*fakeCall{}} }

// do runs one operation with the faults that are set.
func (f *fakeSink) do(ctx context.Context, op, id string, work func() error) error {
	f.mu.Lock()
	f.ops = append(f.ops, op+" "+id)
	hang := f.hang
	f.mu.Unlock()
	if hang {
		<-ctx.Done()
		return ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fault != nil {
		if err := f.fault(op, id); err != nil {
			return err
		}
	}
	if err := work(); err != nil || f.lost == nil {
		return err
	}
	return f.lost(op, id)
}

func (f *fakeSink) Begin(ctx context.Context, c store.Call) error {
	return f.do(ctx, "begin", c.ID, func() error {
		if f.calls[c.ID] == nil {
			f.calls[c.ID] = &fakeCall{begun: time.Now(), written: map[string]time.Time{}}
		}
		f.calls[c.ID].call.Merge(&c)
		return nil
	})
}

func (f *fakeSink) Append(ctx context.Context, id string, entries ...store.Entry) error {
	return f.do(ctx, "append", id, func() error {
		c := f.calls[id]
		if c == nil {
			return store.ErrNotFound
		}
		conflict := &store.Conflict{}
		for _, e := range entries {
			i := slices.IndexFunc(c.lines, func(have store.Entry) bool { return have.ID == e.ID })
			if i < 0 {
				c.lines = append(c.lines, e)
				c.written[e.ID] = time.Now()
				slices.SortStableFunc(c.lines, byID)
			} else if !c.lines[i].Same(&e) {
				conflict.IDs = append(conflict.IDs, e.ID)
			}
		}
		if len(conflict.IDs) > 0 {
			return conflict
		}
		return nil
	})
}

func (f *fakeSink) Finish(ctx context.Context, c store.Call) error {
	return f.do(ctx, "finish", c.ID, func() error {
		if f.calls[c.ID] == nil {
			return store.ErrNotFound
		}
		f.calls[c.ID].call.Merge(&c)
		f.calls[c.ID].finished = time.Now()
		return nil
	})
}

func (f *fakeSink) Renew(ctx context.Context, id string, _ time.Duration) error {
	return f.do(ctx, "renew", id, func() error {
		if f.calls[id] == nil {
			return store.ErrNotFound
		}
		return nil
	})
}

func byID(a, b store.Entry) int {
	x, _ := store.ParseID(a.ID)
	y, _ := store.ParseID(b.ID)
	return x.Compare(y)
}

// forgetfulSink is a fakeSink that can crash and forget lines it confirmed.
type forgetfulSink struct {
	*fakeSink
	epoch atomic.Uint64
}

func (f *forgetfulSink) Epoch() uint64 { return f.epoch.Load() }

func (f *forgetfulSink) Ping(ctx context.Context) error {
	return f.do(ctx, "ping", "", func() error { return nil })
}

// crash restarts the server at once. It has forgotten what it confirmed during the last while.
func (f *forgetfulSink) crash(while time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	since := time.Now().Add(-while)
	for id, c := range f.calls {
		c.lines = slices.DeleteFunc(c.lines, func(e store.Entry) bool { return c.written[e.ID].After(since) })
		if c.finished.After(since) {
			c.finished = time.Time{}
		}
		if c.begun.After(since) {
			delete(f.calls, id)
		}
	}
	f.epoch.Add(1)
}

// settle makes all that was written safe from a crash.
func (f *forgetfulSink) settle() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.calls {
		clear(c.written)
		c.begun = time.Time{}
	}
}

// set changes the faults.
func (f *fakeSink) set(change func(*fakeSink)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

// said is the transcript of a call, one line as "text" or, without one, as its kind.
func (f *fakeSink) said(id string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.calls[id] == nil {
		return nil
	}
	var out []string
	for _, e := range f.calls[id].lines {
		switch {
		case e.Kind == store.KindTurn:
			out = append(out, e.Text)
		default:
			out = append(out, "("+e.Kind+")")
		}
	}
	return out
}

func (f *fakeSink) call(id string) fakeCall {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.calls[id] == nil {
		return fakeCall{}
	}
	return *f.calls[id]
}

func (f *fakeSink) count(op string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, have := range f.ops {
		if have == op {
			n++
		}
	}
	return n
}

func always(err error) func(string, string) error {
	return func(string, string) error { return err }
}

// say is a turn without an id.
func say(format string, args ...any) store.Entry {
	return store.Entry{Kind: store.KindTurn, Role: store.RoleCaller, Text: fmt.Sprintf(format, args...)}
}

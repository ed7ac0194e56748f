package outbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/trunkline/trunkline/store"
)

// Source is where events come from: a [store.Store].
type Source interface {
	store.Outbox
	Call(ctx context.Context, id string) (store.Call, error)
	Entries(ctx context.Context, id, after string, limit int) ([]store.Entry, error)
}

// Parcel is an event with all there is to say of it.
type Parcel struct {
	store.Event
	Record store.Call
	Line   *store.Entry // nil: the event is about none, or it is gone
}

// Deliver hands over one parcel. A [ErrRefused] error means that trying again is of little use.
type Deliver func(ctx context.Context, p *Parcel) error

// ErrRefused is wrapped by errors about the event and not about the receiver's state.
var ErrRefused = errors.New("refused")

// Courier delivers the events of one receiver, in order as far as nothing fails. Fields are static; Name, Source and
// Deliver are required.
type Courier struct {
	Name     string // of the receiver, unique: its place in the events is kept under it
	Node     string // of this process among those that share the store
	Source   Source
	Deliver  Deliver
	Types    []string // of events; nil: all
	Attempts int      // before an event is put aside; 0: 30, which is some hours
	Log      *slog.Logger
	Observe  func(receiver, outcome string) // told of delivered, failed, buried; nil: nobody counts

	left []store.Event // taken and not dealt with; owned by Run, then by Finish

	entered atomic.Bool
	waiting atomic.Int64
}

// Bounds of a courier.
const (
	batch          = 16
	firstPause     = time.Second
	longestPause   = 10 * time.Minute
	abandoned      = 2 * longestPause // so long after it was taken somebody else may take an event
	refusals       = 3                // attempts for what is refused
	defaultAttempt = 30
)

// Outcomes.
const (
	Delivered = "delivered"
	Failed    = "failed" // and is tried again
	Buried    = "buried"
)

// Waiting is how many events this courier has taken and not dealt with.
func (c *Courier) Waiting() int { return int(c.waiting.Load()) }

// Entered reports whether the receiver has its place in the events: what happens from then on reaches it, sooner or later.
func (c *Courier) Entered() bool { return c.entered.Load() }

// Run delivers until ctx is done. The caller owns the goroutine.
func (c *Courier) Run(ctx context.Context) {
	pause := firstPause
	for ctx.Err() == nil {
		events, err := c.Source.Take(ctx, c.Name, c.Node, batch, abandoned)
		if err != nil {
			c.warn(ctx, "events cannot be read; trying again", err)
			sleep(ctx, pause)
			pause = min(2*pause, longestPause)
			continue
		}
		c.entered.Store(true)
		pause = firstPause
		c.round(ctx, events)
	}
}

// Finish delivers what is left and what is new, each event once, until there is nothing more, something fails or ctx is
// done. It is called when Run has returned.
func (c *Courier) Finish(ctx context.Context) {
	for events := c.left; ; {
		for i := range events {
			if !c.once(ctx, &events[i]) {
				return // it is taken again by whoever comes next
			}
		}
		look, cancel := context.WithTimeout(ctx, firstPause/2)
		more, err := c.Source.Take(look, c.Name, c.Node, batch, abandoned)
		cancel()
		if err != nil || len(more) == 0 {
			return
		}
		events = more
	}
}

// once delivers an event if that goes at once.
func (c *Courier) once(ctx context.Context, e *store.Event) bool {
	if c.wanted(e) {
		if err := c.attempt(ctx, e); err != nil && !errors.Is(err, store.ErrNotFound) {
			return false
		}
		c.count(Delivered)
	}
	return c.Source.Done(ctx, c.Name, e.ID) == nil
}

func (c *Courier) wanted(e *store.Event) bool {
	return c.Types == nil || slices.Contains(c.Types, e.Type)
}

// round deals with what was taken. What is left when ctx ends is taken again later.
func (c *Courier) round(ctx context.Context, events []store.Event) {
	defer c.waiting.Store(0)
	for i := range events {
		c.waiting.Store(int64(len(events) - i))
		if !c.settle(ctx, &events[i]) {
			c.left = events[i:]
			return
		}
	}
}

// settle delivers an event, however long that takes, or puts it aside. It reports false when ctx ended before.
func (c *Courier) settle(ctx context.Context, e *store.Event) bool {
	if !c.wanted(e) {
		return c.done(ctx, e)
	}
	pause := firstPause
	for attempt := 1; ; attempt++ {
		err := c.attempt(ctx, e)
		switch {
		case ctx.Err() != nil:
			return false
		case err == nil:
			c.count(Delivered)
			return c.done(ctx, e)
		case errors.Is(err, store.ErrNotFound): // deleted meanwhile: there is nobody to tell of
			return c.done(ctx, e)
		case attempt >= cmp.Or(c.Attempts, defaultAttempt), errors.Is(err, ErrRefused) && attempt >= refusals:
			return c.bury(ctx, e, err)
		}
		c.count(Failed)
		c.warn(ctx, "event was not delivered; trying again", err, "type", e.Type, "call_id", e.Call, "attempt", attempt, "pause", pause)
		sleep(ctx, pause)
		pause = min(2*pause, longestPause)
	}
}

// attempt looks up what there is to say, at each try anew, and hands it over.
func (c *Courier) attempt(ctx context.Context, e *store.Event) error {
	p := &Parcel{Event: *e}
	var err error
	if p.Record, err = c.Source.Call(ctx, e.Call); err != nil {
		return fmt.Errorf("read the call: %w", err)
	}
	if p.Line, err = c.line(ctx, e); err != nil {
		return fmt.Errorf("read the line: %w", err)
	}
	return c.Deliver(ctx, p)
}

func (c *Courier) line(ctx context.Context, e *store.Event) (*store.Entry, error) {
	id, err := store.ParseID(e.Entry)
	if err != nil {
		return nil, nil // it is about none
	}
	entries, err := c.Source.Entries(ctx, e.Call, before(id), 1)
	if err != nil || len(entries) == 0 || entries[0].ID != e.Entry {
		return nil, err
	}
	return &entries[0], nil
}

// before is the place just before a line.
func before(id store.ID) string {
	switch {
	case id.Seq > 0:
		id.Seq--
	case id.MS > 0:
		id.MS, id.Seq = id.MS-1, ^uint64(0)
	}
	if id == (store.ID{}) {
		return ""
	}
	return id.String()
}

func (c *Courier) done(ctx context.Context, e *store.Event) bool {
	return c.insist(ctx, func() error { return c.Source.Done(ctx, c.Name, e.ID) })
}

func (c *Courier) bury(ctx context.Context, e *store.Event, fault error) bool {
	c.count(Buried)
	c.warn(ctx, "event is put aside", fault, "type", e.Type, "call_id", e.Call)
	return c.insist(ctx, func() error { return c.Source.Bury(ctx, c.Name, *e, fault.Error()) })
}

// insist repeats a write until the store takes it.
func (c *Courier) insist(ctx context.Context, write func() error) bool {
	for pause := firstPause; ctx.Err() == nil; pause = min(2*pause, longestPause) {
		err := write()
		if err == nil {
			return true
		}
		c.warn(ctx, "store does not take that an event is dealt with; trying again", err)
		sleep(ctx, pause)
	}
	return false
}

func (c *Courier) count(outcome string) {
	if c.Observe != nil {
		c.Observe(c.Name, outcome)
	}
}

func (c *Courier) warn(ctx context.Context, what string, err error, args ...any) {
	if c.Log != nil && ctx.Err() == nil {
		c.Log.Warn(what, append([]any{"receiver", c.Name, "err", err}, args...)...)
	}
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

package tools

import (
	"context"
	"fmt"
	"sync"
)

// maxStuck is how many handlers of one tool may ignore their ended context before new runs of it are refused. Go cannot
// end a goroutine from outside; without the limit a broken back end would collect one for each call.
const maxStuck = 16

// gate counts the runs of one tool and limits them. Runs that wait for a slot are callers of Run blocked in enter: they
// are bounded by their number and leave when their context ends.
type gate struct {
	slots chan struct{} // static; one element for each handler at work, nil without a limit; never closed

	mu      sync.Mutex
	running int // guarded by mu
	stuck   int // guarded by mu
}

func newGate(concurrency int) *gate {
	g := &gate{}
	if concurrency > 0 {
		g.slots = make(chan struct{}, concurrency)
	}
	return g
}

// enter admits one run or says why not. Every admitted run calls leave when its handler has returned, however late: a
// stuck handler still burdens the back end, so it keeps its slot.
func (g *gate) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if g.stats("").Stuck >= maxStuck {
		return ErrStuck // checked before the wait: stuck runs hold the slots too
	}
	if g.slots != nil {
		select {
		case g.slots <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.running++
	return nil
}

// job is one admitted run.
type job struct {
	returned  bool // guarded by gate.mu
	abandoned bool // guarded by gate.mu
}

// abandon marks the run as stuck, unless its handler has returned after all.
func (g *gate) abandon(j *job) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if j.returned {
		return false
	}
	j.abandoned = true
	g.stuck++
	return true
}

// leave ends the run and says whether it had been abandoned.
func (g *gate) leave(j *job) bool {
	g.mu.Lock()
	j.returned = true
	g.running--
	if j.abandoned {
		g.stuck--
	}
	g.mu.Unlock()
	if g.slots != nil {
		<-g.slots
	}
	return j.abandoned
}

func (g *gate) stats(name string) Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	return Stats{Name: name, Running: g.running, Stuck: g.stuck}
}

// crew is all handlers at work in a registry and its subsets: what Close joins.
type crew struct {
	mu     sync.Mutex
	n      int           // guarded by mu
	closed bool          // guarded by mu
	idle   chan struct{} // guarded by mu; made by shut, closed when n reaches 0

	closers []func() // guarded by mu; release what tools hold
}

// atClose has closers called by close; at once if that has been.
func (w *crew) atClose(closers []func()) {
	w.mu.Lock()
	w.closers = append(w.closers, closers...)
	closed := w.closed
	w.mu.Unlock()
	if closed {
		w.release()
	}
}

// release lets go of what tools hold, all at once: a server that takes its time to end does not hold up the next.
func (w *crew) release() {
	w.mu.Lock()
	closers := w.closers
	w.closers = nil
	w.mu.Unlock()
	var wg sync.WaitGroup
	for _, f := range closers {
		wg.Go(f)
	}
	wg.Wait()
}

// enter counts one more handler, unless the registry is closed.
func (w *crew) enter() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return ErrClosed
	}
	w.n++
	return nil
}

func (w *crew) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.n--
	if w.n == 0 && w.idle != nil {
		close(w.idle)
		w.idle = nil
	}
}

func (w *crew) close(ctx context.Context) error {
	defer w.release()
	idle := w.shut()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
	}
	if n := w.count(); n > 0 {
		return fmt.Errorf("close tools: %d handlers have not returned: %w", n, ctx.Err())
	}
	return nil
}

// shut refuses new handlers and returns a channel that is closed when none is left.
func (w *crew) shut() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if w.idle == nil {
		w.idle = make(chan struct{})
	}
	idle := w.idle
	if w.n == 0 {
		close(w.idle)
		w.idle = nil
	}
	return idle
}

func (w *crew) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.n
}

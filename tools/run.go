package tools

import (
	"context"
	"errors"
	"runtime/debug"
	"time"
)

// grace is how long Run waits for a handler after its context has ended. A handler that honours its context returns in
// far less, and then its word counts; one that does not is left behind.
const grace = 100 * time.Millisecond

// errDeadline is the cause of a tool's own timeout, which tells it from a deadline of the call.
var errDeadline = errors.New("tool timeout")

// Invocation is one function call of the model.
type Invocation struct {
	Name string
	// Arguments is the JSON text that the model wrote; empty stands for {}.
	Arguments string
	// Call is the phone call, derived with [Call.For]; nil is an empty one.
	Call *Call
}

// Run runs a tool and returns its one Outcome. It never panics and never waits longer than the tool's Timeout, or the end
// of ctx, and a moment of grace.
//
// A handler that does not return by then is left behind in its goroutine. It is counted ([Stats].Stuck), keeps its
// Concurrency slot, is joined by [Registry.Close], and when 16 runs of a tool are stuck further ones are refused.
func (r *Registry) Run(ctx context.Context, inv Invocation) (o Outcome) {
	start := time.Now()
	defer func() { o.Duration = time.Since(start) }()
	t := r.lookup(inv.Name)
	if t == nil {
		return r.absentOutcome(inv)
	}
	c := inv.Call.forRun(t.name)
	return t.runOnce(ctx, r.crew, c, inv.Arguments)
}

// runOnce checks the arguments, runs the handler and words the result. The recover is for our own code and the schema
// library: handlers have one of their own.
func (t *tool) runOnce(ctx context.Context, w *crew, c *Call, arguments string) (o Outcome) {
	var recorded string
	defer func() {
		if p := recover(); p != nil {
			o = t.outcome(c, reply{}, &PanicError{Value: p, Stack: debug.Stack()})
		}
		o.Arguments = recorded
	}()
	recorded = t.recorded(arguments)
	args, err := t.params.check(arguments)
	if err != nil {
		return t.outcome(c, reply{}, err)
	}
	rep, err := t.execute(ctx, w, c, args)
	return t.outcome(c, rep, err)
}

// answer is what a handler's goroutine hands over.
type answer struct {
	reply reply
	err   error
}

// execute runs the handler in its own goroutine and waits for it, its deadline or the end of ctx.
func (t *tool) execute(ctx context.Context, w *crew, c *Call, args []byte) (reply, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, t.settings.timeout, errDeadline)
	defer cancel()
	if err := t.gate.enter(ctx); err != nil {
		return reply{}, t.interrupted(ctx, err, false)
	}
	j := &job{}
	if err := w.enter(); err != nil {
		t.gate.leave(j)
		return reply{}, err
	}
	done := make(chan answer, 1)
	go t.work(ctx, w, j, c, args, done)
	select {
	case a := <-done:
		return t.settle(ctx, a)
	case <-ctx.Done():
		return t.linger(ctx, j, c, done)
	}
}

// linger waits a moment for a handler whose context has ended, and leaves it behind if it does not come.
func (t *tool) linger(ctx context.Context, j *job, c *Call, done <-chan answer) (reply, error) {
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case a := <-done:
		return t.settle(ctx, a)
	case <-timer.C:
	}
	if !t.gate.abandon(j) {
		return t.settle(ctx, <-done)
	}
	c.Logger().Warn("tool ignores the end of its context", "stuck", t.gate.stats("").Stuck)
	return reply{attempts: 1}, t.interrupted(ctx, nil, true)
}

// work is the handler's goroutine. Owned by the tool's gate and the registry's crew, stopped by ctx, joined by
// Registry.Close. The answer is sent by a deferred function because runtime.Goexit, which testing's FailNow uses, unwinds
// without a panic.
func (t *tool) work(ctx context.Context, w *crew, j *job, c *Call, args []byte, done chan<- answer) {
	a := answer{err: &PanicError{Value: "runtime.Goexit called"}}
	defer func() {
		if p := recover(); p != nil {
			a = answer{err: &PanicError{Value: p, Stack: debug.Stack()}}
		}
		late := t.gate.leave(j)
		done <- a
		if late {
			c.Logger().Warn("tool returned late")
		}
		w.leave()
	}()
	rep, err := t.run(ctx, c, args)
	a = answer{rep, err}
}

// settle gives a handler's answer its meaning. An error after the end of the context is its consequence, unless the
// handler chose words for the model: then it knew what it was doing.
func (t *tool) settle(ctx context.Context, a answer) (reply, error) {
	switch a.err.(type) {
	case *ArgumentError: // found while decoding: the handler did not run
		return a.reply, a.err
	case *PanicError:
		return reply{attempts: 1}, a.err
	}
	if !errors.Is(a.err, ErrUnavailable) {
		a.reply.attempts = max(a.reply.attempts, 1)
	}
	var tell *TellError
	if a.err == nil || ctx.Err() == nil || errors.As(a.err, &tell) {
		return a.reply, a.err
	}
	return a.reply, t.interrupted(ctx, a.err, true)
}

// interrupted tells the tool's own deadline from the end of the call. err is the gate's or the handler's error.
func (t *tool) interrupted(ctx context.Context, err error, started bool) error {
	cause := context.Cause(ctx)
	switch {
	case cause == nil:
		return err
	case !started:
		err = nil // only repeats the cause
	}
	if errors.Is(cause, errDeadline) {
		return &TimeoutError{After: t.settings.timeout, Started: started, Err: err}
	}
	return &CancelledError{Cause: cause, Started: started, Err: err}
}

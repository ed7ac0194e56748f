package tools

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// errPrivate stands for what a database driver says.
var errPrivate = errors.New("dial tcp 10.0.0.5: user=crm password=hunter2")

type none = struct{}

func addFunc[Out any](t testing.TB, r *Registry, name string, h func(context.Context, *Call) (Out, error), opts ...Option) {
	t.Helper()
	must(t, Add(r, name, "A test.", func(ctx context.Context, c *Call, _ none) (Out, error) { return h(ctx, c) }, opts...))
}

func TestOutcomes(t *testing.T) {
	for _, tc := range []struct {
		name   string
		h      func() (any, error)
		status Status
		output string // exact, unless hidden
		hidden bool
	}{
		{"object", func() (any, error) { return map[string]int{"a": 1}, nil }, StatusOK, `{"a":1}`, false},
		{"list", func() (any, error) { return []int{1, 2}, nil }, StatusOK, `[1,2]`, false},
		{"text", func() (any, error) { return `say "hi" & <go>`, nil }, StatusOK, `{"result":"say \"hi\" & <go>"}`, false},
		{"number", func() (any, error) { return 7, nil }, StatusOK, `{"result":7}`, false},
		{"nothing", func() (any, error) { return nil, nil }, StatusOK, `{"result":null}`, false},
		{"empty", func() (any, error) { return none{}, nil }, StatusOK, `{}`, false},
		{"tell", func() (any, error) { return nil, Tell("there is no booking %s", "AB12") }, StatusToolError, `{"error":"there is no booking AB12"}`, false},
		{"wrapped tell", func() (any, error) { return nil, fmt.Errorf("%w: %w", errPrivate, Tell("none")) }, StatusToolError, `{"error":"none"}`, false},
		{"tell around", func() (any, error) { return nil, Tell("not now: %w", errors.New("busy")) }, StatusToolError, `{"error":"not now: busy"}`, false},
		{"private", func() (any, error) { return nil, errPrivate }, StatusToolError, "", true},
		{"empty tell", func() (any, error) { return nil, Tell("") }, StatusToolError, "", true},
		{"no JSON", func() (any, error) { return func() {}, nil }, StatusToolError, "", true},
		{"foreign timeout", func() (any, error) { return nil, fmt.Errorf("x: %w", &TimeoutError{After: 1}) }, StatusToolError, "", true},
		{"own deadline", func() (any, error) { return nil, context.DeadlineExceeded }, StatusToolError, "", true},
		{"panic", func() (any, error) { panic(errPrivate) }, StatusPanic, "", true},
		{"nil panic", func() (any, error) { panic(nil) }, StatusPanic, "", true},
		{"nil map", func() (any, error) { var m map[string]int; m["a"] = 1; return m, nil }, StatusPanic, "", true},
		{"goexit", func() (any, error) { runtime.Goexit(); return nil, nil }, StatusPanic, "", true},
		{"panic in JSON", func() (any, error) { return panics{}, nil }, StatusPanic, "", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var log bytes.Buffer
			r := NewRegistry()
			addFunc(t, r, "tool", func(context.Context, *Call) (any, error) { return tc.h() })
			o := r.Run(t.Context(), Invocation{Name: "tool", Call: &Call{Log: slog.New(slog.NewTextHandler(&log, nil))}})
			if o.Status != tc.status || o.Attempts != 1 {
				t.Errorf("status %s, attempts %d", o.Status, o.Attempts)
			}
			if tc.hidden {
				checkHidden(t, o, log.String())
			} else if o.Output != tc.output || o.Ref != "" || log.Len() > 0 {
				t.Errorf("got %s, log %q", o.Output, log.String())
			}
			if st := r.Stats()[0]; st.Running != 0 || st.Stuck != 0 {
				t.Errorf("left behind: %+v", st)
			}
		})
	}
}

type panics struct{}

func (panics) MarshalJSON() ([]byte, error) { panic("hunter2") }

// checkHidden: the model reads a reference only, the log has the whole under the same reference.
func checkHidden(t *testing.T, o Outcome, log string) {
	t.Helper()
	if want := "the tool failed (ref " + o.Ref + ")"; fault(t, o) != want || len(o.Ref) != 8 {
		t.Errorf("got %s, want %s", o.Output, want)
	}
	wantContains(t, log, "ref="+o.Ref, "tool=tool", "status="+string(o.Status))
	var inner error
	for err := o.Err; err != nil; err = errors.Unwrap(err) {
		inner = err
	}
	if !strings.Contains(log, strings.Split(inner.Error(), "\"")[0]) {
		t.Errorf("log %s lacks %v", log, inner)
	}
}

func TestPanicKeepsItsStackForTheLog(t *testing.T) {
	var log bytes.Buffer
	r := NewRegistry()
	addFunc(t, r, "tool", func(context.Context, *Call) (string, error) { panic("hunter2") })
	o := r.Run(t.Context(), Invocation{Name: "tool", Call: &Call{Log: slog.New(slog.NewTextHandler(&log, nil))}})
	wantContains(t, log.String(), "hunter2", "run_test.go")
	wantNot(t, o.Output, "hunter2", "run_test.go")
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRegistry()
		addFunc(t, r, "slow", func(ctx context.Context, _ *Call) (string, error) {
			<-ctx.Done()
			return "", fmt.Errorf("query: %w", errPrivate)
		}, Timeout(5*time.Second))
		o := r.Run(t.Context(), Invocation{Name: "slow"})
		if got := fault(t, o); got != "no answer within 5s; do not assume it happened" || o.Status != StatusTimeout || o.Duration != 5*time.Second {
			t.Errorf("got %s after %s", got, o.Duration)
		}
		var timeout *TimeoutError
		if !errors.As(o.Err, &timeout) || !timeout.Started || !errors.Is(o.Err, errPrivate) {
			t.Errorf("error %v", o.Err)
		}
	})
}

// A handler that finished, or knows what to say, at the last moment is believed: that is better than not knowing.
func TestAnswerInTheGracePeriodCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tc := range []struct {
			err    error
			status Status
			text   string
		}{
			{nil, StatusOK, "moved"},
			{Tell("rolled back"), StatusToolError, "rolled back"},
		} {
			r := NewRegistry()
			addFunc(t, r, "slow", func(ctx context.Context, _ *Call) (string, error) {
				<-ctx.Done()
				return "moved", tc.err
			})
			o := r.Run(t.Context(), Invocation{Name: "slow"})
			if o.Status != tc.status {
				t.Errorf("%+v", o)
			}
			wantContains(t, o.Output, tc.text)
		}
	})
}

func TestCancelled(t *testing.T) {
	errBargeIn := errors.New("caller cut in")
	synctest.Test(t, func(t *testing.T) {
		r, started := NewRegistry(), false
		addFunc(t, r, "slow", func(ctx context.Context, _ *Call) (string, error) {
			started = true
			<-ctx.Done()
			return "", ctx.Err()
		})
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(errBargeIn) })
		o := r.Run(ctx, Invocation{Name: "slow"})
		if o.Status != StatusCancelled || !errors.Is(o.Err, errBargeIn) || o.Duration != time.Second {
			t.Errorf("%+v", o)
		}
		wantContains(t, fault(t, o), "do not assume it happened")

		started = false
		o = r.Run(ctx, Invocation{Name: "slow"}) // ended already: must not start
		if o.Status != StatusCancelled || !errors.Is(o.Err, errBargeIn) || started || o.Attempts != 0 {
			t.Errorf("%+v, started %v", o, started)
		}
		wantContains(t, fault(t, o), "nothing was done")
	})
}

// The deadline of the call is not the tool's fault.
func TestDeadlineOfTheCallIsACancellation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRegistry()
		addFunc(t, r, "slow", func(ctx context.Context, _ *Call) (string, error) { <-ctx.Done(); return "", ctx.Err() })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if o := r.Run(ctx, Invocation{Name: "slow"}); o.Status != StatusCancelled || !errors.Is(o.Err, context.DeadlineExceeded) {
			t.Errorf("%+v", o)
		}
	})
}

func TestStuckHandlersAreCountedAndCapped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log lockedBuffer
		r, release := NewRegistry(), make(chan struct{})
		var entered atomic.Int32
		addFunc(t, r, "deaf", func(context.Context, *Call) (string, error) {
			entered.Add(1)
			<-release
			return "", nil
		}, Timeout(time.Second))
		run := func() Outcome {
			return r.Run(t.Context(), Invocation{Name: "deaf", Call: &Call{Log: slog.New(slog.NewTextHandler(&log, nil))}})
		}
		for i := range maxStuck {
			o := run()
			if o.Status != StatusTimeout || o.Duration != time.Second+grace || r.Stats()[0].Stuck != i+1 {
				t.Fatalf("run %d: %+v %+v", i, o, r.Stats())
			}
		}
		o := run()
		if o.Status != StatusToolError || !errors.Is(o.Err, ErrStuck) || o.Attempts != 0 || int(entered.Load()) != maxStuck {
			t.Errorf("one too many: %+v, entered %d", o, entered.Load())
		}
		wantContains(t, fault(t, o), "nothing was done", o.Ref)

		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Close(short); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "16 handlers") {
			t.Errorf("close: %v", err)
		}
		close(release)
		must(t, r.Close(t.Context()))
		if st := r.Stats()[0]; st.Stuck != 0 || st.Running != 0 {
			t.Errorf("after release: %+v", st)
		}
		if got := strings.Count(log.String(), "tool returned late"); got != maxStuck {
			t.Errorf("%d late returns logged", got)
		}
		if o := run(); !errors.Is(o.Err, ErrClosed) || o.Attempts != 0 {
			t.Errorf("after close: %+v", o)
		}
	})
}

func TestStuckRunsAreAdmittedAgainAfterTheyReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, release := NewRegistry(), make(chan struct{})
		addFunc(t, r, "deaf", func(context.Context, *Call) (string, error) { <-release; return "back", nil }, Timeout(time.Second))
		var wg sync.WaitGroup
		for range maxStuck {
			wg.Go(func() { r.Run(t.Context(), Invocation{Name: "deaf"}) })
		}
		wg.Wait()
		close(release)
		synctest.Wait()
		if o := r.Run(t.Context(), Invocation{Name: "deaf"}); o.Status != StatusOK {
			t.Errorf("%+v", o)
		}
	})
}

func TestConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRegistry()
		var mu sync.Mutex
		now, most := 0, 0 // guarded by mu
		count := func(n int) {
			mu.Lock()
			defer mu.Unlock()
			now += n
			most = max(most, now)
		}
		addFunc(t, r, "shared", func(ctx context.Context, _ *Call) (string, error) {
			count(1)
			defer count(-1)
			select {
			case <-time.After(time.Second):
				return "done", nil
			case <-ctx.Done():
				return "", ctx.Err()
			}
		}, Concurrency(2), Timeout(3500*time.Millisecond))
		var done, late atomic.Int32
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				switch o := r.Run(t.Context(), Invocation{Name: "shared"}); o.Status {
				case StatusOK:
					done.Add(1)
				case StatusTimeout:
					late.Add(1)
				}
			})
		}
		wg.Wait()
		if most != 2 || done.Load() != 6 || late.Load() != 2 {
			t.Errorf("most %d, done %d, late %d", most, done.Load(), late.Load())
		}
	})
}

func TestTimeoutWhileWaitingSaysThatNothingHappened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, release := NewRegistry(), make(chan struct{})
		addFunc(t, r, "one", func(context.Context, *Call) (string, error) { <-release; return "", nil }, Concurrency(1), Timeout(time.Second))
		first := make(chan Outcome)
		go func() { first <- r.Run(t.Context(), Invocation{Name: "one"}) }()
		synctest.Wait()
		o := r.Run(t.Context(), Invocation{Name: "one"})
		if got := fault(t, o); got != "the tool is busy; after 1s it was not started and nothing was done" || o.Status != StatusTimeout || o.Attempts != 0 {
			t.Errorf("%s %+v", got, o)
		}
		<-first
		// The stuck handler still burdens the back end: its slot stays taken.
		if o := r.Run(t.Context(), Invocation{Name: "one"}); o.Status != StatusTimeout || o.Attempts != 0 {
			t.Errorf("%+v", o)
		}
		close(release)
		must(t, r.Close(t.Context()))
	})
}

// The handler's context ends when Run returns, so that what it left running ends too.
func TestContextEndsWithTheRun(t *testing.T) {
	r := NewRegistry()
	var kept context.Context
	addFunc(t, r, "keep", func(ctx context.Context, _ *Call) (string, error) { kept = ctx; return "", nil })
	r.Run(t.Context(), Invocation{Name: "keep"})
	if kept.Err() == nil {
		t.Error("context still alive")
	}
}

func TestParallelRuns(t *testing.T) {
	r := NewRegistry()
	addEcho(t, r, "echo", Concurrency(4))
	base := &Call{ID: "c1"}
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			text := fmt.Sprint("text ", i)
			o := r.Run(t.Context(), Invocation{Name: "echo", Arguments: fmt.Sprintf(`{"text":%q}`, text), Call: base.For(text)})
			if o.Output != fmt.Sprintf(`{"result":%q}`, text) {
				t.Error(o.Output)
			}
		})
	}
	wg.Wait()
}

func TestUnknownTool(t *testing.T) {
	r := NewRegistry()
	for _, name := range []string{"gone", "", "4111 1111", strings.Repeat("x", 1000)} {
		o := r.Run(t.Context(), Invocation{Name: name, Arguments: `{"card":"4111"}`})
		if o.Status != StatusUnknown || !errors.Is(o.Err, ErrUnknown) || o.Arguments != "" || len(o.Output) > 200 {
			t.Errorf("%q: %+v", name, o)
		}
		wantContains(t, fault(t, o), "there is no tool of that name", "the tools are: none")
		wantNot(t, o.Output+o.Err.Error(), "4111")
	}
}

// lockedBuffer is written by handlers that were left behind.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

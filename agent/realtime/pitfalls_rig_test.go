package realtime_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/agent/simulator"
)

// rig is the simulator behind a real socket.
type rig struct {
	t       *testing.T
	sim     *simulator.Server
	host    string // of the socket
	dialect realtime.Dialect
	log     journal
}

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

const gaPath, previewPath = "/v1/realtime?model=gpt-realtime", "/openai/realtime?api-version=2025-04-01-preview&deployment=d"

func newRig(t *testing.T, opts simulator.Options, faults simulator.Faults) *rig {
	t.Helper()
	sim, err := simulator.New(opts)
	if err == nil {
		err = sim.SetFaults(faults)
	}
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(sim)
	t.Cleanup(func() {
		sim.Close()
		web.Close()
	})
	r := &rig{t: t, sim: sim, host: strings.TrimPrefix(web.URL, "http://")}
	if opts.Dialect == simulator.DialectPreview {
		r.dialect = realtime.DialectPreview
	}
	return r
}

// bothDialects runs a test on a simulator of each.
func bothDialects(t *testing.T, faults simulator.Faults, test func(*rig)) {
	t.Helper()
	for _, dialect := range []string{simulator.DialectGA, simulator.DialectPreview} {
		t.Run(dialect, func(t *testing.T) { test(newRig(t, simulator.Options{Dialect: dialect}, faults)) })
	}
}

// path is the address of the rig's dialect.
func (r *rig) path() string {
	if r.dialect == realtime.DialectPreview {
		return previewPath
	}
	return gaPath
}

// dial connects as o says; where it says nothing, to the rig's own address.
func (r *rig) dial(o realtime.DialOptions) (*realtime.Conn, error) {
	r.t.Helper()
	if o.URL == "" {
		o.URL = "ws://" + r.host + r.path()
	}
	o.Dialect, o.Log = r.dialect, r.log.logger()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	c, err := realtime.Dial(ctx, o)
	if c != nil {
		r.t.Cleanup(func() { c.Close("test ended") })
	}
	return c, err
}

// connect is dial that must succeed.
func (r *rig) connect(o realtime.DialOptions) *realtime.Conn {
	r.t.Helper()
	c, err := r.dial(o)
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

// call is a connection with a session of G.711.
func (r *rig) call(o realtime.DialOptions) *realtime.Conn {
	r.t.Helper()
	c := r.connect(o)
	if _, err := realtime.Open(r.t.Context(), c, pcmu(), patience); err != nil {
		r.t.Fatal(err)
	}
	return c
}

// session is the nth session that the simulator has.
func (r *rig) session(n int) *simulator.Session {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	s, err := r.sim.WaitSession(ctx, n)
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

// eventually waits for a condition.
func (r *rig) eventually(what string, ok func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(patience); !ok(); <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("never happened: %s", what)
		}
	}
}

// within checks that something comes to its end.
func (r *rig) within(limit time.Duration, what string, f func()) {
	r.t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(limit):
		r.t.Fatalf("%s took more than %v", what, limit)
	}
}

// bearer is a header with a key.
func bearer(key string) http.Header { return http.Header{"Authorization": {"Bearer " + key}} }

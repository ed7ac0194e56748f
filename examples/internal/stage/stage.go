// Package stage is where the tests of the examples hold a whole call: the service with the configuration of the example, a
// simulator in the place of the model, and a real phone.
//
//	phone ──SIP, RTP──► service, with the tools of the example ──WebSocket──► simulator with a script
//	                       │
//	                       └──► record of the call, which the test reads
package stage

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/trunkline/trunkline"
	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/telephony/phone"
	"github.com/trunkline/trunkline/tools"
)

// Patience is how long anything may take on a busy machine before a test calls it stuck.
const Patience = time.Minute

// Load reads the trunkline.yaml beside the test, as somebody without any variable set has it, and then once more for a
// test: with free ports and a store that goes with the test. set are settings by path, as flags give them.
func Load(t testing.TB, set map[string]string, known ...string) *configs.Config {
	t.Helper()
	o := configs.Options{Path: "trunkline.yaml", Env: []string{"NONE=1"}, KnownTools: known}
	if _, err := configs.Load(o); err != nil {
		t.Fatalf("the example's own configuration: %v", err)
	}
	o.Overrides = map[string]string{"sip.listen": "udp://127.0.0.1:0", "admin.listen": "127.0.0.1:0", "supervisor.listen": "127.0.0.1:0",
		"store.path": filepath.Join(t.TempDir(), "calls.db")}
	for path, value := range set {
		o.Overrides[path] = value
	}
	cfg, err := configs.Load(o)
	Must(t, err)
	cfg.Media.Ports = configs.PortRange{} // any free ones
	return cfg
}

// Play is a call to hold.
type Play struct {
	Config *configs.Config
	Tools  *tools.Registry   // nil: those of the configuration alone
	Script *simulator.Script // what the model does
	Caller []phone.Step      // what the caller does; then they hang up
	OnLine func(store.Entry) // nil, or told of each line of the record when it happens; from other goroutines
}

// Hold starts the service, places the call and returns its record, line by line, when everything has ended.
func Hold(t *testing.T, p Play) []store.Entry {
	t.Helper()
	r := &p.Config.Realtime[0]
	*r = configs.Realtime{Name: r.Name, URL: configs.NewURL(model(t, p.Script)), Model: "simulator", Dialect: r.Dialect,
		Audio: r.Audio, Timeouts: r.Timeouts}
	opts := []trunkline.Option{trunkline.WithLogger(logger(t))}
	if p.Tools != nil {
		opts = append(opts, trunkline.WithTools(p.Tools))
	}
	if p.OnLine != nil {
		opts = append(opts, trunkline.WithTap(func(_ string, lines []store.Entry) {
			for _, e := range lines {
				p.OnLine(e)
			}
		}))
	}
	service, err := trunkline.New(p.Config, opts...)
	Must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- service.Serve(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	}()
	place(t, service, p.Caller)
	return record(t, service.Store())
}

// place holds the call until either side hangs up.
func place(t *testing.T, service *trunkline.Service, script []phone.Step) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	p, err := phone.New(phone.Config{})
	Must(t, err)
	defer p.Close()
	to := "sip:1@" + service.SIPAddrs()[0].Addr.String()
	_, err = p.Call(ctx, phone.CallOptions{To: to, From: "+15550100001", Script: script})
	Must(t, err)
}

// record waits for the end of the one call and returns its lines.
func record(t *testing.T, s store.Reader) []store.Entry {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	var id string
	Until(t, "the call is in the store", func() bool {
		page, err := s.List(ctx, store.Query{})
		Must(t, err)
		if len(page.Calls) > 0 {
			id = page.Calls[0].ID
		}
		return id != ""
	})
	var all []store.Entry
	for after := ""; ; after = all[len(all)-1].ID {
		more, err := s.Follow(ctx, id, after)
		if errors.Is(err, store.ErrEnded) {
			return all
		}
		Must(t, err)
		all = append(all, more...)
	}
}

// model starts a simulator and returns its address.
func model(t *testing.T, script *simulator.Script) string {
	t.Helper()
	sim, err := simulator.New(simulator.Options{Script: script})
	Must(t, err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	Must(t, err)
	server := &http.Server{Handler: sim, ReadHeaderTimeout: Patience}
	gone := make(chan struct{})
	go func() { defer close(gone); _ = server.Serve(ln) }()
	t.Cleanup(func() {
		_ = sim.Close()
		_ = server.Close()
		<-gone
	})
	return "ws://" + ln.Addr().String() + "/v1/realtime"
}

// Asks is a script: the model greets by asking for tools, one after the other, and hangs up when it has all outputs.
func Asks(calls ...simulator.Action) *simulator.Script {
	say := simulator.Action{Say: []string{"a09"}} // "Thank you for calling. Goodbye."
	answer := simulator.Answer{Do: []simulator.Action{say, {Call: "hang_up"}}}
	for i := len(calls) - 1; i >= 0; i-- {
		answer = simulator.Answer{Do: []simulator.Action{calls[i]}, Results: []simulator.Result{{Answer: answer}}}
	}
	return &simulator.Script{States: []simulator.State{{Name: "open", Greeting: &answer}}}
}

// Results are the results of a tool in a record, in order.
func Results(lines []store.Entry, tool string) []store.Entry {
	var results []store.Entry
	for _, e := range lines {
		if e.Kind == store.KindToolResult && e.Tool == tool {
			results = append(results, e)
		}
	}
	return results
}

// Until waits for a condition.
func Until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for late := time.Now().Add(Patience); time.Now().Before(late); <-tick.C {
		if holds() {
			return
		}
	}
	t.Fatalf("waited in vain until %s", what)
}

// Must ends the test on an error.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// logger shows the log of the service when the test fails.
func logger(t *testing.T) *slog.Logger {
	kept := &keeper{}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of the service:\n%s", kept.text())
		}
	})
	return slog.New(slog.NewTextHandler(kept, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// keeper keeps what is written.
type keeper struct {
	mu   sync.Mutex
	kept []byte // guarded by mu
}

// Write implements io.Writer.
func (k *keeper) Write(p []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.kept = append(k.kept, p...)
	return len(p), nil
}

func (k *keeper) text() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return string(k.kept)
}

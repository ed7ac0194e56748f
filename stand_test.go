package trunkline

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/telephony/phone"
	"github.com/trunkline/trunkline/tools"
)

// patience is how long anything may take on a busy machine before a test calls it stuck.
const patience = time.Minute

// small is a configuration that works, but for the address of the model.
const small = `version: 1
sip: { listen: ["udp://127.0.0.1:0", "tcp://127.0.0.1:0"], strangers: forbid }
trunks: [ { name: loopback, sources: ["127.0.0.0/8"] } ]
routes: [ { to: "+1555*", agent: frontdesk } ]
realtime: [ { name: main, url: "${MODEL}", model: simulator } ]
agents: [ { name: frontdesk, realtime: main, voice: marin, greeting: "Hello!", transcription: { model: whisper-1 }, tools: [lookup, hang_up] } ]
store: { path: "${STORE}" }
recordings: { directory: "${STORE}.sound" }
admin: { listen: "127.0.0.1:0" }
supervisor: { listen: "127.0.0.1:0" }
`

// lookupScript is a model that looks something up at once, says what it found and hangs up.
func lookupScript() *simulator.Script {
	say := func(clip string) simulator.Action { return simulator.Action{Say: []string{clip}} }
	greeting := simulator.Answer{
		Do:      []simulator.Action{{Call: "lookup", Arguments: map[string]string{"order": "4271"}}},
		Results: []simulator.Result{{Answer: simulator.Answer{Do: []simulator.Action{say("a09"), {Call: "hang_up"}}}}},
	}
	return &simulator.Script{States: []simulator.State{{Name: "open", Greeting: &greeting}}}
}

// stand is a service that runs, with a simulator in the place of the model.
type stand struct {
	*Service
	model *simulator.Server
	stop  context.CancelFunc // asks the service to end
	done  chan error         // of Serve
}

// lookupTool is what the tool lookup does.
type lookupTool func(context.Context, *tools.Call) (string, error)

// setup is what a test wants other than usual.
type setup struct {
	yaml    string                                   // added to small; keys that small has are replaced
	model   string                                   // address; "": a simulator with script
	script  *simulator.Script                        // nil: lookupScript
	answer  func(simulator.Prompt) *simulator.Answer // asked before script
	lookup  lookupTool                               // nil: it finds something
	options []Option
}

func (s *setup) config(t *testing.T, model string) *configs.Config {
	t.Helper()
	text := small
	for line := range strings.Lines(s.yaml) {
		key, _, _ := strings.Cut(line, ":")
		for old := range strings.Lines(small) {
			if strings.HasPrefix(old, key+":") {
				text = strings.Replace(text, old, "", 1)
			}
		}
		text += line
	}
	env := []string{"MODEL=" + model, "STORE=" + filepath.Join(t.TempDir(), "calls.db")}
	cfg, err := configs.Parse("test.yaml", []byte(text), configs.Options{Env: env, KnownTools: []string{"lookup"}})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Media.Ports = configs.PortRange{} // any free ones
	return cfg
}

// registry has the tool that the agent wants.
func (s *setup) registry(t *testing.T) *tools.Registry {
	t.Helper()
	r := tools.NewRegistry()
	err := tools.Add(r, "lookup", "Looks something up.", func(ctx context.Context, call *tools.Call, _ struct {
		Order string `json:"order"`
	}) (string, error) {
		if s.lookup == nil {
			return "found", nil
		}
		return s.lookup(ctx, call)
	})
	must(t, err)
	return r
}

// stage starts a service, and ends it with the test.
func stage(t *testing.T, s setup) *stand {
	t.Helper()
	st := &stand{done: make(chan error, 1)}
	address := s.model
	if address == "" {
		if s.script == nil {
			s.script = lookupScript()
		}
		st.model, address = startModel(t, simulator.Options{Script: s.script, Answer: s.answer})
	}
	var err error
	st.Service, err = New(s.config(t, address), append([]Option{WithTools(s.registry(t)), WithLogger(testLog(t))}, s.options...)...)
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	st.stop = cancel
	go func() { st.done <- st.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := st.ended(t); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return st
}

// ended waits for the end of Serve.
func (s *stand) ended(t *testing.T) error {
	t.Helper()
	select {
	case err := <-s.done:
		s.done <- err
		return err
	case <-time.After(patience):
		t.Fatal("Serve does not end")
		return nil
	}
}

func startModel(t *testing.T, o simulator.Options) (*simulator.Server, string) {
	t.Helper()
	sim, err := simulator.New(o)
	must(t, err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	server := &http.Server{Handler: sim, ReadHeaderTimeout: patience}
	gone := make(chan struct{})
	go func() { defer close(gone); _ = server.Serve(ln) }()
	t.Cleanup(func() {
		_ = sim.Close()
		_ = server.Close()
		<-gone
	})
	return sim, "ws://" + ln.Addr().String() + "/v1/realtime"
}

// testLog shows the service's log when the test fails.
func testLog(t *testing.T) *slog.Logger {
	var kept struct {
		sync.Mutex
		bytes.Buffer
	}
	t.Cleanup(func() {
		kept.Lock()
		defer kept.Unlock()
		if t.Failed() {
			t.Logf("log of the service:\n%s", kept.String())
		}
	})
	return slog.New(slog.NewTextHandler(writerFunc(func(p []byte) (int, error) {
		kept.Lock()
		defer kept.Unlock()
		return kept.Write(p)
	}), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// call places a call and returns when it is over.
func (s *stand) call(t *testing.T, ctx context.Context, number string, script ...phone.Step) (phone.Report, error) {
	t.Helper()
	p, err := phone.New(phone.Config{})
	must(t, err)
	defer p.Close()
	to := "sip:" + number + "@" + s.SIPAddrs()[0].Addr.String()
	return p.Call(ctx, phone.CallOptions{To: to, From: "+15550100001", Script: script})
}

// onePhone places a call in the background; hangUp ends it.
type onePhone struct {
	hangUp   context.CancelFunc
	answered chan struct{}
	over     chan error
}

func (s *stand) hold(t *testing.T) *onePhone {
	t.Helper()
	p, err := phone.New(phone.Config{})
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	c := &onePhone{hangUp: cancel, answered: make(chan struct{}), over: make(chan error, 1)}
	go func() {
		_, err := p.Call(ctx, phone.CallOptions{To: "sip:+15551230001@" + s.SIPAddrs()[0].Addr.String(), Script: []phone.Step{phone.WaitBye{}},
			OnEvent: func(e phone.Event) {
				if e.Kind == phone.Answered {
					close(c.answered)
				}
			}})
		_ = p.Close()
		c.over <- err
	}()
	t.Cleanup(func() { cancel(); c.wait(t) })
	select {
	case <-c.answered:
	case err := <-c.over:
		t.Fatalf("call is over before it was answered: %v", err)
	case <-time.After(patience):
		t.Fatal("call is not answered")
	}
	return c
}

// wait waits until the call is over.
func (c *onePhone) wait(t *testing.T) {
	t.Helper()
	select {
	case err := <-c.over:
		c.over <- err
	case <-time.After(patience):
		t.Error("call does not end")
	}
}

// record waits until a call's record is closed, and returns it with its lines. index 0 is the newest call.
func (s *stand) record(t *testing.T, index int) (store.Call, []store.Entry) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var c store.Call
	until(t, "the call is in the store", func() bool {
		page, err := s.Store().List(ctx, store.Query{})
		must(t, err)
		if len(page.Calls) > index {
			c = page.Calls[index]
		}
		return c.ID != ""
	})
	var all []store.Entry
	for {
		after := ""
		if len(all) > 0 {
			after = all[len(all)-1].ID
		}
		more, err := s.Store().Follow(ctx, c.ID, after)
		if errors.Is(err, store.ErrEnded) {
			break
		}
		must(t, err)
		all = append(all, more...)
	}
	c, err := s.Store().Call(ctx, c.ID)
	must(t, err)
	return c, all
}

// until waits for a condition.
func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for late := time.Now().Add(patience); time.Now().Before(late); <-tick.C {
		if holds() {
			return
		}
	}
	t.Fatalf("waited in vain until %s", what)
}

// find returns the first line of a kind.
func find(t *testing.T, entries []store.Entry, kind string) store.Entry {
	t.Helper()
	for _, e := range entries {
		if e.Kind == kind {
			return e
		}
	}
	t.Fatalf("no line of kind %q among %+v", kind, entries)
	return store.Entry{}
}

// logText is a log that is written to while a test reads it.
type logText struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

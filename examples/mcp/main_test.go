package main

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/examples/internal/stage"
	"github.com/trunkline/trunkline/store/storetest"
	"github.com/trunkline/trunkline/telephony/phone"
	"github.com/trunkline/trunkline/tools"
)

func TestMain(m *testing.M) { storetest.Main(m) }

const token = "token-of-the-tests"

// buffer is written by the program and read by the test.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

// Write implements io.Writer.
func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) has(text string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Contains(b.text.String(), text)
}

// connect puts the tools that are allowed into a registry, and waits for them.
func connect(t *testing.T, s tools.MCPServer) (*tools.Registry, error) {
	t.Helper()
	s.Name, s.Allow = "stock", []string{"find_article", "count_shelf"}
	r := tools.NewRegistry()
	t.Cleanup(func() { stage.Must(t, r.Close(context.Background())) })
	stage.Must(t, tools.AddMCP(r, s))
	ctx, cancel := context.WithTimeout(t.Context(), stage.Patience)
	defer cancel()
	return r, r.Ready(ctx)
}

// eachTransport runs a test with the built program over standard input and output, and over HTTP. said reports what the
// program has written to its standard error.
func eachTransport(t *testing.T, test func(t *testing.T, r *tools.Registry, said func(string) bool), flags ...string) {
	program := stage.Build(t)
	t.Run("stdio", func(t *testing.T) {
		errs := &buffer{}
		log := slog.New(slog.NewTextHandler(errs, &slog.HandlerOptions{Level: slog.LevelDebug}))
		r, err := connect(t, tools.MCPServer{Command: append([]string{program}, flags...), Log: log})
		stage.Must(t, err)
		test(t, r, errs.has)
	})
	t.Run("http", func(t *testing.T) {
		p := stage.Start(t, []string{"MCP_TOKEN=" + token}, append([]string{program, "-http", "127.0.0.1:0"}, flags...)...)
		r, err := connect(t, tools.MCPServer{URL: p.Line(t), Headers: http.Header{"Authorization": {"Bearer " + token}}})
		stage.Must(t, err)
		test(t, r, p.Said)
	})
}

func run(ctx context.Context, r *tools.Registry, name, args string) tools.Outcome {
	return r.Run(ctx, tools.Invocation{Name: name, Arguments: args, Call: (&tools.Call{ID: "c1"}).For("f1")})
}

func TestTools(t *testing.T) {
	eachTransport(t, func(t *testing.T, r *tools.Registry, _ func(string) bool) {
		if names := strings.Join(r.Names(), " "); names != "stock_count_shelf stock_find_article" {
			t.Errorf("the tools are %s: clear_shelf is not allowed", names)
		}
		for call, want := range map[string]string{
			`stock_find_article {"article":"lamp"}`:  `{"count":12}`,
			`stock_find_article {"article":"table"}`: `{"error":"we do not have the article \"table\""}`,
			`stock_count_shelf {"shelf":7}`:          `{"count":21}`,
		} {
			name, args, _ := strings.Cut(call, " ")
			if o := run(t.Context(), r, name, args); o.Output != want {
				t.Errorf("%s: %s %v, want %s", call, o.Output, o.Err, want)
			}
		}
	}, "-slow", "1ms")
}

// A caller who does not wait any more ends the count on the server, which says so.
func TestCancellation(t *testing.T) {
	eachTransport(t, func(t *testing.T, r *tools.Registry, said func(string) bool) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan tools.Outcome, 1)
		go func() { done <- run(ctx, r, "stock_count_shelf", `{"shelf":7}`) }()
		stage.Until(t, "the count has begun", func() bool { return said("counting shelf 7") })
		cancel()
		if o := <-done; o.Status != tools.StatusCancelled {
			t.Errorf("%s: %s", o.Status, o.Output)
		}
		stage.Until(t, "the server has stopped", func() bool { return said("nobody waits for shelf 7") })
		if o := run(t.Context(), r, "stock_find_article", `{"article":"lamp"}`); o.Output != `{"count":12}` {
			t.Errorf("the server after it: %s %v", o.Output, o.Err)
		}
	}, "-slow", "10m")
}

// A tool that changes the world is told the idempotency key of the call.
func TestIdempotencyKey(t *testing.T) {
	p := stage.Start(t, []string{"MCP_TOKEN="}, stage.Build(t), "-http", "127.0.0.1:0")
	r := tools.NewRegistry()
	t.Cleanup(func() { stage.Must(t, r.Close(context.Background())) })
	stage.Must(t, tools.AddMCP(r, tools.MCPServer{Name: "stock", URL: p.Line(t), AllowAll: true}))
	ctx, cancel := context.WithTimeout(t.Context(), stage.Patience)
	defer cancel()
	stage.Must(t, r.Ready(ctx))
	call := (&tools.Call{ID: "c1"}).For("f1")
	if o := r.Run(ctx, tools.Invocation{Name: "stock_clear_shelf", Arguments: `{"shelf":7}`, Call: call}); o.Err != nil {
		t.Errorf("%s %v", o.Output, o.Err)
	}
	stage.Until(t, "the server has the key", func() bool { return p.Said("clearing shelf 7, once for " + call.Invocation) })
}

// Without the token nobody gets in, and the server ends when it is asked to.
func TestToken(t *testing.T) {
	p := stage.Start(t, []string{"MCP_TOKEN=" + token}, stage.Build(t), "-http", "127.0.0.1:0")
	url := p.Line(t)
	for _, wrong := range []string{"", "Bearer", "Bearer " + token + "x"} {
		req, err := http.NewRequest(http.MethodPost, url, strings.NewReader("{}"))
		stage.Must(t, err)
		req.Header.Set("Authorization", wrong)
		req.Close = true
		resp, err := http.DefaultClient.Do(req)
		stage.Must(t, err)
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%q: status %d, want 401", wrong, resp.StatusCode)
		}
	}
	if err := p.Signal(t, syscall.SIGTERM); err != nil {
		t.Errorf("it ends with %v", err)
	}
}

// The lines for HTTP that trunkline.yaml has as a comment work in the place of its command.
func TestConfigurationOverHTTP(t *testing.T) {
	p := stage.Start(t, []string{"MCP_TOKEN=" + token}, stage.Build(t), "-http", "127.0.0.1:0")
	text, err := os.ReadFile("trunkline.yaml")
	stage.Must(t, err)
	file := regexp.MustCompile(`(?m)^    command: .*\n`).ReplaceAllString(string(text), "")
	file = strings.NewReplacer("    #   url: http://127.0.0.1:8081/mcp", "    url: "+p.Line(t), "    #   headers:", "    headers:").Replace(file)
	cfg, err := configs.Parse("trunkline.yaml", []byte(file), configs.Options{Env: []string{"MCP_TOKEN=" + token}})
	stage.Must(t, err)
	m := cfg.MCP[0]
	r, err := connect(t, tools.MCPServer{URL: m.URL.Reveal(), Headers: configs.HTTPHeaders(m.Headers), Command: m.CommandLine()})
	stage.Must(t, err)
	if o := run(t.Context(), r, "stock_find_article", `{"article":"lamp"}`); o.Output != `{"count":12}` {
		t.Errorf("%s %v", o.Output, o.Err)
	}
}

// A caller gets an agent with the tools of the server, which the service starts by the configuration beside it.
func TestCall(t *testing.T) {
	ask := func(article string) simulator.Action {
		return simulator.Action{Call: "stock_find_article", Arguments: map[string]string{"article": article}}
	}
	lines := stage.Hold(t, stage.Play{
		Config: stage.Load(t, map[string]string{"mcp.stock.command": stage.Build(t)}),
		Script: stage.Asks(ask("lamp"), ask("table")), Caller: []phone.Step{phone.WaitBye{}},
	})
	results := stage.Results(lines, "stock_find_article")
	if len(results) != 2 || results[0].Result != `{"count":12}` || !strings.Contains(results[1].Result, "we do not have") {
		t.Errorf("results %+v, want 12 lamps and no table", results)
	}
}

package tools

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const mcpPatience = 20 * time.Second

// stdioServer is a server in a process of its own.
func stdioServer(t *testing.T, mode string, allow ...string) MCPServer {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	return MCPServer{Name: "crm", Command: []string{self}, Env: []string{mcpMode + "=" + mode, mcpMark + "=" + markFile(t)}, Allow: allow}
}

// markFile is what the tool wait writes to; of this process, since others may run the same test.
func markFile(t *testing.T) string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("trunkline-mark-%d-%s", os.Getpid(), strings.ReplaceAll(t.Name(), "/", "-")))
}

// httpServer starts one that speaks HTTP; stop ends it.
func httpServer(t *testing.T, allow ...string) (s MCPServer, stop func()) {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), mcpMode+"=http", mcpMark+"="+markFile(t))
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	address, err := bufio.NewReader(out).ReadString('\n')
	must(t, err)
	stop = func() {
		_ = in.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	t.Cleanup(stop)
	return MCPServer{Name: "crm", URL: strings.TrimSpace(address), Headers: http.Header{"Authorization": {"Bearer hunter2"}}, Allow: allow}, stop
}

// mcpRegistry has the tools of s, known already.
func mcpRegistry(t *testing.T, s MCPServer, opts ...Option) (*Registry, *lockedBuffer) {
	t.Helper()
	r, log := NewRegistry(), &lockedBuffer{}
	s.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	t.Cleanup(func() { must(t, r.Close(context.Background())); _ = os.Remove(markFile(t)) })
	must(t, AddMCP(r, s, opts...))
	ctx, cancel := context.WithTimeout(t.Context(), mcpPatience)
	defer cancel()
	if err := r.Ready(ctx); err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	return r, log
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(mcpPatience); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never %s", what)
		}
	}
}

func runTool(r *Registry, name, arguments string) Outcome {
	return r.Run(context.Background(), Invocation{Name: name, Arguments: arguments, Call: (&Call{ID: "c1"}).For("f1")})
}

// eachTransport runs a test over standard input and output and over HTTP.
func eachTransport(t *testing.T, test func(t *testing.T, start func(allow ...string) MCPServer)) {
	t.Run("stdio", func(t *testing.T) {
		test(t, func(allow ...string) MCPServer { return stdioServer(t, "serve", allow...) })
	})
	t.Run("http", func(t *testing.T) {
		test(t, func(allow ...string) MCPServer { s, _ := httpServer(t, allow...); return s })
	})
}

func TestMCPTools(t *testing.T) {
	eachTransport(t, func(t *testing.T, start func(...string) MCPServer) {
		r, log := mcpRegistry(t, start("find", "broken", "picture", "long.name", "old"), MaxResult(200))
		if got, want := strings.Join(r.Names(), " "), "crm_broken crm_find crm_long_name crm_old crm_picture"; got != want {
			t.Errorf("tools %s, want %s: what is not allowed must not be there", got, want)
		}
		defs, err := r.Describe([]string{"crm_find", "crm_old"})
		must(t, err)
		wantContains(t, string(defs[0].Parameters), `"name":{"type":"string","description":"whom to find"}`, `"required":["name"]`, `"additionalProperties":false`)
		if got := string(defs[1].Parameters); got != `{"type":"object","properties":{"day":{"type":"string"}},"additionalProperties":false}` {
			t.Errorf("a schema of an old draft became %s", got)
		}
		for name, want := range map[string]Interrupt{"crm_find": Cancel, "crm_old": Finish} {
			if info, _ := r.Info(name); info.OnInterrupt != want {
				t.Errorf("%s: %s when the caller cuts in", name, info.OnInterrupt)
			}
		}
		key := (&Call{ID: "c1"}).For("f1").Invocation
		for _, tc := range []struct{ name, arguments, want string }{
			{"crm_find", `{"name":"Ada"}`, `{"id":"Ada","invocation":"` + key + `"}`},
			{"crm_find", `{"name":"nobody"}`, `{"error":"there is nobody of that name"}`},
			{"crm_find", `{"nam":"Ada"}`, `{"error":"the arguments of crm_find were refused and nothing was done: name is missing, it must be a string; \"nam\" is not known, allowed are: name"}`},
			{"crm_picture", `{}`, `{"result":"a cat\n[image left out]\n[audio left out]\n[resource left out]"}`},
		} {
			if o := runTool(r, tc.name, tc.arguments); o.Output != tc.want {
				t.Errorf("%s(%s)\n got %s\nwant %s", tc.name, tc.arguments, o.Output, tc.want)
			}
		}
		if o := runTool(r, "crm_long_name", ""); len(o.Output) > 200 || !strings.Contains(o.Output, "[cut, 6000 bytes in all]") {
			t.Errorf("not bounded: %d bytes, %s", len(o.Output), o.Output)
		}
		o := runTool(r, "crm_broken", "")
		var failed *MCPError
		if fault(t, o) != "the tool failed (ref "+o.Ref+")" || !errors.As(o.Err, &failed) || failed.Server != "crm" {
			t.Errorf("an error of the protocol: %s, %v", o.Output, o.Err)
		}
		wantNot(t, log.String(), "hunter3", "Bearer")
	})
}

func TestMCPCancellationReachesTheServer(t *testing.T) {
	eachTransport(t, func(t *testing.T, start func(...string) MCPServer) {
		r, _ := mcpRegistry(t, start("wait", "find"))
		marked := func(want string) func() bool {
			return func() bool { b, _ := os.ReadFile(markFile(t)); return string(b) == want }
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan Outcome, 1)
		go func() { ended <- r.Run(ctx, Invocation{Name: "crm_wait"}) }()
		eventually(t, "started", marked("started"))
		cancel()
		if o := <-ended; o.Status != StatusCancelled {
			t.Errorf("%+v", o)
		}
		eventually(t, "cancelled at the server", marked("cancelled"))
		if o := runTool(r, "crm_find", `{"name":"Ada"}`); o.Status != StatusOK {
			t.Errorf("after a cancellation: %+v", o)
		}
	})
}

func TestMCPTimeout(t *testing.T) {
	r, _ := mcpRegistry(t, stdioServer(t, "serve", "wait"), Timeout(50*time.Millisecond), OnInterrupt(Cancel))
	if info, _ := r.Info("crm_wait"); info.OnInterrupt != Cancel || info.Timeout != 50*time.Millisecond {
		t.Errorf("the options lost: %+v", info)
	}
	if o := runTool(r, "crm_wait", ""); o.Status != StatusTimeout {
		t.Errorf("%+v", o)
	}
}

// A server that is gone answers at once, and its tools are there again when it is.
func TestMCPServerDiesAndComesBack(t *testing.T) {
	r, log := mcpRegistry(t, stdioServer(t, "serve", "find", "die"))
	sub, err := r.Subset("crm_find")
	must(t, err)
	if o := runTool(r, "crm_die", ""); o.Status != StatusToolError || o.Ref == "" {
		t.Errorf("while it dies: %+v", o)
	}
	eventually(t, "lost", func() bool { return !r.Sources()[0].Connected || r.Sources()[0].Connects > 1 })
	if o := runTool(r, "crm_find", `{"name":"Ada"}`); o.Status != StatusOK {
		wantContains(t, fault(t, o), "not available at the moment; nothing was done (ref")
		if !errors.Is(o.Err, ErrUnavailable) || o.Attempts != 0 {
			t.Errorf("%+v", o)
		}
	}
	if defs, err := sub.Describe([]string{"crm_find"}); err != nil || len(defs) != 1 {
		t.Errorf("its tools went with it: %v, %v", defs, err)
	}
	eventually(t, "back", func() bool { return runTool(sub, "crm_find", `{"name":"Ada"}`).Status == StatusOK })
	if s := r.Sources()[0]; s.Connects != 2 || !slices.Equal(s.Tools, []string{"crm_die", "crm_find"}) {
		t.Errorf("%+v", s)
	}
	wantContains(t, log.String(), "MCP server is not connected", "started in mode serve")
}

func TestMCPServerOverHTTPDies(t *testing.T) {
	s, stop := httpServer(t, "find")
	r, log := mcpRegistry(t, s)
	stop()
	eventually(t, "lost", func() bool { _ = runTool(r, "crm_find", `{"name":"Ada"}`); return !r.Sources()[0].Connected })
	o := runTool(r, "crm_find", `{"name":"Ada"}`)
	wantContains(t, fault(t, o), "not available at the moment")
	wantNot(t, log.String()+o.Err.Error(), "hunter3", "hunter2")
}

// What a server does wrong at its start holds up neither the start, nor a session, nor Close.
func TestMCPServersThatNeverStart(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer silent.Close()
	missing := stdioServer(t, "serve", "find")
	missing.Command = []string{"/nonexistent/mcp"}
	for name, s := range map[string]MCPServer{
		"hangs": stdioServer(t, "hang", "find"), "deaf": stdioServer(t, "deaf", "find"), "garbage": stdioServer(t, "garbage", "find"),
		"missing": missing, "silent": {Name: "crm", URL: "http://" + silent.Addr().String(), Allow: []string{"find"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, log := NewRegistry(), &lockedBuffer{}
			s.Log, s.StartTimeout = slog.New(slog.NewTextHandler(log, nil)), 200*time.Millisecond
			must(t, AddMCP(r, s))
			sub, err := r.Subset("crm_find")
			must(t, err)
			if defs, err := sub.Describe([]string{"crm_find"}); err != nil || len(defs) != 0 {
				t.Errorf("a session: %v, %v", defs, err)
			}
			wantContains(t, log.String(), "session goes without a tool", "crm_find")
			wantContains(t, fault(t, runTool(sub, "crm_find", "")), "not available at the moment")
			eventually(t, "tried", func() bool { return r.Sources()[0].Err != nil })
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			if err := r.Ready(ctx); err == nil || !strings.Contains(err.Error(), "MCP server crm has not told of its tools") {
				t.Errorf("Ready: %v", err)
			}
			must(t, r.Close(context.Background()))
		})
	}
}

// Servers of before 2026 may keep quiet when they are asked what they do not know.
func TestMCPServerOfAnOlderVersion(t *testing.T) {
	s := stdioServer(t, "old", "find")
	s.StartTimeout = 2 * time.Second // the first attempt takes as long
	r, _ := mcpRegistry(t, s)
	if o := runTool(r, "crm_find", `{"name":"Ada"}`); o.Status != StatusOK {
		t.Errorf("%+v", o)
	}
}

// A message beyond all bounds fails its call, and the next one works again.
func TestMCPMessageThatIsTooLong(t *testing.T) {
	eachTransport(t, func(t *testing.T, start func(...string) MCPServer) {
		r, _ := mcpRegistry(t, start("find", "huge"))
		if o := runTool(r, "crm_huge", ""); o.Status != StatusToolError || o.Ref == "" {
			t.Errorf("%s after %s: %v", o.Status, o.Duration, o.Err)
		}
		eventually(t, "well again", func() bool { return runTool(r, "crm_find", `{"name":"Ada"}`).Status == StatusOK })
	})
}

func TestMCPToolsThatChange(t *testing.T) {
	s := stdioServer(t, "serve")
	s.AllowAll = true
	r, _ := mcpRegistry(t, s)
	sub, err := r.Subset("crm_grown", "crm_picture") // the first is not known yet
	must(t, err)
	if got := sub.Names(); !slices.Equal(got, []string{"crm_picture"}) {
		t.Errorf("before: %v", got)
	}
	if o := runTool(r, "crm_grow", ""); o.Status != StatusOK {
		t.Fatalf("%+v", o)
	}
	eventually(t, "changed", func() bool { return slices.Equal(sub.Names(), []string{"crm_grown"}) })
	wantContains(t, fault(t, runTool(sub, "crm_picture", "")), "not available at the moment")
	if defs, err := sub.Describe([]string{"crm_grown", "crm_picture"}); err != nil || len(defs) != 1 {
		t.Errorf("%v, %v", defs, err)
	}
}

func TestMCPServerIsRefused(t *testing.T) {
	base := func() MCPServer { return MCPServer{Name: "crm", URL: "http://127.0.0.1:1/", Allow: []string{"a"}} }
	for name, tc := range map[string]struct {
		change func(*MCPServer)
		opts   []Option
		want   string
	}{
		"name":     {func(s *MCPServer) { s.Name = "c r m" }, nil, "letters, digits"},
		"neither":  {func(s *MCPServer) { s.URL = "" }, nil, "neither a command nor a URL"},
		"both":     {func(s *MCPServer) { s.Command = []string{"x"} }, nil, "keep one of the two"},
		"env":      {func(s *MCPServer) { s.Env = []string{"A=B"} }, nil, "has no environment"},
		"url":      {func(s *MCPServer) { s.URL = "ftp://hunter2" }, nil, "must be http:// or https://"},
		"two":      {func(s *MCPServer) { s.Allow = []string{"a.b", "a_b"} }, nil, `"a.b" and "a_b" are one name for a model, crm_a_b`},
		"all":      {func(s *MCPServer) { s.AllowAll = true }, nil, "keep one of the two"},
		"schema":   {func(*MCPServer) {}, []Option{Parameters([]byte(`{}`))}, "the server brings its schemas"},
		"timeout":  {func(s *MCPServer) { s.Timeout = time.Hour }, nil, "timeout"},
		"taken":    {func(s *MCPServer) { s.Allow = []string{"mine"} }, nil, "there is a tool of this name already"},
		"twice":    {func(s *MCPServer) { s.Name = "other"; s.Prefix = "o_" }, nil, "is there already"},
		"prefixes": {func(s *MCPServer) { s.Prefix = "ö" }, nil, "letters, digits"},
	} {
		t.Run(name, func(t *testing.T) {
			r := NewRegistry()
			addEcho(t, r, "crm_mine")
			must(t, AddMCP(r, MCPServer{Name: "other", URL: "http://127.0.0.1:1/"}))
			defer func() { must(t, r.Close(context.Background())) }()
			s := base()
			tc.change(&s)
			err := AddMCP(r, s, tc.opts...)
			if err == nil {
				t.Fatal("accepted")
			}
			wantContains(t, err.Error(), tc.want)
			wantNot(t, err.Error(), "hunter2")
		})
	}
}

func TestMCPServerOfAClosedRegistry(t *testing.T) {
	r := NewRegistry()
	must(t, r.Close(context.Background()))
	must(t, AddMCP(r, stdioServer(t, "serve", "find"))) // TestMain sees what is left running
	if s := r.Sources()[0]; s.Connected {
		t.Errorf("%+v", s)
	}
}

func TestNamesOfAServerAreItsOwn(t *testing.T) {
	r := NewRegistry()
	defer func() { must(t, r.Close(context.Background())) }()
	must(t, AddMCP(r, MCPServer{Name: "crm", URL: "http://127.0.0.1:1/", AllowAll: true}))
	err := Add(r, "crm_find", "Finds.", func(context.Context, *Call, struct{}) (string, error) { return "", nil })
	if err == nil || !strings.Contains(err.Error(), "MCP server crm may bring it") {
		t.Errorf("got %v", err)
	}
	if _, err := r.Subset("cms_find"); !errors.Is(err, ErrUnknown) {
		t.Errorf("a name that no server can bring: %v", err)
	}
}

func TestMCPToolNames(t *testing.T) {
	s := MCPServer{Name: "crm"}
	long := strings.Repeat("x", 70)
	for name, want := range map[string]string{
		"find": "crm_find", "a.b/c d": "crm_a_b_c_d", "größe": "crm_gr__e", "a-b": "crm_a-b",
		long: "crm_" + strings.Repeat("x", 51) + "_" + shortHash("crm_"+long, 8),
	} {
		if got := s.ToolName(name); got != want || checkName(got) != nil {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	if a, b := s.ToolName(long+"a"), s.ToolName(long+"b"); a == b {
		t.Error("two long names became one")
	}
}

func TestMCPServerIsNotPrinted(t *testing.T) {
	s := MCPServer{Name: "crm", URL: "http://hunter2", Headers: http.Header{"Authorization": {"hunter2"}}, Env: []string{"KEY=hunter2"}}
	var log lockedBuffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("server", "server", s)
	_, err := s.MarshalJSON()
	wantNot(t, log.String()+s.String()+s.GoString(), "hunter2")
	if err == nil {
		t.Error("written out")
	}
}

package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/trunkline/trunkline/store/storetest"
)

// TestMain fails the package when a test left a goroutine behind. What the environment says of real services is put
// aside: the tests talk to the simulator.
func TestMain(m *testing.M) {
	for _, name := range []string{"OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT", "TRUNKLINE_CONFIG"} {
		os.Unsetenv(name)
	}
	if os.Getenv(mcpMode) != "" {
		serveMCP() // we are the server of another test
		return
	}
	storetest.Main(m)
}

// patience is how long anything may take on a busy machine before a test calls it stuck.
const patience = 2 * time.Minute

// output is what a command has written so far.
type output struct {
	mu      sync.Mutex
	text    bytes.Buffer
	written chan struct{} // 1 slot
}

func newOutput() *output { return &output{written: make(chan struct{}, 1)} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.written <- struct{}{}:
	default:
	}
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// running is a command at work.
type running struct {
	t         *testing.T
	out, errs *output
	interrupt context.CancelFunc
	code      chan int
}

// start runs a command in the background. It is interrupted at the end of the test, if not before.
func start(t *testing.T, args ...string) *running {
	t.Helper()
	return startFunc(t, func(ctx context.Context, out, errs io.Writer) int { return run(ctx, args, out, errs) })
}

func startFunc(t *testing.T, do func(ctx context.Context, out, errs io.Writer) int) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{t: t, out: newOutput(), errs: newOutput(), interrupt: cancel, code: make(chan int, 1)}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		r.code <- do(ctx, r.out, r.errs)
	}()
	t.Cleanup(func() {
		cancel()
		<-gone
	})
	return r
}

// waitFor waits until the command has written text, and returns all it wrote.
func (r *running) waitFor(text string) string {
	r.t.Helper()
	late := time.After(patience)
	for {
		if out := r.out.String(); strings.Contains(out, text) {
			return out
		}
		select {
		case <-r.out.written:
		case code := <-r.code:
			r.code <- code
			if out := r.out.String(); strings.Contains(out, text) {
				return out
			}
			r.t.Fatalf("ended with %d and never said %q:\n%s%s", code, text, r.out, r.errs)
		case <-late:
			r.t.Fatalf("never said %q:\n%s%s", text, r.out, r.errs)
		}
	}
}

// ends waits for the end and returns the exit code.
func (r *running) ends() int {
	r.t.Helper()
	select {
	case code := <-r.code:
		return code
	case <-time.After(patience):
		r.t.Fatalf("does not end:\n%s%s", r.out, r.errs)
		return -1
	}
}

// execute runs a command to its end.
func execute(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	r := start(t, args...)
	code = r.ends()
	return code, r.out.String(), r.errs.String()
}

// wants fails the test unless text holds all the parts.
func wants(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("misses %q in:\n%s", p, text)
		}
	}
}

func writeFile(t *testing.T, name, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// eachCommand visits every command that a user sees.
func eachCommand(c *cobra.Command, visit func(*cobra.Command)) {
	visit(c)
	for _, below := range c.Commands() {
		eachCommand(below, visit)
	}
}

func TestEveryCommandExplainsItself(t *testing.T) {
	const screen = 40
	eachCommand(newRoot(), func(c *cobra.Command) {
		args := append(strings.Fields(c.CommandPath())[1:], "--help")
		code, help, errs := execute(t, args...)
		if code != 0 || errs != "" {
			t.Errorf("%v: exit code %d, %s", args, code, errs)
		}
		lines := strings.Split(help, "\n")
		if len(lines) > screen {
			t.Errorf("%v: %d lines are more than a screen", args, len(lines))
		}
		for _, l := range lines {
			if n := len([]rune(l)); n > 120 {
				t.Errorf("%v: %d columns: %s", args, n, l)
			}
		}
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%v: short text is %q", args, c.Short)
		}
		if c.Runnable() && c.Name() != "version" && c.Example == "" {
			t.Errorf("%v: no example", args)
		}
	})
}

func TestExamplesAreOfTheCommandAndParse(t *testing.T) {
	eachCommand(newRoot(), func(c *cobra.Command) {
		for line := range strings.Lines(c.Example) {
			_, call, ok := strings.Cut(line, "trunkline ")
			if !ok {
				t.Errorf("%s: example without the program: %q", c.CommandPath(), line)
				continue
			}
			call, _, _ = strings.Cut(call, "  ") // behind it is what the example does
			call, _, _ = strings.Cut(call, " | ")
			words := strings.Fields(strings.ReplaceAll(call, "'", ""))
			root := newRoot()
			found, rest, err := root.Find(words)
			if err != nil || c.HasParent() && found.CommandPath() != c.CommandPath() {
				t.Errorf("%s: example of another command: %q", c.CommandPath(), line)
				continue
			}
			if err := found.ParseFlags(rest); err != nil {
				t.Errorf("%q: %v", line, err)
			}
		}
	})
}

func TestUsageFaults(t *testing.T) {
	for _, c := range []struct{ args, says string }{
		{"serv", "there is no command 'trunkline serv', do you mean 'serve'?\nsee 'trunkline --help'"},
		{"calls lsit", "do you mean 'list'?\nsee 'trunkline calls --help'"},
		{"calls", ""},
		{"calls show", "name one call"},
		{"calls show a b", "name one call"},
		{"calls list x", `"trunkline calls list" takes no arguments`},
		{"calls list --jsno", "unknown flag: --jsno\nsee 'trunkline calls list --help'"},
		{"demo --law opus", `"opus" is neither pcmu nor pcma`},
		{"demo --dialect beta", "beta"},
		{"demo now", `"trunkline demo" takes no arguments, only flags: what is "now"?`},
		{"call", "name one SIP URI"},
		{"call sip:1@127.0.0.1 --law g722", "neither pcmu nor pcma"},
		{"call sip:1@127.0.0.1 --say nothing.wav", "built-in clips are rms-c01"},
		{"sim --dialect beta", "beta"},
		{"config show --set sip.advertise", `"sip.advertise" has no path and value`},
		{"serve --config /nowhere/trunkline.yaml", "/nowhere/trunkline.yaml"},
	} {
		t.Run(c.args, func(t *testing.T) {
			code, out, errs := execute(t, strings.Fields(c.args)...)
			if c.says == "" {
				if code != 0 || !strings.Contains(out, "Usage:") {
					t.Errorf("exit code %d, no help: %s", code, out)
				}
				return
			}
			if code != exitUsage || !strings.HasPrefix(errs, "trunkline: ") {
				t.Errorf("exit code %d, says %q", code, errs)
			}
			wants(t, errs, c.says)
			if out != "" {
				t.Errorf("printed %q", out)
			}
		})
	}
}

func TestVersion(t *testing.T) {
	code, out, _ := execute(t, "version")
	_, flag, _ := execute(t, "--version")
	if code != 0 || !strings.HasPrefix(out, "trunkline ") || out != flag {
		t.Errorf("%d: version %q, --version %q", code, out, flag)
	}
}

func TestShellsGetTheirCompletions(t *testing.T) {
	code, out, errs := execute(t, "__complete", "calls", "")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	wants(t, out, "list\t", "show\t", "follow\t")
}

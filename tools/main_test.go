package tools

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestMain fails when a goroutine outlives the tests: handlers, timers and connections are all joined or closed. The fuzzing
// engine keeps goroutines of its own, so there the check is left out.
func TestMain(m *testing.M) {
	if mode := os.Getenv(mcpMode); mode != "" {
		serveMCP(mode) // we are the server of another test
		return
	}
	before := runtime.NumGoroutine()
	code := m.Run()
	http.DefaultClient.CloseIdleConnections()
	if code == 0 && flag.Lookup("test.fuzz").Value.String() == "" && !settles(before) {
		buf := make([]byte, 1<<20)
		fmt.Fprintf(os.Stderr, "goroutines leaked:\n%s\n", buf[:runtime.Stack(buf, true)])
		code = 1
	}
	os.Exit(code)
}

// settles waits until no more goroutines than want are left.
func settles(want int) bool {
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
		if runtime.NumGoroutine() <= want {
			return true
		}
	}
	return false
}

// output checks that an outcome has what every outcome has, and returns its members.
func output(t testing.TB, o Outcome) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(o.Output), &m); err != nil {
		t.Fatalf("output %q is not a JSON object: %v", o.Output, err)
	}
	if o.Status == "" || (o.Err == nil) != (o.Status == StatusOK) {
		t.Fatalf("status %q with error %v", o.Status, o.Err)
	}
	return m
}

// fault returns the text that the model reads of a failed run.
func fault(t testing.TB, o Outcome) string {
	t.Helper()
	text, ok := output(t, o)["error"].(string)
	if !ok {
		t.Fatalf("output %q has no error", o.Output)
	}
	return text
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantContains(t testing.TB, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q does not contain %q", text, p)
		}
	}
}

func wantNot(t testing.TB, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if strings.Contains(text, p) {
			t.Errorf("%q contains %q", text, p)
		}
	}
}

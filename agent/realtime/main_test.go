package realtime_test

import (
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestMain fails when goroutines are left behind.
func TestMain(m *testing.M) {
	code := m.Run()
	if left := leftovers(); code == 0 && left != "" {
		fmt.Fprintf(os.Stderr, "goroutines left behind:\n%s\n", left)
		code = 1
	}
	os.Exit(code)
}

// leftovers waits, with a deadline, for goroutines that are on their way out, and returns the stacks of the others.
func leftovers() (stacks string) {
	http.DefaultClient.CloseIdleConnections()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
		if stacks = others(); stacks == "" {
			return ""
		}
	}
	return stacks
}

// others are the stacks of all goroutines but this one and the signal handler that fuzzing installs.
func others() string {
	buf := make([]byte, 1<<20)
	all := strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")
	var left []string
	for _, stack := range all[1:] { // the first is this one
		if !strings.Contains(stack, "os/signal.loop") {
			left = append(left, stack)
		}
	}
	return strings.Join(left, "\n\n")
}

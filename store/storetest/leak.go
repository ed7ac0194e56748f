package storetest

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Main runs the tests of a package and fails when goroutines are left behind. Use it as TestMain.
func Main(m *testing.M) {
	code := m.Run()
	if left := leaked(); left != "" && code == 0 {
		fmt.Fprintf(os.Stderr, "goroutines left behind:\n\n%s\n", left)
		code = 1
	}
	os.Exit(code)
}

// leaked waits for goroutines that are just ending and returns the stacks of those that stay.
func leaked() string {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); <-tick.C {
		if others() == "" {
			return ""
		}
	}
	return others()
}

// others are the stacks of all goroutines but this one and those of the runtime and the testing package.
func others() string {
	buf := make([]byte, 1<<20)
	stacks := strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")
	var left []string
	for _, s := range stacks[1:] { // the first is ours
		if !strings.Contains(s, "testing.(*M).") && !strings.Contains(s, "os/signal.") && !strings.Contains(s, "runtime.ensureSigM") {
			left = append(left, s)
		}
	}
	return strings.Join(left, "\n\n")
}

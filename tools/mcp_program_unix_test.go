//go:build unix

package tools

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestMCPProgramHasOnlyItsEnvironmentAndLeavesNothingBehind(t *testing.T) {
	t.Setenv("TRUNKLINE_SECRET", "hunter2")
	t.Setenv("PASSED_ON", "seen")
	s := stdioServer(t, "serve", "env", "spawn")
	s.Env = append(s.Env, "PASSED_ON")
	r, _ := mcpRegistry(t, s)
	o := runTool(r, "crm_env", "")
	wantContains(t, o.Output, "PATH=", "PASSED_ON=seen")
	wantNot(t, o.Output, "hunter2")

	_, pid, _ := strings.Cut(fmt.Sprint(output(t, runTool(r, "crm_spawn", ""))["result"]), " ")
	child, err := strconv.Atoi(pid)
	must(t, err)
	if syscall.Kill(child, 0) != nil {
		t.Fatal("there is no child")
	}
	must(t, r.Close(context.Background()))
	eventually(t, "ended", func() bool { return !runs(child) })
}

// runs reports whether a process is at work: one that has ended may stay in the table until init looks.
func runs(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || !strings.Contains(string(stat), ") Z ")
}

//go:build unix

package tools

import (
	"os/exec"
	"syscall"
)

// ownGroup starts cmd in a process group of its own, so that it can be ended with all it starts, and a Ctrl-C in the
// terminal is for us alone.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// killGroup ends cmd and whatever is left of its group.
func killGroup(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

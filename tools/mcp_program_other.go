//go:build !unix

package tools

import "os/exec"

// ownGroup does nothing: there are no process groups.
func ownGroup(*exec.Cmd) {}

// killGroup ends cmd alone.
func killGroup(cmd *exec.Cmd) { _ = cmd.Process.Kill() }

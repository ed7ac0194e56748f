package redisproc

import "syscall"

// dieWithUs ends the server when the test process is killed and cannot clean up.
func dieWithUs() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

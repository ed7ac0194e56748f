package trunkline_test

import "syscall"

// dieWithUs ends a child when the test program is killed and cannot end it itself.
func dieWithUs() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

//go:build !linux

package trunkline_test

import "syscall"

func dieWithUs() *syscall.SysProcAttr { return nil }

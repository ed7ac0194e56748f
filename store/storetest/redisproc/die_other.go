//go:build !linux

package redisproc

import "syscall"

func dieWithUs() *syscall.SysProcAttr { return nil }

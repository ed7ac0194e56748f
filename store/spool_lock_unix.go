//go:build unix

package store

import (
	"os"
	"syscall"
)

// lockFile takes the file for this process. The lock ends with the file descriptor, also by kill -9.
func lockFile(f *os.File) error {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}

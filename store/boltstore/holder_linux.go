package boltstore

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// holder looks up who has the lock on the file. The kernel lists locks by device and inode (proc(5), /proc/locks).
func holder(path string) (pid int, name string) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, ""
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, ""
	}
	locks, err := os.Open("/proc/locks")
	if err != nil {
		return 0, ""
	}
	defer locks.Close()
	pid = findLock(locks, deviceInode(uint64(st.Dev), st.Ino))
	if pid == 0 {
		return 0, ""
	}
	comm, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
	return pid, strings.TrimSpace(string(comm))
}

// deviceInode is how /proc/locks names a file: major and minor device number in hex, inode in decimal.
func deviceInode(dev, inode uint64) string {
	major := dev>>8&0xFFF | dev>>32&^0xFFF
	minor := dev&0xFF | dev>>12&^0xFF
	return fmt.Sprintf("%02x:%02x:%d", major, minor, inode)
}

// findLock reads lines like
//
//	4: FLOCK  ADVISORY  WRITE 3870 fe:00:1310 0 EOF
//
// and returns the process of the first lock on the file, 0 when there is none or it lives in another PID namespace.
// Lines with an arrow are processes that wait.
func findLock(locks io.Reader, file string) int {
	lines := bufio.NewScanner(locks)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 6 || f[1] != "FLOCK" || f[5] != file {
			continue
		}
		if pid, err := strconv.Atoi(f[4]); err == nil && pid > 0 {
			return pid
		}
	}
	return 0
}

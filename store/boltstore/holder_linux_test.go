package boltstore

import (
	"strings"
	"testing"
)

func TestFindLock(t *testing.T) {
	const locks = `1: POSIX  ADVISORY  WRITE 11 fe:00:1310 0 EOF
2: FLOCK  ADVISORY  WRITE 22 fe:00:1311 0 EOF
2: -> FLOCK  ADVISORY  WRITE 33 fe:00:1310 0 EOF
garbage
3: FLOCK  ADVISORY  WRITE 0 fe:00:1310 0 EOF
4: FLOCK  ADVISORY  WRITE 44 fe:00:1310 0 EOF
`
	for file, want := range map[string]int{"fe:00:1310": 44, "fe:00:1311": 22, "fe:00:1": 0} {
		if got := findLock(strings.NewReader(locks), file); got != want {
			t.Errorf("%s: %d, want %d", file, got, want)
		}
	}
	if got := deviceInode(0xFE00, 1310); got != "fe:00:1310" {
		t.Errorf("device %s", got)
	}
	if pid, name := holder("/no/such/file"); pid != 0 || name != "" {
		t.Errorf("holder of nothing: %d %s", pid, name)
	}
}

func FuzzFindLock(f *testing.F) {
	f.Add("4: FLOCK  ADVISORY  WRITE 44 fe:00:1310 0 EOF\n")
	f.Fuzz(func(t *testing.T, locks string) {
		if findLock(strings.NewReader(locks), "fe:00:1310") < 0 {
			t.Error("a negative process")
		}
	})
}

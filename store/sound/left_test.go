package sound

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/transcode"
)

// What was left behind is completed when the configuration says otherwise about encryption since, and is kept as that says.
func TestRecoveryUnderAnotherConfiguration(t *testing.T) {
	key := sealing(t, Options{})
	for what, o := range map[string]struct{ before, after Options }{
		"encrypted since": {Options{}, key},
		"plain since":     {key, Options{Identity: key.Identity}},
	} {
		t.Run(what, func(t *testing.T) {
			o.before.Directory = t.TempDir()
			o.after.Directory = o.before.Directory
			r := record(t, open(t, o.before), "a/b", transcode.PCMU)
			r.play(t, 8000, 20*8000)
			must(t, r.file.Close())
			k := open(t, o.after)
			if left, err := k.Left(); err != nil || len(left) != 1 || left[0] != "a/b" {
				t.Fatalf("left %q, %v", left, err)
			}
			name, err := k.Recover("a/b", expires)
			must(t, err)
			wantSound(t, k, name, transcode.PCMU, 11*8000, 17*8000)
			stored, err := os.ReadFile(filepath.Join(k.dir, name))
			must(t, err)
			if bytes.Contains(stored, []byte("WAVE")) == (len(o.after.Recipients) > 0) {
				t.Errorf("it is not kept as new ones are: %.20q", stored)
			}
			if files, _ := os.ReadDir(filepath.Join(k.dir, partDir)); len(files) != 0 {
				t.Errorf("%v are left", files)
			}
			if name, err := k.Recover("a/b", expires); name != "" || err != nil {
				t.Errorf("again: %q, %v", name, err)
			}
		})
	}
}

// Whatever there is of a recording goes, in whichever way it was kept, and what a recovery left that did not end.
func TestDiscardLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	for _, o := range []Options{{}, sealing(t, Options{})} {
		o.Directory = dir
		r := record(t, open(t, o), "a", transcode.PCMU)
		must(t, r.file.Close())
		must(t, os.WriteFile(r.file.Name()+remade, nil, 0o600))
	}
	k := open(t, Options{Directory: dir})
	other := record(t, k, "other", transcode.PCMU)
	if left, _ := k.Left(); len(left) != 2 {
		t.Errorf("left %q", left)
	}
	must(t, k.Discard("a"))
	must(t, k.Discard("a"))
	if files, _ := os.ReadDir(filepath.Join(dir, partDir)); len(files) != 1 {
		t.Errorf("%v are left", files)
	}
	if err := k.Discard("{a}"); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("call id that is none: %v", err)
	}
	_, err := other.Finish(expires)
	must(t, err)
}

// A recording that is discarded while it is written comes to nothing.
func TestDiscardedWhileItIsWritten(t *testing.T) {
	for what, o := range map[string]Options{"plain": {}, "sealed": sealing(t, Options{})} {
		t.Run(what, func(t *testing.T) {
			k := open(t, o)
			r := record(t, k, "a", transcode.PCMU)
			must(t, k.Discard("a"))
			r.play(t, 8000, 20*8000)
			if name, err := r.Finish(expires); name != "" || err != nil {
				t.Errorf("Finish: %q, %v", name, err)
			}
			if files, _ := filepath.Glob(filepath.Join(k.dir, "*", "*")); len(files) != 0 {
				t.Errorf("there is %q", files)
			}
		})
	}
}

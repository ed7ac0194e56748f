package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/boltstore"
	"github.com/trunkline/trunkline/store/sound"
	"github.com/trunkline/trunkline/transcode"
)

// trunklineRun runs a command with something typed into it.
func trunklineRun(t *testing.T, typed string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	root := newRoot()
	var out, errs bytes.Buffer
	root.SetIn(strings.NewReader(typed))
	root.SetOut(&out)
	root.SetErr(&errs)
	root.SetArgs(args)
	err := root.ExecuteContext(t.Context())
	if err == nil {
		return 0, out.String(), errs.String()
	}
	var coded *exitError
	if code = exitFailed; errors.As(err, &coded) {
		code = coded.code
	}
	return code, out.String(), errs.String() + err.Error()
}

// threeCalls are calls of one caller, and one of another.
func threeCalls(t *testing.T, s *boltstore.Store) {
	t.Helper()
	for _, id := range []string{"call-a", "call-b", "call-c"} {
		put(t, s, id, "frontdesk", true)
	}
	must(t, s.Begin(t.Context(), store.Call{ID: "other", Caller: "+15550100002", Started: begin}))
}

func left(t *testing.T, s store.Reader) string {
	t.Helper()
	page, err := s.List(t.Context(), store.Query{})
	must(t, err)
	var ids []string
	for _, c := range page.Calls {
		ids = append(ids, c.ID)
	}
	return strings.Join(ids, " ")
}

func TestDeleteAsks(t *testing.T) {
	path, s := shared(t)
	threeCalls(t, s)
	for _, typed := range []string{"", "no\n", "y\n", "\n"} {
		code, out, stderr := trunklineRun(t, typed, "calls", "delete", "--store", path, "call-a")
		if code != exitFailed || !strings.Contains(stderr, "delete call call-a?") || !strings.Contains(stderr, "nothing was deleted") {
			t.Errorf("%q: exit %d: %s%s", typed, code, out, stderr)
		}
		code, _, stderr = trunklineRun(t, typed, "calls", "delete", "--store", path, "--caller", "+1 555 010 0001")
		if code != exitFailed || !strings.Contains(stderr, "delete 3 calls from") {
			t.Errorf("%q: exit %d: %s", typed, code, stderr)
		}
	}
	if ids := left(t, s); ids != "other call-c call-b call-a" {
		t.Fatalf("left: %s", ids)
	}
	code, out, stderr := trunklineRun(t, "yes\n", "calls", "delete", "--store", path, "call-a")
	if code != 0 || out != "1 call deleted\n" {
		t.Errorf("exit %d: %s%s", code, out, stderr)
	}
	code, out, stderr = trunklineRun(t, "", "calls", "delete", "--store", path, "--yes", "--caller", "+1 (555) 010-0001")
	if code != 0 || out != "2 calls deleted\n" || stderr != "" {
		t.Errorf("exit %d: %s%s", code, out, stderr)
	}
	if ids := left(t, s); ids != "other" {
		t.Errorf("left: %s", ids)
	}
	code, out, _ = trunklineRun(t, "", "calls", "delete", "--store", path, "--caller", "+15550100001")
	if code != 0 || out != "0 calls deleted\n" {
		t.Errorf("again: exit %d: %s", code, out)
	}
}

func TestDeleteInAFileNobodyHolds(t *testing.T) {
	path, s := held(t)
	threeCalls(t, s)
	must(t, s.Close())
	if code, out, stderr := trunklineRun(t, "", "calls", "delete", "--store", path, "--yes", "call-b"); code != 0 {
		t.Errorf("exit %d: %s%s", code, out, stderr)
	}
	after, err := boltstore.Open(path, boltstore.Options{ReadOnly: true})
	must(t, err)
	defer after.Close()
	if ids := left(t, after); ids != "other call-c call-a" {
		t.Errorf("left: %s", ids)
	}
}

func TestDeleteOfWhatIsNotThere(t *testing.T) {
	path, _ := shared(t)
	none := filepath.Join(t.TempDir(), "none.db")
	for want, args := range map[string][]string{
		"there is no call x here":      {"--store", path, "--yes", "x"},
		"there are no transcripts":     {"--store", none, "--yes", "x"},
		"name one call, or a number":   {"--store", path, "--yes"},
		"or a number with --caller":    {"--store", path, "x", "--caller", "+1"},
		"delete the calls of a caller": {"--store", path, "--yes", "--caller", " "},
	} {
		if code, out, stderr := trunklineRun(t, "", append([]string{"calls", "delete"}, args...)...); code == 0 || !strings.Contains(stderr, want) {
			t.Errorf("%v: exit %d: %s%s", args, code, out, stderr)
		}
	}
	if _, err := os.Stat(none); !errors.Is(err, fs.ErrNotExist) {
		t.Error("deleting made a file")
	}
}

// Deleting a call deletes its recording, also when no configuration says where that is.
func TestCallsDeleteTakesTheRecording(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "calls.db")
	s, err := boltstore.Open(path, boltstore.Options{})
	must(t, err)
	put(t, s, "call-a", "frontdesk", true)
	keep, err := sound.New(sound.Options{Directory: filepath.Join(dir, "recordings")})
	must(t, err)
	r, err := keep.Begin("call-a", transcode.PCMU)
	must(t, err)
	name, err := r.Finish(begin.AddDate(10, 0, 0))
	must(t, err)
	must(t, s.Finish(t.Context(), store.Call{ID: "call-a", Recording: name}))
	must(t, s.Close())
	if code, _, errs := trunklineRun(t, "", "calls", "delete", "call-a", "--yes", "--store", path); code != 0 {
		t.Fatal(errs)
	}
	if _, err := os.Stat(filepath.Join(dir, "recordings", name)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the recording outlives its call: %v", err)
	}
}

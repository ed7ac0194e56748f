package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/export"
)

// exported reads an export back: ids of calls and how many lines each has.
func exported(t *testing.T, text string) map[string]int {
	t.Helper()
	found, last := map[string]int{}, ""
	for r := export.NewReader(strings.NewReader(text)); ; {
		rec, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return found
		case err != nil:
			t.Fatalf("%v in\n%s", err, text)
		case rec.Call != nil:
			last = rec.Call.ID
			found[last] = 0
		default:
			found[last]++
		}
	}
}

func TestExportToStandardOutput(t *testing.T) {
	path, s := shared(t)
	line := store.Entry{ID: "1-0", Kind: store.KindTurn, Role: store.RoleCaller, Text: "hello"}
	put(t, s, "one", "frontdesk", true, line)
	put(t, s, "two", "sales", true)
	for _, c := range []struct {
		args []string
		want map[string]int
	}{
		{[]string{"one"}, map[string]int{"one": 1}},
		{[]string{"two", "one"}, map[string]int{"one": 1, "two": 0}},
		{[]string{"--from", "2026-11-25"}, map[string]int{"one": 1, "two": 0}},
		{[]string{"--from", "2026-11-25", "--to", "2026-11-26T00:00:00+01:00", "--agent", "sales"}, map[string]int{"two": 0}},
		{[]string{"--to", "2026-11-25"}, map[string]int{}},
	} {
		code, out, errs := execute(t, append([]string{"calls", "export", "--store", path}, c.args...)...)
		got := exported(t, out)
		if code != 0 || len(got) != len(c.want) || (len(got) == 0) != strings.Contains(errs, "no calls") {
			t.Errorf("%q: code %d, %v, %s", c.args, code, got, errs)
		}
		for id, n := range c.want {
			if have, ok := got[id]; !ok || have != n {
				t.Errorf("%q: %v, want %v", c.args, got, c.want)
			}
		}
	}
	if code, out, _ := execute(t, "calls", "export", "one", "--store", path, "--format", "txt"); code != 0 || !strings.Contains(out, "Caller      hello") {
		t.Errorf("code %d:\n%s", code, out)
	}
}

func TestExportToFiles(t *testing.T) {
	path, s := shared(t)
	put(t, s, "one", "frontdesk", true)
	put(t, s, "up/../../two", "sales", true)
	dir := filepath.Join(t.TempDir(), "new", "dir")
	for _, format := range export.Names() {
		if code, _, errs := execute(t, "calls", "export", "--store", path, "--from", "2026-11-01", "--format", format, "--out", dir); code != 0 {
			t.Fatalf("%s: code %d, %s", format, code, errs)
		}
		for _, name := range []string{"one.", "up%2F..%2F..%2Ftwo."} {
			info, err := os.Stat(filepath.Join(dir, name+format))
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v, %v", name+format, err, info)
			}
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 2*len(export.Formats) {
		t.Errorf("%d files, %v", len(files), err)
	}
}

func TestExportThatMakesNoSense(t *testing.T) {
	path, s := shared(t)
	put(t, s, "one", "frontdesk", true)
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{nil, exitUsage, "name calls, or a time"},
		{[]string{"one", "--from", "2026-11-25"}, exitUsage, "not both"},
		{[]string{"one", "--format", "pdf"}, exitUsage, "jsonl, txt, csv, vtt"},
		{[]string{"--from", "yesterday"}, exitUsage, `--from "yesterday"`},
		{[]string{"--to", "2026-13-01"}, exitUsage, "--to"},
		{[]string{"--from", "2026-11-25", "--format", "vtt"}, exitUsage, "--out"},
		{[]string{"none"}, exitFailed, "there is no call none"},
		{[]string{"one", "--out", path}, exitFailed, "not a directory"},
	} {
		if code, out, errs := execute(t, append([]string{"calls", "export", "--store", path}, c.args...)...); code != c.code || !strings.Contains(errs, c.says) || out != "" {
			t.Errorf("%q: code %d, %q, %s", c.args, code, out, errs)
		}
	}
}

func TestFileThatCannotBeWrittenWholeIsNotThere(t *testing.T) {
	dir := t.TempDir()
	full := errors.New("full")
	err := wholeFile(filepath.Join(dir, "x"), func(w io.Writer) error {
		if _, err := io.WriteString(w, strings.Repeat("x", 100_000)); err != nil {
			return err
		}
		return full
	})
	if files, _ := os.ReadDir(dir); !errors.Is(err, full) || len(files) > 0 {
		t.Errorf("error %v, files %v", err, files)
	}
}

func TestLongExportSaysHowFarItIs(t *testing.T) {
	var out strings.Builder
	x := &exporter{since: begin}
	for tenth := range 51 { // five seconds, ten calls in each
		x.written++
		x.progress(&out, begin.Add(time.Duration(tenth)*100*time.Millisecond))
	}
	if out.String() != "21 calls written\n31 calls written\n41 calls written\n51 calls written\n" {
		t.Errorf("said\n%s", out.String())
	}
}

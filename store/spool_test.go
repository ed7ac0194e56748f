package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func entryRecord(call, id, text string) record {
	return record{op: opEntry, callID: call, entry: Entry{ID: id, Kind: KindTurn, Role: RoleCaller, Text: text}}
}

func testSpool(t *testing.T, path string, max int64) *spool {
	t.Helper()
	s, err := openSpool(path, max)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.f.Close() })
	return s
}

// take consumes a stretch for good.
func take(t *testing.T, s *spool, st stretch) {
	t.Helper()
	s.consume(st.end, st.lines)
	if err := s.settle(st.end, st.lines); err != nil {
		t.Fatal(err)
	}
}

func texts(st stretch) string {
	var all []string
	for _, r := range st.records {
		all = append(all, r.entry.Text)
	}
	return strings.Join(all, " ")
}

func TestSpoolGivesBackWhatItTook(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spool")
	s := testSpool(t, path, 1<<20)
	call := Call{ID: "c1", Started: time.UnixMilli(1_700_000_000_000).UTC(), Caller: "+1555"}
	given := []record{
		{op: opBegin, callID: "c1", call: &call}, entryRecord("c1", "5-1", "a\x00b\n\u2028<&>"), {op: opFinish, callID: "c1", call: &Call{ID: "c1"}},
	}
	if err := s.append(given); err != nil {
		t.Fatal(err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	s = testSpool(t, path, 1<<20)
	if s.unread != 3 || s.corrupt != 0 {
		t.Errorf("reopened: %d lines, %d corrupt", s.unread, s.corrupt)
	}
	st, err := s.front(10)
	if err != nil || len(st.records) != 3 {
		t.Fatalf("%d records, %v", len(st.records), err)
	}
	for i, r := range st.records {
		if r.op != given[i].op || r.callID != "c1" || r.call != nil && *r.call != *given[i].call || r.op == opEntry && !r.entry.Same(&given[i].entry) {
			t.Errorf("record %d is %+v", i, r)
		}
	}
}

func TestSpoolIsReadInPiecesAndEmptied(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spool")
	s := testSpool(t, path, 1<<20)
	if err := s.append([]record{entryRecord("c", "1-0", "a"), entryRecord("c", "2-0", "b"), entryRecord("c", "3-0", "c")}); err != nil {
		t.Fatal(err)
	}
	st, _ := s.front(2)
	again, _ := s.front(2) // not consumed: the same
	if texts(st) != "a b" || texts(again) != "a b" {
		t.Errorf("front: %q, %q", texts(st), texts(again))
	}
	take(t, s, st)
	if err := s.append([]record{entryRecord("c", "4-0", "d")}); err != nil {
		t.Fatal(err)
	}
	st, _ = s.front(10)
	if texts(st) != "c d" || s.unread != 2 {
		t.Errorf("front: %q, %d unread", texts(st), s.unread)
	}
	take(t, s, st)
	if info, err := os.Stat(path); err != nil || info.Size() != 0 || !s.empty() {
		t.Errorf("emptied: %v, %v", info, err)
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an empty spool is left: %v", err)
	}
}

func TestSpoolGoesBackToWhatIsNotSettled(t *testing.T) {
	s := testSpool(t, filepath.Join(t.TempDir(), "spool"), 1<<20)
	if err := s.append([]record{entryRecord("c", "1-0", "a"), entryRecord("c", "2-0", "b"), entryRecord("c", "3-0", "c")}); err != nil {
		t.Fatal(err)
	}
	a, _ := s.front(1)
	take(t, s, a)
	b, _ := s.front(1)
	s.consume(b.end, b.lines)
	c, _ := s.front(1)
	s.consume(c.end, c.lines)
	if !s.empty() || s.unread != 0 {
		t.Errorf("all is read: %d unread", s.unread)
	}
	s.rewind()
	if st, err := s.front(10); err != nil || texts(st) != "b c" || s.unread != 2 {
		t.Errorf("rewound: %q, %d unread, %v", texts(st), s.unread, err)
	}
}

func TestSpoolIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spool")
	testSpool(t, path, 1)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestSpoolCutsATornTail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spool")
	var b bytes.Buffer
	r := entryRecord("c", "1-0", "whole")
	if err := encodeLine(&b, &r); err != nil {
		t.Fatal(err)
	}
	whole := b.Len()
	for cut := 1; cut < whole; cut++ { // every place where a crash can cut the second line
		if err := os.WriteFile(path, append(b.Bytes()[:whole:whole], b.Bytes()[:cut]...), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := openSpool(path, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		next := entryRecord("c", "2-0", "next")
		if err := s.append([]record{next}); err != nil {
			t.Fatal(err)
		}
		st, err := s.front(10)
		if err != nil || texts(st) != "whole next" || st.corrupt != 0 || s.corrupt != 1 {
			t.Errorf("cut at %d: %q, %+v, %v", cut, texts(st), st, err)
		}
		s.f.Close()
	}
}

func TestSpoolPassesOverCorruptLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spool")
	var b bytes.Buffer
	for _, text := range []string{"a", "b"} {
		b.WriteString("\x00\x00garbage\n\n{\"op\":\"dance\",\"call\":\"c\"}\n")
		r := entryRecord("c", "1-0", text)
		if err := encodeLine(&b, &r); err != nil {
			t.Fatal(err)
		}
	}
	b.WriteString(strings.Repeat("x", maxLine+1) + "\n")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	s := testSpool(t, path, 1<<30)
	var all string
	corrupt := 0
	for !s.empty() {
		st, err := s.front(2)
		if err != nil {
			t.Fatal(err)
		}
		all, corrupt = all+texts(st), corrupt+st.corrupt
		take(t, s, st)
	}
	if all != "ab" || corrupt != 7 {
		t.Errorf("read %q, %d corrupt", all, corrupt)
	}
}

func TestSpoolHasALimit(t *testing.T) {
	s := testSpool(t, filepath.Join(t.TempDir(), "spool"), 200)
	if err := s.append([]record{entryRecord("c", "1-0", "short")}); err != nil {
		t.Fatal(err)
	}
	if err := s.append([]record{entryRecord("c", "2-0", "x"), entryRecord("c", "3-0", strings.Repeat("long", 50))}); !errors.Is(err, errSpoolFull) {
		t.Errorf("over the limit: %v", err)
	}
	if st, err := s.front(10); err != nil || texts(st) != "short" {
		t.Errorf("half of a refused batch is there: %q, %v", texts(st), err)
	}
}

func TestSpoolHasOneOwner(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Fatal("the spool has no lock on this system, see spool_lock_other.go")
	}
	path := filepath.Join(t.TempDir(), "spool")
	testSpool(t, path, 1)
	if _, err := openSpool(path, 1); err == nil || !strings.Contains(err.Error(), "another process uses it") {
		t.Errorf("opened twice: %v", err)
	}
}

// TestSpoolAfterAFailedWrite checks that what a full disk cut short is overwritten and not read.
func TestSpoolAfterAFailedWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spool")
	s := testSpool(t, path, 1<<20)
	if err := s.append([]record{entryRecord("c", "1-0", "a")}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.f.WriteAt([]byte(`{"op":"entry","call":"c","id":"2-0","f":{"k":"turn","t":"half a li`), s.size); err != nil {
		t.Fatal(err)
	}
	if err := s.append([]record{entryRecord("c", "2-0", "b")}); err != nil {
		t.Fatal(err)
	}
	if st, err := s.front(10); err != nil || texts(st) != "a b" || st.corrupt != 0 {
		t.Errorf("read %q, %+v, %v", texts(st), st, err)
	}
}

func FuzzSpoolLine(f *testing.F) {
	f.Add([]byte(`{"op":"entry","call":"c7","id":"1732521600123-0","f":{"k":"turn","r":"caller","t":"Hello?"}}`))
	f.Add([]byte(`{"op":"begin","call":"c7","f":{"id":"c7","start":"1732521600123"}}`))
	f.Add([]byte(`{"op":"finish","call":"c7","f":{"id":"c8"}}`))
	f.Add([]byte(`{"op":"entry","call":"","id":"0-0","f":null}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := decodeLine(line)
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Errorf("an error of no kind: %v", err)
			}
			return
		}
		var b bytes.Buffer
		if err := encodeLine(&b, &r); err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(b.Bytes(), []byte{'\n'}); n != 1 {
			t.Errorf("a record of %d lines: %q", n, b.Bytes())
		}
		again, err := decodeLine(b.Bytes())
		if err != nil || again.op != r.op || again.callID != r.callID || again.entry != r.entry || r.call != nil && *again.call != *r.call {
			t.Errorf("%q was read as %+v, then as %+v, %v", line, r, again, err)
		}
	})
}

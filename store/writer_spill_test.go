package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trunkline/trunkline/store"
)

func TestWriterSpoolsWhileTheStoreIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSink()
		path := filepath.Join(t.TempDir(), "spool")
		w := newWriter(t, f, store.WriterConfig{Spool: path})
		w.Begin(begun("c1"))
		w.Append("c1", say("before"))
		synctest.Wait()
		f.set(func(f *fakeSink) { f.fault = always(errAway) })
		w.Append("c1", say("one"))
		pass(time.Second)
		w.Append("c1", say("two"))
		w.Begin(begun("c2"))
		w.Append("c2", say("other"))
		w.Finish(store.Call{ID: "c1"})
		pass(time.Minute)
		if s := w.Stats(); !s.Away || s.Backlog != 7 || s.Spooled != 7 || s.SpoolBytes == 0 {
			t.Errorf("while away: %+v", s)
		}
		wantSaid(t, f, "c1", "(call)", "before")
		f.set(func(f *fakeSink) { f.fault = nil })
		pass(10 * time.Second)
		wantSaid(t, f, "c1", "(call)", "before", "one", "two", "(end)")
		wantSaid(t, f, "c2", "(call)", "other")
		if s := w.Stats(); s.Away || s.Backlog != 0 || s.Replayed != 7 || s.SpoolBytes != 0 {
			t.Errorf("back again: %+v", s)
		}
		w.Append("c2", say("direct"))
		closeWriter(t, w)
		wantSaid(t, f, "c2", "(call)", "other", "direct")
		wantDropped(t, w, map[store.DropReason]uint64{})
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("an empty spool is left behind: %v", err)
		}
	})
}

func TestWriterRepeatsWhenTheAnswerIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSink()
		w := newWriter(t, f, store.WriterConfig{})
		w.Begin(begun("c1"))
		synctest.Wait()
		failures := 3
		f.set(func(f *fakeSink) {
			f.lost = func(string, string) error {
				if failures--; failures >= 0 {
					return errAway
				}
				return nil
			}
		})
		w.Append("c1", say("once"))
		pass(time.Minute)
		closeWriter(t, w)
		wantSaid(t, f, "c1", "(call)", "once")
		if s := w.Stats(); s.Errors != 3 {
			t.Errorf("stats: %+v", s)
		}
	})
}

func TestWriterSpoolsWhenTheStoreIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSink()
		w := newWriter(t, f, store.WriterConfig{Spool: filepath.Join(t.TempDir(), "spool")})
		w.Begin(begun("c1"))
		synctest.Wait()
		f.set(func(f *fakeSink) { f.hang = true })
		w.Append("c1", say("one"))
		synctest.Wait()
		if s := w.Stats(); s.Spooled != 0 {
			t.Errorf("spooled without waiting: %+v", s)
		}
		pass(30 * time.Millisecond)
		if s := w.Stats(); s.Spooled != 1 || s.Away {
			t.Errorf("after 30 ms: %+v", s)
		}
		w.Append("c1", say("two"))
		synctest.Wait()
		if s := w.Stats(); s.Spooled != 2 {
			t.Errorf("behind a stalled line: %+v", s)
		}
		f.set(func(f *fakeSink) { f.hang = false })
		pass(time.Minute)
		closeWriter(t, w)
		wantSaid(t, f, "c1", "(call)", "one", "two")
	})
}

func TestWriterWithoutSpoolKeepsWhatItCan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSink()
		f.fault = always(errAway)
		w := newWriter(t, f, store.WriterConfig{Queue: 10})
		w.Begin(begun("c1"))
		for i := range 20 {
			w.Append("c1", say("%d", i))
		}
		w.Begin(begun("c2")) // beginnings and ends have room of their own
		w.Finish(store.Call{ID: "c1"})
		pass(time.Minute)
		wantDropped(t, w, map[store.DropReason]uint64{store.DropQueueFull: 12})
		if s := w.Stats(); s.Backlog != 14 {
			t.Errorf("backlog: %+v", s)
		}
		f.set(func(f *fakeSink) { f.fault = nil })
		pass(time.Minute)
		closeWriter(t, w)
		wantSaid(t, f, "c1", "(call)", "0", "1", "2", "3", "4", "5", "6", "7", "(end)")
		wantSaid(t, f, "c2", "(call)")
		if f.call("c1").finished.IsZero() {
			t.Error("the end was lost")
		}
	})
}

func TestWriterBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSink()
		f.fault = always(errAway)
		w := newWriter(t, f, store.WriterConfig{RenewEvery: time.Hour})
		w.Begin(begun("c1"))
		pass(10 * time.Minute)
		// 0.1 0.2 0.4 0.8 1.6 3.2 s, then every 5 s
		if n := f.count("begin c1"); n < 120 || n > 130 {
			t.Errorf("%d attempts in ten minutes", n)
		}
		f.set(func(f *fakeSink) { f.fault = nil })
		pass(6 * time.Second)
		closeWriter(t, w)
		wantSaid(t, f, "c1", "(call)")
	})
}

// TestWriterIsNotBackWhileOnlyLeasesWork is what a full Redis looks like.
func TestWriterIsNotBackWhileOnlyLeasesWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSink()
		w := newWriter(t, f, store.WriterConfig{Spool: filepath.Join(t.TempDir(), "spool")})
		w.Begin(begun("c1"))
		synctest.Wait()
		f.set(func(f *fakeSink) {
			f.fault = func(op, _ string) error {
				if op == "append" {
					return errors.New("OOM command not allowed")
				}
				return nil
			}
		})
		w.Append("c1", say("one"))
		for range 60 {
			pass(time.Second)
			if !w.Stats().Away {
				t.Fatal("a renewal counts as the store's return")
			}
		}
		if n := f.count("renew c1"); n < 5 {
			t.Errorf("renewed %d times", n)
		}
		f.set(func(f *fakeSink) { f.fault = nil })
		closeWriter(t, w)
		wantSaid(t, f, "c1", "(call)", "one")
	})
}

func TestWriterReplaysTheSpoolOfAnEarlierProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSink()
		f.fault = always(errAway)
		path := filepath.Join(t.TempDir(), "spool")
		first := newWriter(t, f, store.WriterConfig{Spool: path})
		first.Begin(begun("c1"))
		first.Append("c1", say("one"), say("two"))
		pass(time.Second)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := first.Close(ctx); err != nil {
			t.Errorf("what is in the spool is not lost: %v", err)
		}
		spoil(t, path)
		f.set(func(f *fakeSink) { f.fault = nil })
		second := newWriter(t, f, store.WriterConfig{Spool: path})
		if s := second.Stats(); s.Corrupt < 1 { // the replay may have met the other one already
			t.Errorf("the torn line is not counted: %+v", s)
		}
		second.Begin(begun("c2"))
		second.Append("c1", say("later"))
		closeWriter(t, second)
		wantSaid(t, f, "c1", "(call)", "one", "two", "later")
		wantSaid(t, f, "c2", "(call)")
		if s := second.Stats(); s.Replayed < 4 || s.Corrupt != 2 {
			t.Errorf("stats: %+v", s)
		}
	})
}

// spoil puts a corrupt line into the middle of a spool and a torn one at its end.
func spoil(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(string(b), "\n")
	if err := os.WriteFile(path, []byte(head+"\nnonsense\n"+rest+`{"op":"ent`), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestWriterWithAFullSpool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSink()
		f.fault = always(errAway)
		w := newWriter(t, f, store.WriterConfig{Queue: 8, Spool: filepath.Join(t.TempDir(), "spool"), SpoolBytes: 1000})
		w.Begin(begun("c1"))
		for i := range 100 {
			w.Append("c1", say("line %d", i))
			pass(10 * time.Millisecond)
		}
		pass(time.Minute)
		s := w.Stats()
		if s.SpoolBytes == 0 || s.SpoolBytes > 1000 || s.Dropped[store.DropQueueFull] == 0 || s.Backlog < 8 {
			t.Errorf("stats: %+v", s)
		}
		f.set(func(f *fakeSink) { f.fault = nil })
		closeWriter(t, w)
		got := f.said("c1")
		if uint64(len(got))+s.Dropped[store.DropQueueFull] != 101 || !inOrder(got[1:]) {
			t.Errorf("%d dropped, written: %q", s.Dropped[store.DropQueueFull], got)
		}
	})
}

func inOrder(lines []string) bool {
	last := -1
	for _, l := range lines {
		var n int
		if _, err := fmt.Sscanf(l, "line %d", &n); err != nil || n <= last {
			return false
		}
		last = n
	}
	return true
}

func TestWriterRefusesASpoolItCannotHave(t *testing.T) {
	dir := t.TempDir()
	if _, err := store.NewWriter(newFakeSink(), store.WriterConfig{Spool: filepath.Join(dir, "no", "such", "place")}); err == nil {
		t.Error("a spool in no folder was accepted")
	}
	path := filepath.Join(dir, "spool")
	w := newWriter(t, newFakeSink(), store.WriterConfig{Spool: path})
	defer closeWriter(t, w)
	if _, err := store.NewWriter(newFakeSink(), store.WriterConfig{Spool: path}); err == nil {
		t.Error("a spool in use was accepted")
	}
}

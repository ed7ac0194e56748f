package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trunkline/trunkline/store"
)

// pass lets fake time pass.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func newWriter(t *testing.T, s store.Sink, cfg store.WriterConfig) *store.Writer {
	t.Helper()
	w, err := store.NewWriter(s, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func closeWriter(t *testing.T, w *store.Writer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := w.Close(ctx); err != nil {
		t.Error(err)
	}
}

func begun(id string) store.Call { return store.Call{ID: id, Agent: "frontdesk", Started: time.Now()} }

func wantSaid(t *testing.T, f *fakeSink, id string, want ...string) {
	t.Helper()
	if got := f.said(id); !slices.Equal(got, want) {
		t.Errorf("%s: %q\nwant %q", id, got, want)
	}
}

// wantDropped compares the drops of a writer with pairs of reason and count.
func wantDropped(t *testing.T, w *store.Writer, want map[store.DropReason]uint64) {
	t.Helper()
	if got := w.Stats().Dropped; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("dropped %v, want %v", got, want)
	}
}

func TestWriterWritesACallInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSink()
		var observed []string
		w := newWriter(t, f, store.WriterConfig{Observe: func(op string, _ time.Duration, err error) {
			observed = append(observed, fmt.Sprint(op, " ", err))
		}})
		c := begun("c1")
		w.Begin(c)
		w.Append("c1", say("Hello?"), say("Hello, this is Acme."))
		synctest.Wait()
		wantSaid(t, f, "c1", "(call)", "Hello?", "Hello, this is Acme.")
		c.Answered = c.Started.Add(time.Second)
		w.Begin(c) // answered: adds, says nothing
		pass(5 * time.Second)
		w.Append("c1", say("Bye."))
		w.Finish(store.Call{ID: "c1", Cause: "caller hung up", EndedBy: "caller"})
		closeWriter(t, w)
		wantSaid(t, f, "c1", "(call)", "Hello?", "Hello, this is Acme.", "Bye.", "(end)")
		got := f.call("c1")
		if got.finished.IsZero() || got.call.Agent != "frontdesk" || got.call.Duration() != 4*time.Second {
			t.Errorf("the record: %+v", got.call)
		}
		if end := got.lines[4]; end.Text != "caller hung up" || end.Status != "caller" || end.DurationMS != 4000 {
			t.Errorf("the last line: %+v", end)
		}
		if s := w.Stats(); s.Written != 8 || s.Backlog != 0 || s.LiveCalls != 0 || s.Errors != 0 {
			t.Errorf("stats: %+v", s)
		}
		if len(observed) == 0 || observed[0] != "begin <nil>" {
			t.Errorf("observed: %v", observed)
		}
	})
}

func TestWriterBatchesWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSink()
		w := newWriter(t, f, store.WriterConfig{})
		w.Begin(begun("c1"))
		for i := range 200 {
			w.Append("c1", say("line %d", i))
		}
		closeWriter(t, w)
		if n := f.count("append c1"); n > 20 {
			t.Errorf("200 lines took %d writes", n)
		}
		if got := f.said("c1"); len(got) != 201 {
			t.Errorf("%d lines", len(got))
		}
	})
}

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

// TestWriterRemindsAForgetfulStore lets the server crash after it confirmed lines: noticed by an error, behind a silent
// reconnect with lines to write, and with nothing to write.
func TestWriterRemindsAForgetfulStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &forgetfulSink{fakeSink: newFakeSink()}
		cfg := store.WriterConfig{Spool: filepath.Join(t.TempDir(), "spool"), RenewEvery: time.Hour}
		w := newWriter(t, f, cfg)
		w.Begin(begun("c1"))
		pass(5 * time.Second)
		w.Append("c1", say("one"), say("two"))
		pass(time.Second)
		f.crash(2 * time.Second)
		w.Append("c1", say("three"))
		synctest.Wait()
		wantSaid(t, f.fakeSink, "c1", "(call)", "one", "two", "three")

		pass(time.Minute)
		w.Append("c1", say("four"))
		synctest.Wait()
		f.crash(2 * time.Second)
		wantSaid(t, f.fakeSink, "c1", "(call)", "one", "two", "three")
		pass(10 * time.Second)
		wantSaid(t, f.fakeSink, "c1", "(call)", "one", "two", "three", "four")

		pass(time.Minute)
		w.Append("c1", say("five"))
		synctest.Wait()
		f.set(func(f *fakeSink) { f.fault = always(errAway) })
		f.crash(2 * time.Second)
		w.Append("c1", say("six"))
		pass(time.Minute)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := w.Close(ctx); err != nil {
			t.Error(err)
		}
		f.set(func(f *fakeSink) { f.fault = nil })
		closeWriter(t, newWriter(t, f, cfg))
		wantSaid(t, f.fakeSink, "c1", "(call)", "one", "two", "three", "four", "five", "six")
		wantDropped(t, w, map[store.DropReason]uint64{})
	})
}

// TestWriterWithAServerThatDropsConnections makes progress although the server seems to be a new one at every turn.
func TestWriterWithAServerThatDropsConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &forgetfulSink{fakeSink: newFakeSink()}
		f.fault = func(string, string) error {
			f.epoch.Add(1)
			return nil
		}
		w := newWriter(t, f, store.WriterConfig{})
		w.Begin(begun("c1"))
		for i := range 10 {
			w.Append("c1", say("%d", i))
			pass(time.Second)
		}
		closeWriter(t, w)
		wantSaid(t, f.fakeSink, "c1", "(call)", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
		if n := f.count("append c1"); n > 60 {
			t.Errorf("%d writes of 11 lines", n)
		}
	})
}

func TestWriterProbesOnlyAfterWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &forgetfulSink{fakeSink: newFakeSink()}
		w := newWriter(t, f, store.WriterConfig{RenewEvery: time.Hour})
		w.Begin(begun("c1"))
		for range 100 { // a steady trickle confirms itself
			w.Append("c1", say("x"))
			pass(100 * time.Millisecond)
		}
		if n := f.count("ping "); n != 0 {
			t.Errorf("%d probes while there were writes", n)
		}
		pass(20 * time.Minute)
		if n := f.count("ping "); n != 1 {
			t.Errorf("%d probes in the silence afterwards", n)
		}
		if n := f.count("append c1"); n > 110 {
			t.Errorf("%d writes of 101 lines", n)
		}
		closeWriter(t, w)
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
		if s := second.Stats(); s.Corrupt != 1 {
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

func TestWriterCloseWithoutSpoolSaysWhatIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSink()
		f.hang = true
		w := newWriter(t, f, store.WriterConfig{})
		w.Begin(begun("c1"))
		w.Append("c1", say("one"))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		start := time.Now()
		err := w.Close(ctx)
		if err == nil || !strings.Contains(err.Error(), "3 records lost") {
			t.Errorf("Close: %v", err)
		}
		if took := time.Since(start); took > time.Second+10*time.Millisecond {
			t.Errorf("Close took %v", took)
		}
		w.Append("c1", say("too late"))
		wantDropped(t, w, map[store.DropReason]uint64{store.DropClosed: 4})
	})
}

func TestWriterRenewsRunningCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSink()
		w := newWriter(t, f, store.WriterConfig{})
		w.Begin(begun("c1"))
		w.Begin(begun("c2"))
		pass(25 * time.Second)
		w.Finish(store.Call{ID: "c2"})
		pass(20 * time.Second)
		if a, b := f.count("renew c1"), f.count("renew c2"); a != 4 || b != 2 {
			t.Errorf("renewed %d and %d times in 45 and 25 seconds", a, b)
		}
		closeWriter(t, w)
	})
}

func TestWriterBeginsAgainWhatTheStoreLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSink()
		w := newWriter(t, f, store.WriterConfig{})
		for _, id := range []string{"silent", "talks", "ends"} {
			w.Begin(begun(id))
		}
		synctest.Wait()
		f.set(func(f *fakeSink) { clear(f.calls) }) // it restarted empty
		w.Append("talks", say("still here"))
		w.Finish(store.Call{ID: "ends"})
		pass(15 * time.Second)
		wantSaid(t, f, "talks", "still here")
		wantSaid(t, f, "ends", "(end)")
		if c := f.call("silent").call; c.Agent != "frontdesk" {
			t.Errorf("the silent call: %+v", c)
		}
		w.Append("nobody", say("x"))
		closeWriter(t, w)
		wantDropped(t, w, map[store.DropReason]uint64{store.DropUnknownCall: 1})
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

func TestWriterRefusedRecordsHarmNoOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSink()
		w := newWriter(t, f, store.WriterConfig{})
		w.Begin(begun("c1"))
		w.Begin(store.Call{ID: "no start"})
		w.Finish(store.Call{})
		w.Append("c1", store.Entry{Text: "no kind"}, say("good"), say("%s", strings.Repeat("x", store.MaxEntryBytes+1)))
		w.Append("", say("no call"))
		w.Append("unknown", say("x"), say("y"))
		w.Finish(begun("unknown2"))
		w.Append("c1", say("better"))
		closeWriter(t, w)
		wantSaid(t, f, "c1", "(call)", "good", "better")
		wantDropped(t, w, map[store.DropReason]uint64{store.DropInvalid: 5, store.DropUnknownCall: 2})
		if f.call("unknown2").finished.IsZero() {
			t.Error("a call that is known by its end only was not written")
		}
	})
}

func TestWriterGivesEveryLineAPlaceOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSink()
		w := newWriter(t, f, store.WriterConfig{})
		w.Begin(begun("c1"))
		var ids store.IDs
		for i := range 5 { // the conversation makes ids of its own, from the same millisecond on
			e := say("%d", i)
			e.ID, e.At = ids.Next(time.Now()), time.Now()
			w.Append("c1", e, say("%d without", i))
		}
		w.Finish(store.Call{ID: "c1"})
		closeWriter(t, w)
		lines := f.call("c1").lines
		if len(lines) != 12 {
			t.Fatalf("%d lines of 12", len(lines))
		}
		last := store.ID{}
		for _, e := range lines {
			id, err := store.ParseID(e.ID)
			if err != nil || id.Compare(last) <= 0 || e.At.IsZero() {
				t.Errorf("%+v after %v (%v)", e, last, err)
			}
			last = id
		}
	})
}

func TestWriterCountsConflicts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSink()
		w := newWriter(t, f, store.WriterConfig{})
		w.Begin(begun("c1"))
		w.Finish(store.Call{ID: "c1"})
		synctest.Wait()
		taken := f.call("c1").lines[0]
		taken.Text = "another"
		w.Append("c1", taken, say("late"))
		closeWriter(t, w)
		wantSaid(t, f, "c1", "(call)", "(end)", "late")
		wantDropped(t, w, map[store.DropReason]uint64{store.DropConflict: 1})
	})
}

func TestWriterFinishAgainAddsOnlyFields(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSink()
		w := newWriter(t, f, store.WriterConfig{})
		w.Begin(begun("c1"))
		w.Finish(store.Call{ID: "c1"})
		w.Finish(store.Call{ID: "c1", TokensIn: 5})
		closeWriter(t, w)
		wantSaid(t, f, "c1", "(call)", "(end)")
		if c := f.call("c1").call; c.TokensIn != 5 {
			t.Errorf("%+v", c)
		}
	})
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

// TestWriterStorm writes calls through a backend that fails, hangs, loses answers, crashes and forgets, with a process
// that restarts, and expects every line once and in order.
func TestWriterStorm(t *testing.T) {
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) { storm(t, rand.New(rand.NewPCG(seed, 7))) })
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func storm(t *testing.T, r *rand.Rand) {
	f := &forgetfulSink{fakeSink: newFakeSink()}
	cfg := store.WriterConfig{Spool: filepath.Join(t.TempDir(), "spool"), Batch: 1 + r.IntN(16)}
	w := newWriter(t, f, cfg)
	want := map[string][]string{}
	for i := range 300 {
		if r.IntN(20) == 0 {
			weather(f.fakeSink, r)
		}
		if r.IntN(50) == 0 {
			f.crash(2 * time.Second)
		}
		id := fmt.Sprint("c", r.IntN(4))
		if want[id] == nil {
			w.Begin(begun(id))
			want[id] = []string{"(call)"}
		}
		text := fmt.Sprint("line ", i)
		w.Append(id, say("%s", text))
		want[id] = append(want[id], text)
		if r.IntN(3) == 0 {
			pass(time.Duration(r.IntN(200)) * time.Millisecond)
		}
		if r.IntN(60) == 0 {
			w = restart(t, f, cfg, w)
		}
	}
	f.set(func(f *fakeSink) { f.fault, f.lost, f.hang = nil, nil, false })
	for id := range want {
		w.Finish(store.Call{ID: id})
	}
	closeWriter(t, w)
	for id, lines := range want {
		got := slices.DeleteFunc(f.said(id), func(s string) bool { return s == "(end)" })
		if !slices.Equal(got, lines) || f.call(id).finished.IsZero() {
			t.Errorf("%s: %q\nwant %q", id, got, lines)
		}
	}
	wantDropped(t, w, map[store.DropReason]uint64{})
	if s := w.Stats(); s.Corrupt != 0 || s.Backlog != 0 {
		t.Errorf("stats: %+v", s)
	}
}

func weather(f *fakeSink, r *rand.Rand) {
	f.set(func(f *fakeSink) {
		f.fault, f.lost, f.hang = nil, nil, false
		own := rand.New(rand.NewPCG(r.Uint64(), 1)) // for the sender's goroutine, under the lock of f
		sometimes := func(string, string) error {
			if own.IntN(3) == 0 {
				return errAway
			}
			return nil
		}
		switch r.IntN(5) {
		case 0:
			f.fault = always(errAway)
		case 1:
			f.hang = true
		case 2:
			f.fault = sometimes
		case 3:
			f.lost = sometimes
		}
	})
}

// restart is the process ending in a hurry and starting again.
func restart(t *testing.T, f *forgetfulSink, cfg store.WriterConfig, w *store.Writer) *store.Writer {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := w.Close(ctx); err != nil {
		t.Error(err)
	}
	pass(time.Millisecond) // the next process does not begin in the same one
	f.settle()             // what the first one confirmed, nobody remembers any more
	return newWriter(t, f, cfg)
}

func TestSweepEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sweeper{}
		ctx, cancel := context.WithTimeout(context.Background(), 95*time.Second)
		defer cancel()
		store.SweepEvery(ctx, s, 30*time.Second, nil)
		if s.swept != 4 {
			t.Errorf("swept %d times in 95 seconds", s.swept)
		}
	})
}

// sweeper is a store that only sweeps, and fails now and then.
type sweeper struct {
	store.Store
	swept int
}

func (s *sweeper) Sweep(context.Context, time.Time) ([]string, error) {
	s.swept++
	if s.swept%2 == 0 {
		return []string{"c1"}, errAway
	}
	return nil, nil
}

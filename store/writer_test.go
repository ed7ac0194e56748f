package store_test

import (
	"context"
	"fmt"
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

package store_test

import (
	"context"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trunkline/trunkline/store"
)

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

// TestWriterBelievesNoAnswerButThatToPing lets one server of several crash without a word, while others answer to writes.
func TestWriterBelievesNoAnswerButThatToPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &forgetfulSink{fakeSink: newFakeSink()}
		w := newWriter(t, f, store.WriterConfig{RenewEvery: time.Hour})
		w.Begin(begun("c1"))
		pass(time.Minute)
		w.Begin(begun("c2"))
		w.Append("c1", say("one"))
		synctest.Wait()
		f.crash(2 * time.Second)
		after := f.epoch.Swap(0) // it shows only when that server is asked
		f.set(func(fake *fakeSink) {
			fake.fault = func(op, _ string) error {
				if op == "ping" {
					f.epoch.Store(after)
				}
				return nil
			}
		})
		for range 100 {
			w.Append("c2", say("x"))
			pass(100 * time.Millisecond)
		}
		wantSaid(t, f.fakeSink, "c1", "(call)", "one")
		closeWriter(t, w)
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
		for range 100 { // a steady trickle of ten seconds
			w.Append("c1", say("x"))
			pass(100 * time.Millisecond)
		}
		if n := f.count("ping "); n < 5 || n > 10 {
			t.Errorf("%d probes while there were writes", n)
		}
		pass(20 * time.Minute)
		if n := f.count("ping "); n > 14 {
			t.Errorf("%d probes, and silence for most of the time", n)
		}
		if n := f.count("append c1"); n > 110 {
			t.Errorf("%d writes of 101 lines", n)
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

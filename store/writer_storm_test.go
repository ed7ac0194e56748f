package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trunkline/trunkline/store"
)

// TestWriterStorm writes calls through a backend that fails, hangs, loses answers, crashes and forgets, with a process
// that restarts, and expects every line once and in order.
func TestWriterStorm(t *testing.T) {
	for seed := range uint64(25) {
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

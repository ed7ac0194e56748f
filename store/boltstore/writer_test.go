package boltstore

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/trunkline/trunkline/store"
)

// TestWriterBatches writes many calls through a writer and expects all lines, with few syncs of the disk.
func TestWriterBatches(t *testing.T) {
	s := open(t, file(t), Options{})
	ops := map[string]int{}
	w, err := store.NewWriter(s, store.WriterConfig{Observe: func(op string, _ time.Duration, err error) {
		ops[op]++
		if err != nil {
			t.Errorf("%s: %v", op, err)
		}
	}})
	must(t, err)
	const calls, lines = 50, 20
	for c := range calls {
		w.Begin(call(fmt.Sprint("c", c)))
	}
	w.Append("unknown", line(1)) // refused, and harms nobody
	for i := range lines {
		for c := range calls {
			w.Append(fmt.Sprint("c", c), store.Entry{Kind: store.KindTurn, Text: fmt.Sprint("line ", i)})
		}
	}
	for c := range calls {
		w.Finish(store.Call{ID: fmt.Sprint("c", c), Cause: "bye"})
	}
	patient, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	must(t, w.Close(patient))
	if n := calls * (lines + 4); ops["batch"] == 0 || ops["batch"] > n/10 {
		t.Errorf("%d records took %v", n, ops)
	}
	if got := w.Stats().Dropped; fmt.Sprint(got) != fmt.Sprint(map[store.DropReason]uint64{store.DropUnknownCall: 1}) {
		t.Errorf("dropped %v", got)
	}
	for c := range calls {
		id := fmt.Sprint("c", c)
		entries, err := s.Entries(ctx, id, "", 0)
		must(t, err)
		record, err := s.Call(ctx, id)
		must(t, err)
		if len(entries) != lines+2 || record.Cause != "bye" {
			t.Errorf("%s: %d lines, %+v", id, len(entries), record)
		}
	}
}

// TestBatchIsAllOrNothing stops a batch in the middle.
func TestBatchIsAllOrNothing(t *testing.T) {
	s := open(t, file(t), Options{})
	must(t, s.Begin(ctx, call("c1")))
	stop := fmt.Errorf("stop")
	err := s.Batch(ctx, func(b store.Sink) error {
		must(t, b.Append(ctx, "c1", line(1)))
		must(t, b.Begin(ctx, call("c2")))
		must(t, b.Finish(ctx, store.Call{ID: "c1"}))
		must(t, b.Renew(ctx, "c2", time.Hour))
		return stop
	})
	if err == nil {
		t.Fatal("a batch that failed is done")
	}
	entries, err := s.Entries(ctx, "c1", "", 0)
	must(t, err)
	c, err := s.Call(ctx, "c1")
	must(t, err)
	if _, err := s.Call(ctx, "c2"); err == nil || len(entries) != 0 || !c.Live() || len(s.leases) != 1 {
		t.Errorf("half of a batch is there: %v, %+v, %v", entries, c, s.leases)
	}
}

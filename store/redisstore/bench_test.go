package redisstore

import (
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/storetest"
	"github.com/trunkline/trunkline/store/storetest/redisproc"
)

func fieldsOf(info string) iter.Seq[string] { return strings.FieldsSeq(info) }

// BenchmarkAppend writes batches of 16 lines of about 115 characters.
func BenchmarkAppend(b *testing.B) {
	s := open(b, Options{URL: redisproc.Start(b).URL()})
	must(b, s.Begin(ctx, call("c1")))
	batch := make([]store.Entry, 16)
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		for i := range batch {
			n++
			batch[i] = store.Entry{ID: store.ID{MS: 1_700_000_000_000, Seq: uint64(n)}.String(), Kind: store.KindTurn,
				Role: store.RoleCaller, ItemID: fmt.Sprint("item_", n), Text: strings.Repeat("some words ", 10)}
		}
		must(b, s.Append(ctx, "c1", batch...))
	}
	b.ReportMetric(float64(b.N*len(batch))/b.Elapsed().Seconds(), "lines/s")
}

// BenchmarkList100k reads single pages of a store with 100,000 calls.
func BenchmarkList100k(b *testing.B) {
	s := open(b, Options{URL: redisproc.Start(b).URL()})
	storetest.Fill(b, s, false)
	storetest.BenchList(b, s)
}

// BenchmarkSearchDay100k looks through a day of such a store: 3,300 calls of 60 lines.
func BenchmarkSearchDay100k(b *testing.B) {
	s := open(b, Options{URL: redisproc.Start(b).URL()})
	storetest.Fill(b, s, true)
	storetest.BenchSearch(b, s)
}

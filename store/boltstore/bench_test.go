package boltstore

import (
	"testing"

	"github.com/trunkline/trunkline/store/storetest"
)

// BenchmarkList100k reads single pages of a store with 100,000 calls.
func BenchmarkList100k(b *testing.B) {
	s := open(b, file(b), Options{})
	storetest.Fill(b, s, false)
	storetest.BenchList(b, s)
}

// BenchmarkSearchDay100k looks through a day of such a store: 3,300 calls of 60 lines.
func BenchmarkSearchDay100k(b *testing.B) {
	s := open(b, file(b), Options{})
	storetest.Fill(b, s, true)
	storetest.BenchSearch(b, s)
}

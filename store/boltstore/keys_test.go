package boltstore

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"github.com/trunkline/trunkline/store"
)

func TestKeysSortAsTimeDoes(t *testing.T) {
	prefix := eventPrefix("c")
	ids := []store.ID{{MS: 1, Seq: 0}, {MS: 1, Seq: 255}, {MS: 1, Seq: 256}, {MS: 2, Seq: 0}, {MS: 1 << 40, Seq: 1 << 63}}
	var keys [][]byte
	for _, id := range ids {
		key := eventKey(prefix, id)
		if back, ok := eventID(prefix, key); !ok || back != id {
			t.Errorf("%v was read as %v", id, back)
		}
		keys = append(keys, key)
	}
	if !slices.IsSortedFunc(keys, bytes.Compare) {
		t.Error("keys are not in order")
	}
	if _, ok := eventID(eventPrefix("c1"), keys[0]); ok {
		t.Error("a line of c is one of c1")
	}
}

func TestPlaces(t *testing.T) {
	prefix := namePrefix("frontdesk")
	at := store.Cursor{MS: 1_700_000_000_000, ID: "c1"}
	if back, ok := place(prefix, placeKey(prefix, at)); !ok || back != at {
		t.Errorf("%v was read as %v", at, back)
	}
	if _, ok := place(namePrefix("front"), placeKey(prefix, at)); ok {
		t.Error("a call of frontdesk is one of front")
	}
	if _, ok := place(prefix, nil); ok {
		t.Error("no key is a place")
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add([]byte{})
	f.Add(pack(maps.All(map[string]string{"k": "turn", "t": "Hello \x00"})))
	f.Add([]byte{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01, 'x'})
	f.Fuzz(func(t *testing.T, b []byte) {
		fields, err := unpack(b)
		if err != nil {
			return
		}
		again, err := unpack(pack(maps.All(fields)))
		if err != nil || !maps.Equal(again, fields) {
			t.Errorf("%q became %q, %v", fields, again, err)
		}
		if searched := maps.Collect(packed(b)); !maps.Equal(searched, fields) {
			t.Errorf("a search sees %q in %q", searched, fields)
		}
	})
}

package boltstore

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"iter"

	"github.com/trunkline/trunkline/store"
)

var (
	bucketMeta   = []byte("meta")
	bucketEvents = []byte("ev")
	bucketStart  = []byte("idx:start")
	bucketExpire = []byte("idx:expire")
	bucketLive   = []byte("live")
	bucketOut    = []byte("out")
	bucketGroups = []byte("out:groups")
	bucketTaken  = []byte("out:taken")
	bucketDead   = []byte("dead")
	bucketAudit  = []byte("audit")
	bucketSys    = []byte("sys")

	keyVersion = []byte("version")
	keySecret  = []byte("key")
)

// eventPrefix begins the keys of a call's lines. Call ids hold no NUL, so no prefix begins another.
func eventPrefix(call string) []byte { return append([]byte(call), 0) }

func eventKey(prefix []byte, id store.ID) []byte {
	key := append(make([]byte, 0, len(prefix)+16), prefix...)
	key = binary.BigEndian.AppendUint64(key, id.MS)
	return binary.BigEndian.AppendUint64(key, id.Seq)
}

// eventID reads the id back; ok is false for a key that is not of this call.
func eventID(prefix, key []byte) (id store.ID, ok bool) {
	rest, found := bytes.CutPrefix(key, prefix)
	if !found || len(rest) != 16 {
		return store.ID{}, false
	}
	return store.ID{MS: number(rest), Seq: number(rest[8:])}, true
}

// bucketOf is the bucket of an index.
func bucketOf(index store.Index) []byte { return []byte("idx:" + string(index)) }

// namePrefix begins the index entries of one name, or what belongs to one group. No name holds a NUL.
func namePrefix(name string) []byte { return append([]byte(name), 0) }

// placeKey is an index entry: the place of a call in the list, behind a prefix.
func placeKey(prefix []byte, at store.Cursor) []byte {
	key := append(make([]byte, 0, len(prefix)+8+len(at.ID)), prefix...)
	key = binary.BigEndian.AppendUint64(key, uint64(at.MS))
	return append(key, at.ID...)
}

// place reads an index entry back; ok is false for a key behind another prefix.
func place(prefix, key []byte) (at store.Cursor, ok bool) {
	rest, found := bytes.CutPrefix(key, prefix)
	if !found || len(rest) < 8 {
		return store.Cursor{}, false
	}
	return store.Cursor{MS: int64(number(rest)), ID: string(rest[8:])}, true
}

func number(b []byte) uint64 {
	if len(b) < 8 {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}

func numberBytes(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

// pack writes fields as name and value, each behind its length (uvarint).
func pack(fields iter.Seq2[string, string]) []byte {
	var b []byte
	for name, value := range fields {
		b = binary.AppendUvarint(b, uint64(len(name)))
		b = append(b, name...)
		b = binary.AppendUvarint(b, uint64(len(value)))
		b = append(b, value...)
	}
	return b
}

// errTorn is a verdict about one record, so that it does not hold the others up.
var errTorn = fmt.Errorf("%w: a record in the store file is damaged", store.ErrInvalid)

// unpack reads fields back.
func unpack(b []byte) (map[string]string, error) {
	fields := make(map[string]string, 16)
	for len(b) > 0 {
		name, rest, ok := cutString(b)
		if !ok {
			return nil, errTorn
		}
		value, rest, ok := cutString(rest)
		if !ok {
			return nil, errTorn
		}
		fields[name] = value
		b = rest
	}
	return fields, nil
}

func cutString(b []byte) (s string, rest []byte, ok bool) {
	n, used := binary.Uvarint(b)
	if used <= 0 || n > uint64(len(b)-used) {
		return "", nil, false
	}
	b = b[used:]
	return string(b[:n]), b[n:], true
}

package boltstore

import (
	"context"
	"iter"
	"maps"

	"go.etcd.io/bbolt"

	"github.com/trunkline/trunkline/store"
)

var _ store.Matcher = (*Store)(nil)

// Matching implements [store.Matcher]: a walk over the lines as they lie in the file, of which those found are decoded.
func (s *Store) Matching(ctx context.Context, ids []string, w *store.Words, most int) ([][]store.Entry, error) {
	found := make([][]store.Entry, len(ids))
	err := s.view(ctx, "search calls", func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketEvents).Cursor()
		for i, id := range ids {
			if err := ctx.Err(); err != nil {
				return err
			}
			var err error
			if found[i], err = matching(c, id, w, most); err != nil {
				return err
			}
		}
		return nil
	})
	return found, err
}

func matching(c *bbolt.Cursor, call string, w *store.Words, most int) (found []store.Entry, err error) {
	prefix := eventPrefix(call)
	for key, value := c.Seek(prefix); key != nil && len(found) < most; key, value = c.Next() {
		id, ok := eventID(prefix, key)
		if !ok {
			break
		}
		if !w.In(packed(value)) {
			continue
		}
		fields, err := unpack(value)
		if err != nil {
			return nil, err
		}
		found = append(found, store.DecodeEntry(id.String(), maps.All(fields)))
	}
	return found, nil
}

// packed are the fields of a record; of a damaged one, those before the damage.
func packed(b []byte) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for len(b) > 0 {
			name, rest, ok := cutString(b)
			if !ok {
				return
			}
			value, rest, ok := cutString(rest)
			if !ok || !yield(name, value) {
				return
			}
			b = rest
		}
	}
}

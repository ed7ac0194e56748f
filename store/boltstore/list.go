package boltstore

import (
	"context"
	"errors"
	"iter"

	"go.etcd.io/bbolt"

	"github.com/trunkline/trunkline/store"
)

// List implements [store.Reader]. It walks the narrowest index that serves the query backwards.
func (s *Store) List(ctx context.Context, q store.Query) (store.Page, error) {
	cursor, resumed, err := store.ParseCursor(q.Cursor)
	if err != nil {
		return store.Page{}, err
	}
	if q.Live {
		return s.running(ctx, q)
	}
	pager := store.NewPager(q)
	err = s.view(ctx, "list calls", func(tx *bbolt.Tx) error {
		for at := range merged(s.walks(tx, &q, cursor, resumed)) {
			if !q.From.IsZero() && at.MS < q.From.UnixMilli() {
				return nil
			}
			call, err := s.load(tx, at.ID)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			if err == nil && !pager.Offer(call) || !pager.Looked(at) {
				return nil
			}
		}
		return nil
	})
	return pager.Page(), err
}

// walk goes backwards through one index.
type walk struct {
	prefix []byte
	cursor *bbolt.Cursor
	at     store.Cursor // where it stands
	ok     bool         // it stands somewhere
}

// stand takes the key that the cursor has come to.
func (w *walk) stand(key []byte) { w.at, w.ok = place(w.prefix, key) }

// walks begin in the narrowest indexes that serve the query.
func (s *Store) walks(tx *bbolt.Tx, q *store.Query, cursor store.Cursor, resumed bool) []*walk {
	places, all := q.Narrowest(s.secret)
	var walks []*walk
	begin := func(bucket, prefix []byte) {
		w := &walk{prefix: prefix, cursor: tx.Bucket(bucket).Cursor()}
		w.stand(seekBefore(w.cursor, endOf(prefix, q, cursor, resumed)))
		walks = append(walks, w)
	}
	if all {
		begin(bucketStart, nil)
	}
	for _, p := range places {
		begin(bucketOf(p.Index), namePrefix(p.Name))
	}
	return walks
}

// merged are the places of all walks, newest first, each once.
func merged(walks []*walk) iter.Seq[store.Cursor] {
	return func(yield func(store.Cursor) bool) {
		for {
			var next *walk
			for _, w := range walks {
				if w.ok && (next == nil || w.at.Compare(next.at) < 0) {
					next = w
				}
			}
			if next == nil || !yield(next.at) {
				return
			}
			for at, all := next.at, walks; len(all) > 0; all = all[1:] {
				if w := all[0]; w.ok && w.at == at {
					key, _ := w.cursor.Prev()
					w.stand(key)
				}
			}
		}
	}
}

// running lists the calls of the live bucket.
func (s *Store) running(ctx context.Context, q store.Query) (page store.Page, err error) {
	err = s.view(ctx, "list running calls", func(tx *bbolt.Tx) error {
		var calls []store.Call
		err := tx.Bucket(bucketLive).ForEach(func(id, _ []byte) error {
			c, err := s.load(tx, string(id))
			if errors.Is(err, store.ErrNotFound) {
				return nil
			}
			calls = append(calls, c)
			return err
		})
		if err == nil {
			page, err = store.PageOf(q, calls)
		}
		return err
	})
	return page, err
}

// endOf is the first key that the walk must not show: that of the cursor, of To, or behind everything.
func endOf(prefix []byte, q *store.Query, cursor store.Cursor, resumed bool) []byte {
	end := placeKey(prefix, store.Cursor{MS: -1}) // eight bytes FF
	if !q.To.IsZero() {
		end = placeKey(prefix, store.Cursor{MS: max(0, q.To.UnixMilli())})
	}
	if !resumed || !q.To.IsZero() && cursor.MS >= q.To.UnixMilli() {
		return end
	}
	return placeKey(prefix, cursor)
}

// seekBefore moves to the last key before end.
func seekBefore(c *bbolt.Cursor, end []byte) []byte {
	key, _ := c.Seek(end)
	if key == nil {
		key, _ = c.Last()
		return key
	}
	key, _ = c.Prev()
	return key
}

package boltstore

import (
	"context"
	"errors"

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
	bucket, prefix := s.indexFor(&q)
	pager := store.NewPager(q)
	err = s.view(ctx, "list calls", func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucket).Cursor()
		for key := seekBefore(c, endOf(prefix, &q, cursor, resumed)); key != nil; key, _ = c.Prev() {
			at, ok := place(prefix, key)
			if !ok || !q.From.IsZero() && at.MS < q.From.UnixMilli() {
				return nil
			}
			call, err := s.load(tx, at.ID)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			if err == nil && !pager.Offer(call) {
				return nil
			}
		}
		return nil
	})
	return pager.Page(), err
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

// indexFor is the bucket and prefix to walk.
func (s *Store) indexFor(q *store.Query) (bucket, prefix []byte) {
	switch {
	case q.Caller != "":
		return bucketCaller, namePrefix(store.CallerKey(s.secret, q.Caller))
	case q.Agent != "":
		return bucketAgent, namePrefix(q.Agent)
	}
	return bucketStart, nil
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

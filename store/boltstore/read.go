package boltstore

import (
	"context"
	"maps"
	"time"

	"go.etcd.io/bbolt"

	"github.com/trunkline/trunkline/store"
)

// Call implements [store.Reader].
func (s *Store) Call(ctx context.Context, id string) (store.Call, error) {
	var c store.Call
	err := s.view(ctx, "read call "+id, func(tx *bbolt.Tx) (err error) {
		c, err = s.load(tx, id)
		return err
	})
	return c, err
}

// load reads a record. What has expired is gone, swept or not.
func (s *Store) load(tx *bbolt.Tx, id string) (store.Call, error) {
	c, err := record(tx, id)
	if err == nil && !c.Expires.IsZero() && !c.Expires.After(time.Now()) {
		return store.Call{}, store.ErrNotFound
	}
	return c, err
}

// record reads a record, expired or not.
func record(tx *bbolt.Tx, id string) (store.Call, error) {
	packed := tx.Bucket(bucketMeta).Get([]byte(id))
	if packed == nil {
		return store.Call{}, store.ErrNotFound
	}
	fields, err := unpack(packed)
	if err != nil {
		return store.Call{}, err
	}
	return store.DecodeCall(maps.All(fields)), nil
}

// Entries implements [store.Reader].
func (s *Store) Entries(ctx context.Context, id, after string, limit int) ([]store.Entry, error) {
	from, err := store.ParseAfter(after)
	if err != nil {
		return nil, err
	}
	entries, _, err := s.entries(ctx, id, from, limit)
	return entries, err
}

// entries also reports whether the call is over, as of the same moment.
func (s *Store) entries(ctx context.Context, id string, after store.ID, limit int) (entries []store.Entry, over bool, err error) {
	err = s.view(ctx, "read the lines of call "+id, func(tx *bbolt.Tx) error {
		c, err := s.load(tx, id)
		if err != nil {
			return err
		}
		over = !c.Live()
		entries, err = scan(tx, id, after, limit)
		return err
	})
	return entries, over, err
}

func scan(tx *bbolt.Tx, call string, after store.ID, limit int) ([]store.Entry, error) {
	var entries []store.Entry
	prefix := eventPrefix(call)
	cursor := tx.Bucket(bucketEvents).Cursor()
	for key, value := cursor.Seek(eventKey(prefix, after)); key != nil; key, value = cursor.Next() {
		id, ok := eventID(prefix, key)
		if !ok || limit > 0 && len(entries) == limit {
			break
		}
		if id == after {
			continue
		}
		e, err := decodeEntry(id, value)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func decodeEntry(id store.ID, packed []byte) (store.Entry, error) {
	fields, err := unpack(packed)
	if err != nil {
		return store.Entry{}, err
	}
	return store.DecodeEntry(id.String(), maps.All(fields)), nil
}

package boltstore

import (
	"maps"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/trunkline/trunkline/store"
)

// list puts a call into the list of all and into its indexes.
func (s *Store) list(tx *bbolt.Tx, c *store.Call) error {
	if err := tx.Bucket(bucketStart).Put(placeKey(nil, store.At(c)), nil); err != nil {
		return err
	}
	return placeIn(tx, c, store.Places(c, s.secret))
}

// unlist takes it out of them.
func (s *Store) unlist(tx *bbolt.Tx, c *store.Call) error {
	if err := tx.Bucket(bucketStart).Delete(placeKey(nil, store.At(c))); err != nil {
		return err
	}
	return takeOut(tx, c, store.Places(c, s.secret))
}

// move follows a change of the record in the indexes.
func (s *Store) move(tx *bbolt.Tx, old, c *store.Call) error {
	before, after := store.Places(old, s.secret), store.Places(c, s.secret)
	if slices.Equal(before, after) {
		return nil
	}
	if err := takeOut(tx, old, before); err != nil {
		return err
	}
	return placeIn(tx, c, after)
}

func placeIn(tx *bbolt.Tx, c *store.Call, places []store.Place) error {
	for _, p := range places {
		if err := tx.Bucket(bucketOf(p.Index)).Put(placeKey(namePrefix(p.Name), store.At(c)), nil); err != nil {
			return err
		}
	}
	return nil
}

func takeOut(tx *bbolt.Tx, c *store.Call, places []store.Place) error {
	for _, p := range places {
		if err := tx.Bucket(bucketOf(p.Index)).Delete(placeKey(namePrefix(p.Name), store.At(c))); err != nil {
			return err
		}
	}
	return nil
}

// rewrite stores a changed record and moves it in the live set and the indexes. Fields of newer versions stay.
func (s *Store) rewrite(tx *bbolt.Tx, old, c *store.Call) error {
	meta := tx.Bucket(bucketMeta)
	fields, err := unpack(meta.Get([]byte(c.ID)))
	if err != nil {
		return err
	}
	for _, name := range store.EndFields {
		delete(fields, name)
	}
	for tag := range old.Tags.All() {
		delete(fields, store.TagField(tag))
	}
	maps.Insert(fields, c.Fields())
	if err := meta.Put([]byte(c.ID), pack(maps.All(fields))); err != nil {
		return err
	}
	if err := s.move(tx, old, c); err != nil {
		return err
	}
	if err := reschedule(tx, old, c); err != nil || c.Live() {
		return err
	}
	return tx.Bucket(bucketLive).Delete([]byte(c.ID))
}

// reschedule moves the call in the expiry index.
func reschedule(tx *bbolt.Tx, old, c *store.Call) error {
	expire := tx.Bucket(bucketExpire)
	if !old.Expires.IsZero() {
		if err := expire.Delete(expiryKey(old)); err != nil {
			return err
		}
	}
	if c.Expires.IsZero() {
		return nil
	}
	return expire.Put(expiryKey(c), nil)
}

func expiryKey(c *store.Call) []byte {
	return placeKey(nil, store.Cursor{MS: c.Expires.UnixMilli(), ID: c.ID})
}

// The leases of running calls.

func (s *Store) grant(id string, until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leases[id] = until
}

func (s *Store) revoke(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.leases, id)
}

package boltstore

import (
	"maps"
	"time"

	"go.etcd.io/bbolt"

	"github.com/trunkline/trunkline/store"
)

// index puts the call into the indexes, or takes it out of them when do is remove.
func (s *Store) index(tx *bbolt.Tx, c *store.Call, do func(b *bbolt.Bucket, key, value []byte) error) error {
	at := store.At(c)
	if err := do(tx.Bucket(bucketStart), placeKey(nil, at), nil); err != nil {
		return err
	}
	if c.Agent != "" {
		if err := do(tx.Bucket(bucketAgent), placeKey(namePrefix(c.Agent), at), nil); err != nil {
			return err
		}
	}
	if c.Caller == "" {
		return nil
	}
	return do(tx.Bucket(bucketCaller), placeKey(namePrefix(store.CallerKey(s.secret, c.Caller)), at), nil)
}

func remove(b *bbolt.Bucket, key, _ []byte) error { return b.Delete(key) }

// rewrite stores a changed record and moves it in the live set and the expiry index. Fields of newer versions stay.
func rewrite(tx *bbolt.Tx, old, c *store.Call) error {
	meta := tx.Bucket(bucketMeta)
	fields, err := unpack(meta.Get([]byte(c.ID)))
	if err != nil {
		return err
	}
	for _, name := range store.EndFields {
		delete(fields, name)
	}
	maps.Insert(fields, c.Fields())
	if err := meta.Put([]byte(c.ID), pack(maps.All(fields))); err != nil {
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

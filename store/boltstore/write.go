package boltstore

import (
	"context"
	"maps"
	"time"

	"go.etcd.io/bbolt"

	"github.com/trunkline/trunkline/store"
)

// Begin implements [store.Sink].
func (s *Store) Begin(ctx context.Context, c store.Call) error {
	if err := c.Validate(); err != nil {
		return err
	}
	granted := time.Now().Add(store.DefaultLease)
	err := s.update(ctx, "begin call "+c.ID, func(tx *bbolt.Tx) error {
		fields := map[string]string{}
		if old := tx.Bucket(bucketMeta).Get([]byte(c.ID)); old != nil {
			var err error
			if fields, err = unpack(old); err != nil {
				return err
			}
		}
		maps.Insert(fields, c.Fields())
		if err := tx.Bucket(bucketMeta).Put([]byte(c.ID), pack(maps.All(fields))); err != nil {
			return err
		}
		if err := s.index(tx, &c, (*bbolt.Bucket).Put); err != nil {
			return err
		}
		return tx.Bucket(bucketLive).Put([]byte(c.ID), numberBytes(granted.UnixMilli()))
	})
	if err == nil {
		s.grant(c.ID, granted)
	}
	return err
}

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

// Append implements [store.Sink].
func (s *Store) Append(ctx context.Context, callID string, entries ...store.Entry) error {
	if err := validate(callID, entries); err != nil {
		return err
	}
	conflict := &store.Conflict{}
	err := s.update(ctx, "append to call "+callID, func(tx *bbolt.Tx) error {
		conflict.IDs = nil
		if _, err := s.load(tx, callID); err != nil {
			return err
		}
		for i := range entries {
			if err := put(tx, callID, &entries[i], conflict); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.hub.wake(callID)
	if len(conflict.IDs) > 0 {
		return fail("append to call "+callID, conflict)
	}
	return nil
}

func validate(callID string, entries []store.Entry) error {
	if err := store.ValidateCallID(callID); err != nil {
		return err
	}
	for i := range entries {
		if err := entries[i].Validate(); err != nil {
			return err
		}
	}
	return nil
}

// put stores an entry unless its id is taken.
func put(tx *bbolt.Tx, callID string, e *store.Entry, conflict *store.Conflict) error {
	id, err := store.ParseID(e.ID)
	if err != nil {
		return err
	}
	key := eventKey(eventPrefix(callID), id)
	old := tx.Bucket(bucketEvents).Get(key)
	if old == nil {
		return tx.Bucket(bucketEvents).Put(key, pack(e.Fields()))
	}
	have, err := decodeEntry(id, old)
	if err == nil && !have.Same(e) {
		conflict.IDs = append(conflict.IDs, e.ID)
	}
	return err
}

// Finish implements [store.Sink].
func (s *Store) Finish(ctx context.Context, c store.Call) error {
	if err := store.ValidateCallID(c.ID); err != nil {
		return err
	}
	err := s.change(ctx, "finish call "+c.ID, c.ID, func(have *store.Call) bool {
		have.Finish(&c, time.Now(), s.opts.Retention)
		return true
	})
	if err == nil {
		s.revoke(c.ID)
	}
	return err
}

// Renew implements [store.Sink]. It writes only when it brings a call back to life.
func (s *Store) Renew(ctx context.Context, id string, lease time.Duration) error {
	running := false
	err := s.change(ctx, "renew call "+id, id, func(have *store.Call) bool {
		revived := have.Revive()
		running = have.Live()
		return revived
	})
	if err == nil && running {
		s.grant(id, time.Now().Add(lease))
	}
	return err
}

// change rewrites the end of a call's record, and what follows from it. edit returns false to leave the record alone;
// then nothing is written to disk.
func (s *Store) change(ctx context.Context, doing, id string, edit func(*store.Call) bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	probe := func(tx *bbolt.Tx) error {
		c, err := s.load(tx, id)
		if err == nil && edit(&c) {
			err = errWrite
		}
		return err
	}
	if err := s.db.View(probe); err != errWrite {
		return fail(doing, err)
	}
	err := s.update(ctx, doing, func(tx *bbolt.Tx) error {
		c, err := s.load(tx, id)
		if err != nil {
			return err
		}
		old := c
		if !edit(&c) {
			return nil
		}
		return s.rewrite(tx, &old, &c)
	})
	if err == nil {
		s.hub.wake(id)
	}
	return err
}

// rewrite stores a changed record and moves it between the live set and the expiry index.
func (s *Store) rewrite(tx *bbolt.Tx, old, c *store.Call) error {
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
	if err := reschedule(tx, old, c); err != nil {
		return err
	}
	if c.Live() {
		return tx.Bucket(bucketLive).Put([]byte(c.ID), numberBytes(time.Now().UnixMilli()))
	}
	return tx.Bucket(bucketLive).Delete([]byte(c.ID))
}

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

package boltstore

import (
	"bytes"
	"context"
	"errors"
	"time"

	"go.etcd.io/bbolt"

	"github.com/trunkline/trunkline/store"
)

// purgeBatch is how many expired calls one sweep removes at most, so that the file is not locked for long.
const purgeBatch = 200

// Sweep implements [store.Store].
func (s *Store) Sweep(ctx context.Context, now time.Time) ([]string, error) {
	var closed []string
	for id, lease := range s.overdue(now) {
		lost, err := s.closeLost(ctx, id, lease)
		if err != nil {
			return closed, err
		}
		if lost {
			closed = append(closed, id)
		}
	}
	return closed, errors.Join(s.purge(ctx, now), s.trim(ctx, now))
}

func (s *Store) overdue(now time.Time) map[string]time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	due := map[string]time.Time{}
	for id, lease := range s.leases {
		if lease.Before(now) {
			due[id] = lease
		}
	}
	return due
}

// closeLost ends a call. Its end is that of the lease, or of its last line when that is later: renewals of an earlier
// process were not kept.
func (s *Store) closeLost(ctx context.Context, id string, lease time.Time) (lost bool, err error) {
	end := lease
	if last, err := s.lastLine(ctx, id); err != nil {
		return false, err
	} else if last.After(end) {
		end = last
	}
	err = s.transact(ctx, "close lost call "+id, func(b *batch) error {
		return b.change(id, func(c *store.Call) bool {
			if lost = c.Live(); lost {
				c.Lose(end, s.retention.Of(c.Agent))
			}
			return lost
		})
	})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return false, err
	}
	s.revoke(id)
	return lost && err == nil, nil
}

// lastLine is the time of the last line of a call, zero when it has none.
func (s *Store) lastLine(ctx context.Context, id string) (at time.Time, err error) {
	err = s.view(ctx, "read the last line of call "+id, func(tx *bbolt.Tx) error {
		prefix := eventPrefix(id)
		key := seekBefore(tx.Bucket(bucketEvents).Cursor(), append([]byte(id), 1))
		if last, ok := eventID(prefix, key); ok {
			at = last.Time()
		}
		return nil
	})
	return at, err
}

// purge removes calls whose time has come.
func (s *Store) purge(ctx context.Context, now time.Time) error {
	ids, err := s.expired(ctx, now)
	if err != nil || len(ids) == 0 {
		return err
	}
	return s.update(ctx, "remove expired calls", func(tx *bbolt.Tx) error {
		for _, id := range ids {
			if err := s.erase(tx, id); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Store) expired(ctx context.Context, now time.Time) (ids []string, err error) {
	err = s.view(ctx, "look for expired calls", func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketExpire).Cursor()
		for key, _ := c.First(); key != nil && len(ids) < purgeBatch; key, _ = c.Next() {
			at, ok := place(nil, key)
			if !ok || at.MS > now.UnixMilli() {
				return nil
			}
			ids = append(ids, at.ID)
		}
		return nil
	})
	return ids, err
}

// Delete implements [store.Store].
func (s *Store) Delete(ctx context.Context, id string) error {
	err := s.update(ctx, "delete call "+id, func(tx *bbolt.Tx) error {
		if _, err := s.load(tx, id); err != nil {
			return err
		}
		return s.erase(tx, id)
	})
	if err == nil {
		s.revoke(id)
		s.hub.wake(id)
		s.news(store.NewsDeleted, id)
	}
	return err
}

// erase removes every trace of a call.
func (s *Store) erase(tx *bbolt.Tx, id string) error {
	c, err := record(tx, id)
	if err != nil {
		return err
	}
	if err := eraseLines(tx, id); err != nil {
		return err
	}
	if err := s.unlist(tx, &c); err != nil {
		return err
	}
	if err := reschedule(tx, &c, &store.Call{}); err != nil {
		return err
	}
	if err := tx.Bucket(bucketLive).Delete([]byte(id)); err != nil {
		return err
	}
	return tx.Bucket(bucketMeta).Delete([]byte(id))
}

// eraseLines collects the keys first: a bbolt cursor must not be moved over a bucket that is being changed.
func eraseLines(tx *bbolt.Tx, id string) error {
	prefix := eventPrefix(id)
	events := tx.Bucket(bucketEvents)
	var keys [][]byte
	cursor := events.Cursor()
	for key, _ := cursor.Seek(prefix); key != nil; key, _ = cursor.Next() {
		if _, ok := eventID(prefix, key); !ok {
			break
		}
		keys = append(keys, bytes.Clone(key))
	}
	for _, key := range keys {
		if err := events.Delete(key); err != nil {
			return err
		}
	}
	return nil
}

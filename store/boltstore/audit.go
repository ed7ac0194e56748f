package boltstore

import (
	"context"
	"maps"
	"math"
	"time"

	"go.etcd.io/bbolt"

	"github.com/trunkline/trunkline/store"
)

// Record implements [store.Auditor].
func (s *Store) Record(ctx context.Context, a store.Audit) error {
	return s.update(ctx, "record who did what", func(tx *bbolt.Tx) error {
		now := time.Now()
		if a.At.IsZero() {
			a.At = now
		}
		audits := tx.Bucket(bucketAudit)
		var ids store.IDs
		if last, _ := audits.Cursor().Last(); last != nil {
			if id, ok := eventID(nil, last); ok {
				ids.Keep(id.String(), now)
			}
		}
		id, err := store.ParseID(ids.Next(now))
		if err != nil {
			return err
		}
		return audits.Put(eventKey(nil, id), pack(a.Fields()))
	})
}

// Audits implements [store.Auditor].
func (s *Store) Audits(ctx context.Context, call, before string, n int) (found []store.Audit, err error) {
	end, err := store.ParseAfter(before)
	if err != nil {
		return nil, err
	}
	if before == "" {
		end = store.ID{MS: math.MaxUint64}
	}
	err = s.view(ctx, "read who did what", func(tx *bbolt.Tx) error {
		audits := tx.Bucket(bucketAudit)
		c := audits.Cursor()
		for key := seekBefore(c, eventKey(nil, end)); key != nil && len(found) < n; key, _ = c.Prev() {
			id, ok := eventID(nil, key)
			fields, err := unpack(audits.Get(key))
			if err != nil || !ok {
				return err
			}
			if a := store.DecodeAudit(id.String(), maps.All(fields)); call == "" || a.Call == call {
				found = append(found, a)
			}
		}
		return nil
	})
	return found, err
}

// trim removes what nobody needs any more beside calls: old entries of the audit list, events that all have seen.
func (s *Store) trim(ctx context.Context, now time.Time) error {
	first := eventKey(nil, store.ID{MS: uint64(max(0, now.Add(-store.AuditKept).UnixMilli()))})
	old := func(key []byte) bool { return string(key) < string(first) }
	var some bool
	err := s.view(ctx, "look for what can be trimmed", func(tx *bbolt.Tx) error {
		audit, _ := tx.Bucket(bucketAudit).Cursor().First()
		out, _ := tx.Bucket(bucketOut).Cursor().First()
		some = audit != nil && old(audit) || out != nil
		return nil
	})
	if err != nil || !some {
		return err
	}
	return s.update(ctx, "trim", func(tx *bbolt.Tx) error {
		if err := trimBucket(tx.Bucket(bucketAudit), old); err != nil {
			return err
		}
		return trimOut(tx)
	})
}

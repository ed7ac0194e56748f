package boltstore

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"time"

	"go.etcd.io/bbolt"

	"github.com/trunkline/trunkline/store"
)

// Begin implements [store.Sink].
func (s *Store) Begin(ctx context.Context, c store.Call) error {
	return s.single(ctx, "begin call "+c.ID, func(b *batch) error { return b.Begin(ctx, c) })
}

// Append implements [store.Sink].
func (s *Store) Append(ctx context.Context, callID string, entries ...store.Entry) error {
	return s.single(ctx, "append to call "+callID, func(b *batch) error { return b.Append(ctx, callID, entries...) })
}

// Finish implements [store.Sink].
func (s *Store) Finish(ctx context.Context, c store.Call) error {
	return s.single(ctx, "finish call "+c.ID, func(b *batch) error { return b.Finish(ctx, c) })
}

// Renew implements [store.Sink]. It writes to disk only when it brings a call back to life.
func (s *Store) Renew(ctx context.Context, id string, lease time.Duration) error {
	var c store.Call
	err := s.view(ctx, "renew call "+id, func(tx *bbolt.Tx) (err error) {
		c, err = s.load(tx, id)
		return err
	})
	switch {
	case err != nil:
		return err
	case c.Live():
		s.grant(id, time.Now().Add(lease))
		return nil
	case c.Cause != store.CauseLost:
		return nil
	}
	return s.single(ctx, "revive call "+id, func(b *batch) error { return b.Renew(ctx, id, lease) })
}

// Batch implements [store.Batcher]: one transaction, which costs one sync of the disk.
func (s *Store) Batch(ctx context.Context, f func(store.Sink) error) error {
	return s.transact(ctx, "write a batch", func(b *batch) error { return f(b) })
}

// single does one write. A conflict is an answer, not a failure: what else was to be written stays written.
func (s *Store) single(ctx context.Context, doing string, write func(*batch) error) error {
	var conflict error
	err := s.transact(ctx, doing, func(b *batch) error {
		err := write(b)
		if errors.Is(err, store.ErrConflict) {
			conflict = err
			return nil
		}
		return err
	})
	if err == nil {
		err = fail(doing, conflict)
	}
	return err
}

// transact runs f in a transaction and, once that is on disk, does what f left to be done then.
func (s *Store) transact(ctx context.Context, doing string, f func(*batch) error) error {
	b := &batch{s: s}
	err := s.update(ctx, doing, func(tx *bbolt.Tx) error {
		b.tx = tx
		return f(b)
	})
	if err != nil {
		return err
	}
	for _, do := range b.after {
		do()
	}
	return nil
}

// batch is a transaction as a [store.Sink].
type batch struct {
	s     *Store
	tx    *bbolt.Tx
	after []func() // what is to be done once it is on disk
}

func (b *batch) then(do func()) { b.after = append(b.after, do) }

func (b *batch) Begin(_ context.Context, c store.Call) error {
	if err := c.Validate(); err != nil {
		return err
	}
	meta := b.tx.Bucket(bucketMeta)
	fields := map[string]string{}
	old := meta.Get([]byte(c.ID))
	if old != nil {
		var err error
		if fields, err = unpack(old); err != nil {
			return err
		}
	}
	maps.Insert(fields, c.Fields())
	if err := meta.Put([]byte(c.ID), pack(maps.All(fields))); err != nil {
		return err
	}
	if err := b.s.list(b.tx, &c); err != nil {
		return err
	}
	if old == nil {
		if err := b.announce(store.StartedEvent(&c, time.Now())); err != nil {
			return err
		}
		b.tell(store.NewsStarted, c.ID)
	}
	return b.grant(c.ID, time.Now().Add(store.DefaultLease))
}

// tell makes news once the transaction is on disk.
func (b *batch) tell(what, id string) {
	b.then(func() { b.s.news(what, id) })
}

// grant puts a call into the live set.
func (b *batch) grant(id string, until time.Time) error {
	b.then(func() { b.s.grant(id, until) })
	return b.tx.Bucket(bucketLive).Put([]byte(id), numberBytes(until.UnixMilli()))
}

func (b *batch) Append(_ context.Context, callID string, entries ...store.Entry) error {
	if err := validate(callID, entries); err != nil {
		return err
	}
	if _, err := b.s.load(b.tx, callID); err != nil {
		return err
	}
	conflict := &store.Conflict{}
	for i := range entries {
		if err := b.put(callID, &entries[i], conflict); err != nil {
			return err
		}
	}
	b.then(func() { b.s.hub.wake(callID) })
	if len(entries) > 0 {
		b.tell(store.NewsLines, callID)
	}
	if len(conflict.IDs) > 0 {
		return conflict
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

// put stores an entry unless its id is taken, and the event that it makes.
func (b *batch) put(callID string, e *store.Entry, conflict *store.Conflict) error {
	id, err := store.ParseID(e.ID)
	if err != nil {
		return err
	}
	key, events := eventKey(eventPrefix(callID), id), b.tx.Bucket(bucketEvents)
	old := events.Get(key)
	if old == nil {
		if event, ok := store.EventOf(callID, e); ok {
			if err := b.announce(event); err != nil {
				return err
			}
		}
		return events.Put(key, pack(e.Fields()))
	}
	have, err := decodeEntry(id, old)
	if err == nil && !have.Same(e) {
		conflict.IDs = append(conflict.IDs, e.ID)
	}
	return err
}

func (b *batch) Finish(_ context.Context, c store.Call) error {
	if err := store.ValidateCallID(c.ID); err != nil {
		return err
	}
	return b.change(c.ID, func(have *store.Call) bool {
		have.Finish(&c, time.Now(), b.s.retention.Of(cmp.Or(c.Agent, have.Agent)))
		return true
	})
}

func (b *batch) Renew(_ context.Context, id string, lease time.Duration) error {
	live := false
	err := b.change(id, func(have *store.Call) bool {
		revived := have.Revive()
		live = have.Live()
		return revived
	})
	if err == nil && live {
		err = b.grant(id, time.Now().Add(lease))
	}
	return err
}

// change rewrites the end of a call's record, and what follows from it. edit returns false to leave the record alone.
func (b *batch) change(id string, edit func(*store.Call) bool) error {
	c, err := b.s.load(b.tx, id)
	if err != nil {
		return err
	}
	old := c
	if !edit(&c) {
		return nil
	}
	if err := b.s.rewrite(b.tx, &old, &c); err != nil {
		return err
	}
	if err := b.publish(&old, &c); err != nil {
		return err
	}
	b.then(func() {
		if !c.Live() {
			b.s.revoke(id)
		}
		b.s.hub.wake(id)
	})
	return nil
}

// publish tells others of a change: of an end once, so not of one that is merely repeated.
func (b *batch) publish(old, c *store.Call) error {
	if !store.JustEnded(old, c) {
		b.tell(store.NewsChanged, c.ID)
		return nil
	}
	b.tell(store.NewsEnded, c.ID)
	return b.announce(store.EndedEvent(c, time.Now()))
}

// Label implements [store.Labeller].
func (s *Store) Label(ctx context.Context, callID string, add, remove []string) error {
	return s.transact(ctx, "label call "+callID, func(b *batch) (err error) {
		changeErr := b.change(callID, func(c *store.Call) bool {
			var tags store.Tags
			if tags, err = c.Relabel(add, remove); err != nil || tags == c.Tags {
				return false
			}
			c.Tags = tags
			return true
		})
		return cmp.Or(err, changeErr)
	})
}

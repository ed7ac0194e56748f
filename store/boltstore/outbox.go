package boltstore

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"strconv"
	"time"

	"go.etcd.io/bbolt"

	"github.com/trunkline/trunkline/store"
)

const (
	outLen   = 100_000 // events that wait for a group
	deadLen  = 10_000  // events that a group buried
	takeWait = time.Second
)

// fieldTaken is the field of an event in flight that says when it was handed out.
const fieldTaken = "taken"

// announce adds an event to the outbox. While there are no groups nobody will ever ask for it.
func (b *batch) announce(e store.Event) error {
	if key, _ := b.tx.Bucket(bucketGroups).Cursor().First(); key == nil {
		return nil
	}
	out := b.tx.Bucket(bucketOut)
	seq, err := out.NextSequence()
	if err != nil {
		return err
	}
	b.then(func() { b.s.hub.wake(topicOut) })
	if seq > outLen {
		if err := out.Delete(numberBytes(int64(seq - outLen))); err != nil {
			return err
		}
	}
	return out.Put(numberBytes(int64(seq)), pack(e.Fields()))
}

// Take implements [store.Outbox].
func (s *Store) Take(ctx context.Context, group, _ string, n int, idle time.Duration) ([]store.Event, error) {
	if err := store.ValidateGroup(group); err != nil {
		return nil, err
	}
	patience, cancel := context.WithTimeout(ctx, takeWait)
	defer cancel()
	for {
		woken, leave := s.hub.listen(topicOut) // before reading, so that nothing is missed between
		events, founded, err := s.take(ctx, group, n, time.Now().Add(-idle))
		if founded {
			leave()
			return nil, nil
		}
		if err == nil && len(events) == 0 {
			err = s.wait(patience, woken)
		}
		leave()
		switch {
		case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
			return nil, nil
		case err != nil || len(events) > 0:
			return events, err
		}
	}
}

// take looks first, since most often there is nothing and a transaction that writes costs a sync of the disk. A group that
// is new is founded, and has nothing yet.
func (s *Store) take(ctx context.Context, group string, n int, before time.Time) (events []store.Event, founded bool, err error) {
	some, known := false, false
	err = s.view(ctx, "look for events", func(tx *bbolt.Tx) error {
		t := &taking{tx: tx, group: group, before: before}
		known = t.next() != nil
		some = !known || len(t.idle(1)) > 0 || len(t.fresh(1)) > 0
		return nil
	})
	if err != nil || !some {
		return nil, false, err
	}
	err = s.update(ctx, "take events", func(tx *bbolt.Tx) (err error) {
		t := &taking{tx: tx, group: group, before: before}
		events, err = t.take(n, time.Now())
		return err
	})
	return events, err == nil && !known, err
}

// taking is a transaction in which a group takes events.
type taking struct {
	tx     *bbolt.Tx
	group  string
	before time.Time // what was taken before this is idle
}

// next is the key after which the group has seen nothing; nil: it is new.
func (t *taking) next() []byte { return t.tx.Bucket(bucketGroups).Get([]byte(t.group)) }

// flight is an event that was handed out, or is about to be.
type flight struct {
	key   []byte // in the outbox
	event store.Event
	taken time.Time
}

// inFlight goes through what the group was handed out, in order, until see returns false.
func (t *taking) inFlight(see func(flight) bool) {
	prefix := namePrefix(t.group)
	c := t.tx.Bucket(bucketTaken).Cursor()
	for key, value := c.Seek(prefix); bytes.HasPrefix(key, prefix); key, value = c.Next() {
		fields, err := unpack(value)
		if err != nil {
			continue // a damaged event is nobody's
		}
		ms, _ := strconv.ParseInt(fields[fieldTaken], 10, 64) // 0 is long ago
		f := flight{bytes.Clone(key[len(prefix):]), store.DecodeEvent(maps.All(fields)), time.UnixMilli(ms)}
		if !see(f) {
			return
		}
	}
}

// idle are up to n events that nobody gave back in time.
func (t *taking) idle(n int) (found []flight) {
	t.inFlight(func(f flight) bool {
		if len(found) < n && !f.taken.After(t.before) {
			found = append(found, f)
		}
		return len(found) < n
	})
	return found
}

// fresh are up to n events that the group has not seen.
func (t *taking) fresh(n int) (found []flight) {
	last := t.next()
	c := t.tx.Bucket(bucketOut).Cursor()
	for key, value := c.Seek(last); key != nil && len(found) < n; key, value = c.Next() {
		fields, err := unpack(value)
		if err != nil || bytes.Equal(key, last) {
			continue
		}
		found = append(found, flight{key: bytes.Clone(key), event: store.DecodeEvent(maps.All(fields))})
	}
	return found
}

// take hands out events, or founds the group.
func (t *taking) take(n int, now time.Time) ([]store.Event, error) {
	groups := t.tx.Bucket(bucketGroups)
	if t.next() == nil {
		return nil, groups.Put([]byte(t.group), numberBytes(int64(t.tx.Bucket(bucketOut).Sequence())))
	}
	flights := t.idle(n)
	fresh := t.fresh(n - len(flights))
	var events []store.Event
	for _, f := range append(flights, fresh...) {
		f.event.Attempts++
		if err := t.hold(f, now); err != nil {
			return nil, err
		}
		events = append(events, f.event)
	}
	if len(fresh) == 0 {
		return events, nil
	}
	return events, groups.Put([]byte(t.group), fresh[len(fresh)-1].key)
}

// hold notes that an event is in flight.
func (t *taking) hold(f flight, now time.Time) error {
	fields := maps.Collect(f.event.Fields())
	fields[fieldTaken] = strconv.FormatInt(now.UnixMilli(), 10)
	return t.tx.Bucket(bucketTaken).Put(append(namePrefix(t.group), f.key...), pack(maps.All(fields)))
}

// Done implements [store.Outbox].
func (s *Store) Done(ctx context.Context, group string, ids ...string) error {
	if err := store.ValidateGroup(group); err != nil || len(ids) == 0 {
		return err
	}
	return s.update(ctx, "be done with events", func(tx *bbolt.Tx) error {
		t := &taking{tx: tx, group: group}
		_, err := t.release(ids...)
		return err
	})
}

// release takes events out of flight and reports whether there were any.
func (t *taking) release(ids ...string) (found bool, err error) {
	wanted := map[string]bool{}
	for _, id := range ids {
		wanted[id] = true
	}
	var keys [][]byte
	t.inFlight(func(f flight) bool {
		if wanted[f.event.ID] {
			keys = append(keys, f.key)
		}
		return true
	})
	for _, key := range keys {
		err = errors.Join(err, t.tx.Bucket(bucketTaken).Delete(append(namePrefix(t.group), key...)))
	}
	return len(keys) > 0, err
}

// Bury implements [store.Outbox].
func (s *Store) Bury(ctx context.Context, group string, e store.Event, fault string) error {
	if err := store.ValidateGroup(group); err != nil {
		return err
	}
	e.Fault = fault
	return s.update(ctx, "bury event "+e.ID, func(tx *bbolt.Tx) error {
		t := &taking{tx: tx, group: group}
		if found, err := t.release(e.ID); err != nil || !found {
			return err // it was dealt with
		}
		return t.bury(&e)
	})
}

// bury keeps the last deadLen of each group.
func (t *taking) bury(e *store.Event) error {
	dead, prefix := t.tx.Bucket(bucketDead), namePrefix(t.group)
	seq := int64(0)
	if key := seekBefore(dead.Cursor(), append([]byte(t.group), 1)); bytes.HasPrefix(key, prefix) {
		seq = int64(number(key[len(prefix):]))
	}
	seq++
	if seq > deadLen {
		if err := dead.Delete(append(bytes.Clone(prefix), numberBytes(seq-deadLen)...)); err != nil {
			return err
		}
	}
	return dead.Put(append(bytes.Clone(prefix), numberBytes(seq)...), pack(e.Fields()))
}

// Buried implements [store.Outbox].
func (s *Store) Buried(ctx context.Context, group string, n int) (events []store.Event, err error) {
	if err := store.ValidateGroup(group); err != nil {
		return nil, err
	}
	err = s.view(ctx, "read what was buried", func(tx *bbolt.Tx) error {
		prefix := namePrefix(group)
		c := tx.Bucket(bucketDead).Cursor()
		for key := seekBefore(c, append([]byte(group), 1)); bytes.HasPrefix(key, prefix) && len(events) < n; key, _ = c.Prev() {
			fields, err := unpack(tx.Bucket(bucketDead).Get(key))
			if err != nil {
				return err
			}
			events = append([]store.Event{store.DecodeEvent(maps.All(fields))}, events...)
		}
		return nil
	})
	return events, err
}

// trimOut removes events that every group has been handed out.
func trimOut(tx *bbolt.Tx) error {
	var seen []byte // by the group that is the furthest behind
	err := tx.Bucket(bucketGroups).ForEach(func(_, last []byte) error {
		if seen == nil || bytes.Compare(last, seen) < 0 {
			seen = last
		}
		return nil
	})
	if err != nil {
		return err
	}
	return trimBucket(tx.Bucket(bucketOut), func(key []byte) bool { return bytes.Compare(key, seen) <= 0 })
}

// trimBucket removes keys from the front while old says so, at most some thousand at once. The keys are collected first:
// a bbolt cursor must not be moved over a bucket that is being changed.
func trimBucket(b *bbolt.Bucket, old func(key []byte) bool) error {
	const most = 5000
	var keys [][]byte
	c := b.Cursor()
	for key, _ := c.First(); key != nil && old(key) && len(keys) < most; key, _ = c.Next() {
		keys = append(keys, bytes.Clone(key))
	}
	for _, key := range keys {
		if err := b.Delete(key); err != nil {
			return err
		}
	}
	return nil
}

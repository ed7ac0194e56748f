package redisstore

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/trunkline/trunkline/store"
)

// Append implements [store.Sink]: one pipeline, and more only for entries that are repeated or late.
func (s *Store) Append(ctx context.Context, callID string, entries ...store.Entry) error {
	if err := s.ready(ctx); err != nil || len(entries) == 0 {
		return err
	}
	if err := validate(callID, entries); err != nil {
		return err
	}
	key := s.keys.events(callID)
	var announced []*redis.StringCmd
	cmds, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i := range entries {
			p.XAdd(ctx, &redis.XAddArgs{Stream: key, NoMkStream: true, ID: entries[i].ID, Values: values(&entries[i])})
		}
		for i := range entries {
			if event, ok := store.EventOf(callID, &entries[i]); ok {
				announced = append(announced, s.announce(ctx, p, event))
			}
		}
		s.tellLines(ctx, p, callID, entries)
		return nil
	})
	if err = checked(cmds, err, outOfOrder); err == nil {
		err = s.appendLate(ctx, key, refused(cmds, entries))
	}
	if errors.Is(err, redis.Nil) { // NOMKSTREAM, and there is no stream
		err = cmp.Or(s.recant(ctx, announced), store.ErrNotFound)
	}
	return s.fail(ctx, "append to call "+callID, err)
}

// recant takes back the events of lines that no call has.
func (s *Store) recant(ctx context.Context, announced []*redis.StringCmd) error {
	if len(announced) == 0 {
		return nil
	}
	places := make([]string, len(announced))
	for i, a := range announced {
		places[i] = a.Val()
	}
	return s.client.XDel(ctx, s.keys.out(), places...).Err()
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

// tellLines tells walls that a call has new lines, and up to where.
func (s *Store) tellLines(ctx context.Context, p redis.Pipeliner, callID string, entries []store.Entry) {
	last := &entries[len(entries)-1]
	s.tell(ctx, p, store.NewsLines, callID, "n", strconv.Itoa(len(entries)), "last", last.ID, "k", last.Kind)
}

// values are the fields of an entry. Redis refuses an entry without any.
func values(e *store.Entry) []string { return pairs(e.Fields()) }

// refused are the entries whose ids came too late.
func refused(cmds []redis.Cmder, entries []store.Entry) []store.Entry {
	var late []store.Entry
	for i := range entries {
		if outOfOrder(cmds[i].Err()) {
			late = append(late, entries[i])
		}
	}
	return late
}

// appendLate deals with entries that are not after the end of the stream: those that are there were written before, the
// others are put in their place.
func (s *Store) appendLate(ctx context.Context, key string, late []store.Entry) error {
	if len(late) == 0 {
		return nil
	}
	missing, err := s.compare(ctx, key, late)
	var conflict *store.Conflict
	if err != nil && !errors.As(err, &conflict) || len(missing) == 0 {
		return err
	}
	if err := s.insert(ctx, key, missing); err != nil {
		return err
	}
	return err
}

// compare looks late entries up. Those with other content than what has their id are in the error, a [store.Conflict].
func (s *Store) compare(ctx context.Context, key string, late []store.Entry) (missing []store.Entry, err error) {
	first, last := bounds(late)
	messages, err := s.client.XRange(ctx, key, first, last).Result()
	if err != nil {
		return nil, err
	}
	have := make(map[string]store.Entry, len(messages))
	for _, m := range messages {
		have[m.ID] = decodeEntry(m)
	}
	conflict := &store.Conflict{}
	for _, e := range late {
		if old, found := have[e.ID]; !found {
			missing = append(missing, e)
		} else if !old.Same(&e) {
			conflict.IDs = append(conflict.IDs, e.ID)
		}
	}
	if len(conflict.IDs) > 0 {
		return missing, conflict
	}
	return missing, nil
}

func bounds(entries []store.Entry) (first, last string) {
	low, high := slices.MinFunc(entries, byID), slices.MaxFunc(entries, byID)
	return low.ID, high.ID
}

func byID(a, b store.Entry) int { return compareIDs(a.ID, b.ID) }

// compareIDs orders ids that were validated or came from the server.
func compareIDs(a, b string) int {
	x, _ := store.ParseID(a)
	y, _ := store.ParseID(b)
	return x.Compare(y)
}

// insert rebuilds the stream with the missing entries in their places. It is rare (a note of another process with a slow
// clock, a replay after a sweep), and a call has some hundred lines.
func (s *Store) insert(ctx context.Context, key string, missing []store.Entry) error {
	return s.optimistic(ctx, func(tx *redis.Tx) error {
		messages, err := tx.XRange(ctx, key, "-", "+").Result()
		if err != nil {
			return err
		}
		ttl, err := tx.PTTL(ctx, key).Result()
		if err != nil {
			return err
		}
		if ttl == -2 { // go-redis' spelling of "no such key"
			return store.ErrNotFound
		}
		_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
			p.Del(ctx, key)
			for _, m := range merge(messages, missing) {
				p.XAdd(ctx, &redis.XAddArgs{Stream: key, ID: m.ID, Values: m.Values})
			}
			if ttl > 0 {
				p.PExpire(ctx, key, ttl)
			}
			return nil
		})
		return err
	}, key)
}

// merge puts entries among the messages of a stream. The messages are kept as they are, fields of newer versions
// included; one that got its id meanwhile wins.
func merge(messages []redis.XMessage, entries []store.Entry) []redis.XMessage {
	for i := range entries {
		fields := map[string]any{}
		for name, value := range entries[i].Fields() {
			fields[name] = value
		}
		messages = append(messages, redis.XMessage{ID: entries[i].ID, Values: fields})
	}
	slices.SortStableFunc(messages, func(a, b redis.XMessage) int { return compareIDs(a.ID, b.ID) })
	return slices.CompactFunc(messages, func(a, b redis.XMessage) bool { return a.ID == b.ID })
}

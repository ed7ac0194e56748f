package redisstore

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/trunkline/trunkline/store"
)

// The outbox is a stream with consumer groups. Consumers know an event by its own id, which stays the same when it is
// announced twice; Redis knows it by its place in the stream. A hash for each group keeps the place of what is in flight.

// announce adds an event to the outbox, in the pipeline of what caused it.
func (s *Store) announce(ctx context.Context, p redis.Pipeliner, e store.Event) *redis.StringCmd {
	return p.XAdd(ctx, &redis.XAddArgs{Stream: s.keys.out(), MaxLen: outLen, Approx: true, Values: pairs(e.Fields())})
}

// Take implements [store.Outbox].
func (s *Store) Take(ctx context.Context, group, consumer string, n int, idle time.Duration) ([]store.Event, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	if err := store.ValidateGroup(group, consumer); err != nil || n <= 0 {
		return nil, err
	}
	t := &taking{s, group, consumer}
	events, err := t.take(ctx, n, idle)
	if redis.HasErrorPrefix(err, "NOGROUP") {
		err = t.found(ctx)
	}
	return events, s.fail(ctx, "take events", err)
}

// taking is a consumer that takes.
type taking struct {
	s               *Store
	group, consumer string
}

// found makes the group, whose first event is the next one, unless another consumer was faster.
func (t *taking) found(ctx context.Context) error {
	err := t.s.client.XGroupCreateMkStream(ctx, t.s.keys.out(), t.group, "$").Err()
	if redis.HasErrorPrefix(err, "BUSYGROUP") {
		return nil
	}
	return err
}

func (t *taking) take(ctx context.Context, n int, idle time.Duration) ([]store.Event, error) {
	claimed, err := t.claim(ctx, n, idle)
	if err != nil {
		return nil, err
	}
	messages := claimed
	if len(claimed) < n {
		fresh, err := t.fresh(ctx, n-len(claimed), len(claimed) == 0)
		if err != nil {
			return nil, err
		}
		messages = append(messages, fresh...)
	}
	if len(messages) == 0 {
		return nil, nil
	}
	return t.note(ctx, messages, len(claimed))
}

// claim takes over what nobody gave back in time.
func (t *taking) claim(ctx context.Context, n int, idle time.Duration) (claimed []redis.XMessage, err error) {
	start := "0-0"
	for {
		messages, next, err := t.s.client.XAutoClaim(ctx, &redis.XAutoClaimArgs{
			Stream: t.s.keys.out(), Group: t.group, Consumer: t.consumer, MinIdle: idle, Start: start, Count: int64(n - len(claimed))}).Result()
		if err != nil {
			return nil, err
		}
		claimed = append(claimed, messages...)
		if start = next; start == "0-0" || len(claimed) >= n {
			return claimed, nil
		}
	}
}

// fresh reads what the group has not seen, and waits for it if it may.
func (t *taking) fresh(ctx context.Context, n int, wait bool) ([]redis.XMessage, error) {
	reading, cancel := context.WithTimeout(ctx, block+t.s.opts.Timeout)
	defer cancel()
	args := &redis.XReadGroupArgs{Group: t.group, Consumer: t.consumer, Streams: []string{t.s.keys.out(), ">"}, Count: int64(n), Block: -1}
	if wait {
		args.Block = block
	}
	streams, err := t.s.blocked.XReadGroup(reading, args).Result()
	return messagesOf(ctx, streams, err)
}

// note keeps the places of what was taken and counts the attempts, of which Redis has the record.
func (t *taking) note(ctx context.Context, messages []redis.XMessage, claimed int) ([]store.Event, error) {
	events := make([]store.Event, len(messages))
	counts := make([]*redis.XPendingExtCmd, claimed)
	_, err := t.s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, m := range messages {
			events[i] = store.DecodeEvent(textsOf(m))
			events[i].Attempts = 1
			p.HSet(ctx, t.s.keys.taken(t.group), events[i].ID, m.ID)
			if i < claimed {
				counts[i] = p.XPendingExt(ctx, &redis.XPendingExtArgs{Stream: t.s.keys.out(), Group: t.group, Start: m.ID, End: m.ID, Count: 1})
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i, c := range counts {
		if pending := c.Val(); len(pending) == 1 {
			events[i].Attempts = int(pending[0].RetryCount)
		}
	}
	return events, nil
}

// Done implements [store.Outbox].
func (s *Store) Done(ctx context.Context, group string, ids ...string) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	if err := store.ValidateGroup(group); err != nil || len(ids) == 0 {
		return err
	}
	places, err := s.placesOf(ctx, group, ids)
	if err == nil && len(places) > 0 {
		err = s.release(ctx, group, ids, places)
	}
	return s.fail(ctx, "be done with events", err)
}

// placesOf are the places in the stream of those events that are in flight.
func (s *Store) placesOf(ctx context.Context, group string, ids []string) ([]string, error) {
	values, err := s.client.HMGet(ctx, s.keys.taken(group), ids...).Result()
	var places []string
	for _, v := range values {
		if place, ok := v.(string); ok {
			places = append(places, place)
		}
	}
	return places, err
}

// release takes events out of flight, their places last: it can be repeated.
func (s *Store) release(ctx context.Context, group string, ids, places []string) error {
	_, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.XAck(ctx, s.keys.out(), group, places...)
		p.HDel(ctx, s.keys.taken(group), ids...)
		return nil
	})
	return err
}

// Bury implements [store.Outbox].
func (s *Store) Bury(ctx context.Context, group string, e store.Event, fault string) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	if err := store.ValidateGroup(group); err != nil {
		return err
	}
	e.Fault = fault
	places, err := s.placesOf(ctx, group, []string{e.ID})
	if err == nil && len(places) > 0 { // else it was dealt with
		err = s.client.XAdd(ctx, &redis.XAddArgs{Stream: s.keys.dead(group), MaxLen: deadLen, Approx: true, Values: pairs(e.Fields())}).Err()
		if err == nil {
			err = s.release(ctx, group, []string{e.ID}, places)
		}
	}
	return s.fail(ctx, "bury event "+e.ID, err)
}

// Buried implements [store.Outbox].
func (s *Store) Buried(ctx context.Context, group string, n int) ([]store.Event, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	if err := store.ValidateGroup(group); err != nil || n <= 0 {
		return nil, err
	}
	messages, err := s.client.XRevRangeN(ctx, s.keys.dead(group), "+", "-", int64(n)).Result()
	events := make([]store.Event, len(messages))
	for i, m := range messages {
		events[i] = store.DecodeEvent(textsOf(m))
	}
	slices.Reverse(events)
	return events, s.fail(ctx, "read what was buried", err)
}

// textsOf are the fields of a message.
func textsOf(m redis.XMessage) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for name, value := range m.Values {
			if text, ok := value.(string); ok && !yield(name, text) {
				return
			}
		}
	}
}

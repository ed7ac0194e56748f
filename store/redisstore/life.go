package redisstore

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/trunkline/trunkline/store"
)

// Begin implements [store.Sink].
func (s *Store) Begin(ctx context.Context, c store.Call) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	if err := c.Validate(); err != nil {
		return err
	}
	known, over, err := s.known(ctx, c.ID)
	if err != nil {
		return s.fail(ctx, "begin call "+c.ID, err)
	}
	if err := s.index(ctx, &c, over); err != nil {
		return err
	}
	cmds, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		if !known { // before the record: a crash of the server in between repeats the event and does not lose it
			s.announce(ctx, p, store.StartedEvent(&c, time.Now()))
		}
		createStream(ctx, p, s.keys.events(c.ID))
		p.HSet(ctx, s.keys.meta(c.ID), pairs(c.Fields()))
		if s.opts.Retention > 0 || len(s.opts.Retentions) > 0 {
			s.keep(ctx, p, &c)
		}
		if !known {
			s.tell(ctx, p, store.NewsStarted, c.ID, "agent", c.Agent)
		}
		return nil
	})
	return s.fail(ctx, "begin call "+c.ID, checked(cmds, err, outOfOrder))
}

// known reports whether there is such a call, and whether it is over.
func (s *Store) known(ctx context.Context, id string) (known, over bool, err error) {
	over, err = s.over(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return false, false, nil
	}
	return err == nil, over, err
}

// index writes the places where the call will be looked for, and its first lease unless it is over.
func (s *Store) index(ctx context.Context, c *store.Call, over bool) error {
	secret, err := s.callerSecret(ctx)
	if err != nil {
		return err
	}
	now := time.Now()
	_, err = s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		s.addTo(ctx, p, s.keys.day(c.Started), c, now)
		for _, place := range store.Places(c, secret) {
			s.addTo(ctx, p, s.keys.index(place), c, now)
		}
		p.ZAdd(ctx, s.keys.days(), redis.Z{Score: float64(dayNumber(c.Started)), Member: c.Started.UTC().Format(dayForm)})
		if !over {
			p.ZAdd(ctx, s.keys.live(), lease(c.ID, now, store.DefaultLease))
		}
		return nil
	})
	return s.fail(ctx, "index call "+c.ID, err)
}

// addTo adds a call to an index and lets go of what is older than any call that is kept.
func (s *Store) addTo(ctx context.Context, p redis.Pipeliner, key string, c *store.Call, now time.Time) {
	p.ZAdd(ctx, key, redis.Z{Score: float64(c.Started.UnixMilli()), Member: c.ID})
	longest := s.kept.Longest()
	if longest <= 0 {
		p.Persist(ctx, key) // it may have been made when there was an end
		return
	}
	kept := longest + slack
	p.ZRemRangeByScore(ctx, key, "-inf", "("+strconv.FormatInt(now.Add(-kept).UnixMilli(), 10))
	p.Expire(ctx, key, kept)
}

// reindex follows a change of the record in the indexes. A place too many is passed over by readers, one that is missing
// hides the call: so those that are new are written before the record, and the others go after it.
func (s *Store) reindex(ctx context.Context, old, c *store.Call) (after func() error, err error) {
	secret, err := s.callerSecret(ctx)
	if err != nil {
		return nil, err
	}
	before, now := store.Places(old, secret), store.Places(c, secret)
	if slices.Equal(before, now) {
		return func() error { return nil }, nil
	}
	_, err = s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, place := range now {
			if !slices.Contains(before, place) {
				s.addTo(ctx, p, s.keys.index(place), c, time.Now())
			}
		}
		return nil
	})
	return func() error {
		_, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, place := range before {
				if !slices.Contains(now, place) {
					p.ZRem(ctx, s.keys.index(place), c.ID)
				}
			}
			return nil
		})
		return err
	}, err
}

// createStream makes an empty stream, which Redis has no command for. On one that exists both commands do nothing.
func createStream(ctx context.Context, p redis.Pipeliner, key string) {
	const first = "0-1"
	p.XAdd(ctx, &redis.XAddArgs{Stream: key, ID: first, Values: []string{"k", ""}})
	p.XDel(ctx, key, first)
}

// keep sets the expiry of a running call: even if every process dies, nothing stays for ever.
func (s *Store) keep(ctx context.Context, p redis.Pipeliner, c *store.Call) {
	for _, key := range []string{s.keys.meta(c.ID), s.keys.events(c.ID)} {
		if kept := s.kept.Of(c.Agent); kept > 0 {
			p.Expire(ctx, key, kept+slack)
		} else {
			p.Persist(ctx, key)
		}
	}
}

// tell adds an event to the feed. It names no caller: Delete could not find it there.
func (s *Store) tell(ctx context.Context, p redis.Pipeliner, what, call string, more ...string) {
	p.XAdd(ctx, &redis.XAddArgs{Stream: s.keys.feed(), MaxLen: feedLen, Approx: true,
		Values: append([]string{"e", what, "call", call}, more...)})
}

// Finish implements [store.Sink].
func (s *Store) Finish(ctx context.Context, c store.Call) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	if err := store.ValidateCallID(c.ID); err != nil {
		return err
	}
	old, done, err := s.change(ctx, c.ID, func(have *store.Call) bool {
		have.Finish(&c, time.Now(), s.kept.Of(cmp.Or(c.Agent, have.Agent)))
		return true
	})
	if err == nil {
		err = s.announceEnd(ctx, old, done)
	}
	return s.fail(ctx, "finish call "+c.ID, err)
}

// change rewrites the end and the tags of a call's record unless another client does so at the same time, then it looks
// again. edit returns false to leave the record alone. The results are nil when nothing was written.
func (s *Store) change(ctx context.Context, id string, edit func(*store.Call) bool) (old, changed *store.Call, err error) {
	try := func(tx *redis.Tx) error {
		old, changed = nil, nil
		fields, err := tx.HGetAll(ctx, s.keys.meta(id)).Result()
		if err != nil {
			return err
		}
		if len(fields) == 0 {
			return store.ErrNotFound
		}
		was := decodeCall(fields)
		c := was
		if !edit(&c) {
			return nil
		}
		unlist, err := s.reindex(ctx, &was, &c)
		if err != nil {
			return err
		}
		_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
			s.rewrite(ctx, p, &was, &c)
			return nil
		})
		if err != nil {
			return err
		}
		old, changed = &was, &c
		return unlist()
	}
	if err := s.optimistic(ctx, try, s.keys.meta(id)); err != nil {
		return nil, nil, err
	}
	return old, changed, nil
}

// rewrite writes the record, and the expiry that follows from it, over the old one.
func (s *Store) rewrite(ctx context.Context, p redis.Pipeliner, old, c *store.Call) {
	meta, events := s.keys.meta(c.ID), s.keys.events(c.ID)
	gone := slices.Clone(store.EndFields)
	for tag := range old.Tags.All() {
		gone = append(gone, store.TagField(tag))
	}
	p.HDel(ctx, meta, gone...)
	p.HSet(ctx, meta, pairs(c.Fields()))
	if c.Expires.IsZero() {
		s.keep(ctx, p, c)
		return
	}
	p.PExpireAt(ctx, meta, c.Expires)
	p.PExpireAt(ctx, events, c.Expires)
}

// optimistic runs a WATCH transaction until nobody interfered.
func (s *Store) optimistic(ctx context.Context, try func(*redis.Tx) error, key string) error {
	var err error
	for range 10 {
		if err = s.client.Watch(ctx, try, key); !errors.Is(err, redis.TxFailedErr) {
			return err
		}
	}
	return err
}

// announceEnd tells consumers and walls, and takes the call off the live set. It does that last: as long as the call is
// there, Sweep makes good what a crash left out. An end that was announced before is not announced again.
func (s *Store) announceEnd(ctx context.Context, old, c *store.Call) error {
	if !store.JustEnded(old, c) {
		err := s.client.ZScore(ctx, s.keys.live(), c.ID).Err()
		if errors.Is(err, redis.Nil) {
			return s.changed(ctx, c.ID)
		}
		if err != nil {
			return err
		}
	}
	_, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		s.announce(ctx, p, store.EndedEvent(c, time.Now()))
		s.tell(ctx, p, store.NewsEnded, c.ID, "agent", c.Agent)
		p.ZRem(ctx, s.keys.live(), c.ID)
		return nil
	})
	return err
}

// Renew implements [store.Sink].
func (s *Store) Renew(ctx context.Context, id string, d time.Duration) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	over, err := s.over(ctx, id)
	if err == nil && over {
		over, err = s.revive(ctx, id)
	}
	if err == nil && !over {
		err = s.client.ZAdd(ctx, s.keys.live(), lease(id, time.Now(), d)).Err()
	}
	return s.fail(ctx, "renew call "+id, err)
}

// revive takes back the end that Sweep wrote. over means that the call has a real end.
func (s *Store) revive(ctx context.Context, id string) (over bool, err error) {
	_, revived, err := s.change(ctx, id, func(c *store.Call) bool {
		revived := c.Revive()
		over = !c.Live()
		return revived
	})
	if err == nil && revived != nil {
		err = s.changed(ctx, id)
	}
	return over, err
}

// changed tells walls that a record is another now.
func (s *Store) changed(ctx context.Context, id string) error {
	_, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		s.tell(ctx, p, store.NewsChanged, id)
		return nil
	})
	return err
}

// Label implements [store.Labeller].
func (s *Store) Label(ctx context.Context, id string, add, remove []string) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	var refused error
	_, changed, err := s.change(ctx, id, func(c *store.Call) bool {
		var tags store.Tags
		if tags, refused = c.Relabel(add, remove); refused != nil || tags == c.Tags {
			return false
		}
		c.Tags = tags
		return true
	})
	if err == nil && changed != nil {
		err = s.changed(ctx, id)
	}
	return s.fail(ctx, "label call "+id, cmp.Or(refused, err))
}

func lease(id string, now time.Time, d time.Duration) redis.Z {
	return redis.Z{Score: float64(now.Add(d).UnixMilli()), Member: id}
}

// pairs lays fields out as arguments of a command.
func pairs(fields iter.Seq2[string, string]) []string {
	args := make([]string, 0, 24)
	for name, value := range fields {
		args = append(args, name, value)
	}
	return args
}

// checked is the error of a pipeline, those to pass over left out.
func checked(cmds []redis.Cmder, err error, pass func(error) bool) error {
	if err == nil || len(cmds) == 0 {
		return err
	}
	if first := firstError(cmds, pass); first != nil {
		return first
	}
	if pass(err) {
		return nil
	}
	return err
}

package redisstore

import (
	"context"
	"errors"
	"iter"
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
	if err := s.index(ctx, &c); err != nil {
		return err
	}
	cmds, err := s.client.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.HSet(ctx, s.keys.meta(c.ID), pairs(c.Fields()))
		createStream(ctx, p, s.keys.events(c.ID))
		if s.opts.Retention > 0 {
			s.keep(ctx, p, c.ID)
		}
		return nil
	})
	return s.fail(ctx, "begin call "+c.ID, checked(cmds, err, outOfOrder))
}

// index writes the places where the call will be looked for, and its first lease.
func (s *Store) index(ctx context.Context, c *store.Call) error {
	secret, err := s.callerSecret(ctx)
	if err != nil {
		return err
	}
	now := time.Now()
	start := redis.Z{Score: float64(c.Started.UnixMilli()), Member: c.ID}
	_, err = s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		s.addTo(ctx, p, s.keys.day(c.Started), start, now)
		if c.Agent != "" {
			s.addTo(ctx, p, s.keys.agent(c.Agent), start, now)
		}
		if c.Caller != "" {
			s.addTo(ctx, p, s.keys.caller(secret, c.Caller), start, now)
		}
		p.ZAdd(ctx, s.keys.days(), redis.Z{Score: float64(dayNumber(c.Started)), Member: c.Started.UTC().Format(dayForm)})
		p.ZAdd(ctx, s.keys.live(), lease(c.ID, now, store.DefaultLease))
		s.tell(ctx, p, "started", c.ID, "agent", c.Agent)
		return nil
	})
	return s.fail(ctx, "index call "+c.ID, err)
}

// addTo adds a call to an index and lets go of what is older than any call that is kept.
func (s *Store) addTo(ctx context.Context, p redis.Pipeliner, key string, z redis.Z, now time.Time) {
	p.ZAdd(ctx, key, z)
	if s.opts.Retention <= 0 {
		return
	}
	kept := s.opts.Retention + slack
	p.ZRemRangeByScore(ctx, key, "-inf", "("+strconv.FormatInt(now.Add(-kept).UnixMilli(), 10))
	p.Expire(ctx, key, kept)
}

// createStream makes an empty stream, which Redis has no command for. On one that exists both commands do nothing.
func createStream(ctx context.Context, p redis.Pipeliner, key string) {
	const first = "0-1"
	p.XAdd(ctx, &redis.XAddArgs{Stream: key, ID: first, Values: []string{"k", ""}})
	p.XDel(ctx, key, first)
}

// keep sets the expiry of a running call: even if every process dies, nothing stays for ever.
func (s *Store) keep(ctx context.Context, p redis.Pipeliner, id string) {
	for _, key := range []string{s.keys.meta(id), s.keys.events(id)} {
		if s.opts.Retention > 0 {
			p.Expire(ctx, key, s.opts.Retention+slack)
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
	done, err := s.change(ctx, c.ID, func(have *store.Call) bool {
		have.Finish(&c, time.Now(), s.opts.Retention)
		return true
	})
	if err == nil {
		err = s.announceEnd(ctx, done)
	}
	return s.fail(ctx, "finish call "+c.ID, err)
}

// change rewrites the end of a call's record unless another client does so at the same time, then it looks again. edit
// returns false to leave the record alone. The result is nil when nothing was written.
func (s *Store) change(ctx context.Context, id string, edit func(*store.Call) bool) (*store.Call, error) {
	var changed *store.Call
	try := func(tx *redis.Tx) error {
		changed = nil
		fields, err := tx.HGetAll(ctx, s.keys.meta(id)).Result()
		if err != nil {
			return err
		}
		if len(fields) == 0 {
			return store.ErrNotFound
		}
		c := decodeCall(fields)
		if !edit(&c) {
			return nil
		}
		_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
			s.writeEnd(ctx, p, &c)
			return nil
		})
		changed = &c
		return err
	}
	err := s.optimistic(ctx, try, s.keys.meta(id))
	if err != nil {
		return nil, err
	}
	return changed, nil
}

// writeEnd writes the record, and the expiry that follows from it, over the old one.
func (s *Store) writeEnd(ctx context.Context, p redis.Pipeliner, c *store.Call) {
	meta, events := s.keys.meta(c.ID), s.keys.events(c.ID)
	p.HDel(ctx, meta, store.EndFields...)
	p.HSet(ctx, meta, pairs(c.Fields()))
	if c.Expires.IsZero() {
		s.keep(ctx, p, c.ID)
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

// announceEnd takes the call off the live set and tells exporters and walls.
func (s *Store) announceEnd(ctx context.Context, c *store.Call) error {
	_, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.ZRem(ctx, s.keys.live(), c.ID)
		p.XAdd(ctx, &redis.XAddArgs{Stream: s.keys.ended(), MaxLen: endedLen, Approx: true, Values: []string{
			"call", c.ID, "agent", c.Agent, "by", c.EndedBy, "code", strconv.Itoa(c.Code),
			"start", strconv.FormatInt(c.Started.UnixMilli(), 10), "end", strconv.FormatInt(c.Ended.UnixMilli(), 10)}})
		s.tell(ctx, p, "ended", c.ID, "agent", c.Agent)
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
	_, err = s.change(ctx, id, func(c *store.Call) bool {
		revived := c.Revive()
		over = !c.Live()
		return revived
	})
	return over, err
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

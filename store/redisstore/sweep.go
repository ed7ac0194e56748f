package redisstore

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/trunkline/trunkline/store"
)

// Sweep implements [store.Store]. Several processes may sweep at once: one of them closes a call. Redis expires keys by
// itself; only the list of days is trimmed here.
func (s *Store) Sweep(ctx context.Context, now time.Time) ([]string, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	due, err := s.client.ZRangeByScoreWithScores(ctx, s.keys.live(), &redis.ZRangeBy{
		Min: "-inf", Max: "(" + strconv.FormatInt(now.UnixMilli(), 10), Count: chunkSize}).Result()
	if err != nil {
		return nil, s.fail(ctx, "look for lost calls", err)
	}
	var closed []string
	for _, z := range due {
		id, _ := z.Member.(string)
		lost, err := s.closeLost(ctx, id, now)
		if err != nil {
			return closed, s.fail(ctx, "close lost call "+id, err)
		}
		if lost {
			closed = append(closed, id)
		}
	}
	return closed, s.fail(ctx, "trim the list of days", s.trimDays(ctx, now))
}

// closeLost ends a call unless its process came back, ended it, or another sweeper was faster.
func (s *Store) closeLost(ctx context.Context, id string, now time.Time) (bool, error) {
	lease, err := s.client.ZScore(ctx, s.keys.live(), id).Result()
	if errors.Is(err, redis.Nil) || err == nil && int64(lease) >= now.UnixMilli() {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	old, lost, err := s.change(ctx, id, func(c *store.Call) bool {
		if !c.Live() {
			return false
		}
		c.Lose(time.UnixMilli(int64(lease)).UTC(), s.kept.Of(c.Agent))
		return true
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return false, s.client.ZRem(ctx, s.keys.live(), id).Err()
	case err != nil:
		return false, err
	case lost == nil:
		return false, s.announceAgain(ctx, id)
	}
	return true, s.announceEnd(ctx, old, lost)
}

// announceAgain repeats the announcement of a call that ended and is still on the live set: whoever ended it may have
// died in between.
func (s *Store) announceAgain(ctx context.Context, id string) error {
	c, err := s.Call(ctx, id)
	if err != nil {
		return err
	}
	return s.announceEnd(ctx, &c, &c)
}

// trimDays forgets days whose sets have expired.
func (s *Store) trimDays(ctx context.Context, now time.Time) error {
	longest := s.kept.Longest()
	if longest <= 0 {
		return nil
	}
	oldest := dayNumber(now.Add(-longest - slack))
	return s.client.ZRemRangeByScore(ctx, s.keys.days(), "-inf", "("+strconv.FormatInt(oldest, 10)).Err()
}

// Delete implements [store.Store]. The record goes last: whatever interrupts this, it can be repeated.
func (s *Store) Delete(ctx context.Context, id string) error {
	c, err := s.Call(ctx, id)
	if err != nil {
		return err
	}
	secret, err := s.callerSecret(ctx)
	if err != nil {
		return err
	}
	_, err = s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.ZRem(ctx, s.keys.day(c.Started), id)
		p.ZRem(ctx, s.keys.live(), id)
		for _, place := range store.Places(&c, secret) {
			p.ZRem(ctx, s.keys.index(place), id)
		}
		return nil
	})
	if err == nil {
		_, err = s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
			p.Del(ctx, s.keys.events(id), s.keys.meta(id))
			s.tell(ctx, p, store.NewsDeleted, id)
			return nil
		})
	}
	return s.fail(ctx, "delete call "+id, err)
}

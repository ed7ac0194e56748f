package redisstore

import (
	"context"

	"github.com/redis/go-redis/v9"

	"github.com/trunkline/trunkline/store"
)

var _ store.Matcher = (*Store)(nil)

// Matching implements [store.Matcher]: the beginnings of all calls in one pipeline, and the rest of those that are long.
func (s *Store) Matching(ctx context.Context, ids []string, w *store.Words, most int) ([][]store.Entry, error) {
	if err := s.ready(ctx); err != nil || len(ids) == 0 {
		return nil, err
	}
	answers := make([]*redis.XMessageSliceCmd, len(ids))
	_, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			answers[i] = p.XRangeN(ctx, s.keys.events(id), "-", "+", chunkSize)
		}
		return nil
	})
	if err != nil {
		return nil, s.fail(ctx, "search calls", err)
	}
	found := make([][]store.Entry, len(ids))
	for i, id := range ids {
		if found[i], err = s.matching(ctx, id, answers[i].Val(), w, most); err != nil {
			return nil, s.fail(ctx, "search call "+id, err)
		}
	}
	return found, nil
}

// matching picks the lines of a call whose first ones are messages.
func (s *Store) matching(ctx context.Context, id string, messages []redis.XMessage, w *store.Words, most int) (found []store.Entry, err error) {
	for {
		for _, m := range messages {
			if len(found) < most && w.In(textsOf(m)) {
				found = append(found, decodeEntry(m))
			}
		}
		if len(messages) < chunkSize || len(found) == most {
			return found, nil
		}
		after := "(" + messages[len(messages)-1].ID
		if messages, err = s.client.XRangeN(ctx, s.keys.events(id), after, "+", chunkSize).Result(); err != nil {
			return nil, err
		}
	}
}

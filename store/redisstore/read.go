package redisstore

import (
	"context"
	"maps"

	"github.com/redis/go-redis/v9"

	"github.com/trunkline/trunkline/store"
)

// Call implements [store.Reader].
func (s *Store) Call(ctx context.Context, id string) (store.Call, error) {
	if err := s.ready(ctx); err != nil {
		return store.Call{}, err
	}
	fields, err := s.client.HGetAll(ctx, s.keys.meta(id)).Result()
	if err == nil && len(fields) == 0 {
		err = store.ErrNotFound
	}
	return decodeCall(fields), s.fail(ctx, "read call "+id, err)
}

// Entries implements [store.Reader]. It reads in pieces so that a long call does not hold the server up.
func (s *Store) Entries(ctx context.Context, id, after string, limit int) ([]store.Entry, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	from, err := store.ParseAfter(after)
	if err != nil {
		return nil, err
	}
	entries, err := s.between(ctx, id, from, limit)
	if err == nil && len(entries) == 0 {
		err = s.exists(ctx, id)
	}
	return entries, s.fail(ctx, "read the lines of call "+id, err)
}

func (s *Store) between(ctx context.Context, id string, after store.ID, limit int) ([]store.Entry, error) {
	var entries []store.Entry
	for {
		n := chunkSize
		if limit > 0 {
			n = min(n, limit-len(entries))
		}
		messages, err := s.client.XRangeN(ctx, s.keys.events(id), "("+after.String(), "+", int64(n)).Result()
		if err != nil {
			return nil, err
		}
		entries = append(entries, decodeEntries(messages)...)
		if len(messages) < n || len(entries) == limit {
			return entries, nil
		}
		if after, err = store.ParseID(messages[n-1].ID); err != nil {
			return nil, err
		}
	}
}

// exists returns nil or [store.ErrNotFound].
func (s *Store) exists(ctx context.Context, id string) error {
	n, err := s.client.Exists(ctx, s.keys.meta(id)).Result()
	if err == nil && n == 0 {
		err = store.ErrNotFound
	}
	return err
}

func decodeCall(fields map[string]string) store.Call { return store.DecodeCall(maps.All(fields)) }

func decodeEntries(messages []redis.XMessage) []store.Entry {
	entries := make([]store.Entry, len(messages))
	for i, m := range messages {
		entries[i] = decodeEntry(m)
	}
	return entries
}

func decodeEntry(m redis.XMessage) store.Entry {
	return store.DecodeEntry(m.ID, textsOf(m))
}

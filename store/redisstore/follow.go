package redisstore

import (
	"context"
	"time"

	"github.com/trunkline/trunkline/store"
)

// block is how long the server holds a read open. go-redis does not notice meanwhile that a context was cancelled, so
// this is also how long Follow may take to return; 0 would hold it until the connection breaks.
const block = time.Second

// Follow implements [store.Reader]. The end of a call is looked up before each read: whoever then finds no lines knows
// that none will come.
func (s *Store) Follow(ctx context.Context, id, after string) ([]store.Entry, error) {
	from, err := store.ParseAfter(after)
	if err != nil {
		return nil, err
	}
	for {
		if err := s.ready(ctx); err != nil {
			return nil, err
		}
		over, err := s.over(ctx, id)
		if err != nil {
			return nil, s.fail(ctx, "follow call "+id, err)
		}
		if over {
			return s.rest(ctx, id, from)
		}
		entries, err := s.await(ctx, id, from)
		if err != nil || len(entries) > 0 {
			return entries, s.fail(ctx, "follow call "+id, err)
		}
	}
}

func (s *Store) over(ctx context.Context, id string) (bool, error) {
	fields, err := s.client.HMGet(ctx, s.keys.meta(id), "id", "end").Result()
	if err != nil {
		return false, err
	}
	if fields[0] == nil {
		return false, store.ErrNotFound
	}
	return fields[1] != nil, nil
}

// rest is what a finished call still has to tell.
func (s *Store) rest(ctx context.Context, id string, from store.ID) ([]store.Entry, error) {
	entries, err := s.between(ctx, id, from, 0)
	if err == nil && len(entries) == 0 {
		return nil, store.ErrEnded
	}
	return entries, s.fail(ctx, "follow call "+id, err)
}

// await blocks for lines like awaitMessages.
func (s *Store) await(ctx context.Context, id string, from store.ID) ([]store.Entry, error) {
	messages, err := s.awaitMessages(ctx, s.keys.events(id), from.String())
	if err != nil || len(messages) == 0 {
		return nil, err
	}
	return decodeEntries(messages), nil
}

package redisstore

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"

	"github.com/trunkline/trunkline/store"
)

// Feed implements [store.Feeder].
func (s *Store) Feed(ctx context.Context, after string) ([]store.News, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	from, err := store.ParseAfter(after)
	if err != nil {
		return nil, err
	}
	place := from.String()
	if after == "" { // a place, since "$" would miss what happens between two reads
		if place, err = s.latest(ctx); err != nil {
			return nil, s.fail(ctx, "read the feed", err)
		}
	}
	for {
		if err := s.ready(ctx); err != nil {
			return nil, err
		}
		messages, err := s.awaitMessages(ctx, s.keys.feed(), place)
		if news := newsIn(messages); err != nil || len(news) > 0 {
			return news, s.fail(ctx, "read the feed", err)
		}
		if len(messages) > 0 { // of a later version
			place = messages[len(messages)-1].ID
		}
	}
}

// latest is the place of the latest news.
func (s *Store) latest(ctx context.Context) (string, error) {
	last, err := s.client.XRevRangeN(ctx, s.keys.feed(), "+", "-", 1).Result()
	if err != nil || len(last) == 0 {
		return "0-0", err
	}
	return last[0].ID, nil
}

func newsIn(messages []redis.XMessage) []store.News {
	var news []store.News
	for _, m := range messages {
		what, _ := m.Values["e"].(string)
		call, _ := m.Values["call"].(string)
		if what != "" && call != "" {
			news = append(news, store.News{ID: m.ID, What: what, Call: call})
		}
	}
	return news
}

// awaitMessages blocks for what comes after a place of a stream, at most for block. None is no error. A server that is
// frozen is given up one timeout later.
func (s *Store) awaitMessages(ctx context.Context, key, after string) ([]redis.XMessage, error) {
	reading, cancel := context.WithTimeout(ctx, block+s.opts.Timeout)
	defer cancel()
	streams, err := s.blocked.XRead(reading, &redis.XReadArgs{Streams: []string{key, after}, Count: chunkSize, Block: block}).Result()
	return messagesOf(ctx, streams, err)
}

// messagesOf is what a blocking read brought.
func messagesOf(ctx context.Context, streams []redis.XStream, err error) ([]redis.XMessage, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if errors.Is(err, redis.Nil) || err == nil && len(streams) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return streams[0].Messages, nil
}

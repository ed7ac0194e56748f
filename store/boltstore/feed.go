package boltstore

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/trunkline/trunkline/store"
)

// feedLen is how many news are remembered.
const feedLen = 10_000

// feed is the latest news of all calls. It lives as long as the process: so do the calls that it tells of.
type feed struct {
	mu   sync.Mutex
	ids  store.IDs
	last store.ID
	news []item // in order; at most twice feedLen, of which the latest feedLen count
}

type item struct {
	id   store.ID
	what string
	call string
}

// news adds to the feed and wakes who waits for it.
func (s *Store) news(what, call string) {
	s.feed.add(what, call, time.Now())
	s.hub.wake(topicFeed)
}

func (f *feed) add(what, call string, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last, _ = store.ParseID(f.ids.Next(now)) // it reads what it wrote
	if len(f.news) == 2*feedLen {
		f.news = append(f.news[:0], f.news[feedLen:]...)
	}
	f.news = append(f.news, item{f.last, what, call})
}

// after are the news behind a place.
func (f *feed) after(at store.ID) []store.News {
	f.mu.Lock()
	defer f.mu.Unlock()
	kept := f.news[max(0, len(f.news)-feedLen):]
	from, found := slices.BinarySearchFunc(kept, at, func(n item, at store.ID) int { return n.id.Compare(at) })
	if found {
		from++
	}
	var news []store.News
	for _, n := range kept[from:] {
		news = append(news, store.News{ID: n.id.String(), What: n.what, Call: n.call})
	}
	return news
}

func (f *feed) now() store.ID {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last
}

// Feed implements [store.Feeder].
func (s *Store) Feed(ctx context.Context, after string) ([]store.News, error) {
	from, err := store.ParseAfter(after)
	if err != nil {
		return nil, err
	}
	if after == "" {
		from = s.feed.now()
	}
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		woken, leave := s.hub.listen(topicFeed) // before reading, so that nothing is missed between
		if news := s.feed.after(from); len(news) > 0 {
			leave()
			return news, nil
		}
		err := s.wait(ctx, woken)
		leave()
		if err != nil {
			return nil, err
		}
	}
}

// wait returns nil when it is woken.
func (s *Store) wait(ctx context.Context, woken <-chan struct{}) error {
	select {
	case <-woken:
		return nil
	case <-s.hub.closed:
		return store.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

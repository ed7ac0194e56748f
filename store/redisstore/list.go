package redisstore

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/trunkline/trunkline/store"
)

// List implements [store.Reader]. It walks the narrowest index that serves the query, newest first, and reads the
// records of what it finds there; calls that have expired are passed over.
func (s *Store) List(ctx context.Context, q store.Query) (store.Page, error) {
	if err := s.ready(ctx); err != nil {
		return store.Page{}, err
	}
	cursor, resumed, err := store.ParseCursor(q.Cursor)
	if err != nil {
		return store.Page{}, err
	}
	if q.Live {
		page, err := s.running(ctx, q)
		return page, s.fail(ctx, "list running calls", err)
	}
	w := &walk{s: s, query: q, pager: store.NewPager(q), last: cursor, resumed: resumed}
	switch {
	case q.Caller != "":
		err = w.callers(ctx)
	case q.Agent != "":
		err = w.index(ctx, s.keys.agent(q.Agent))
	default:
		err = w.days(ctx)
	}
	return w.pager.Page(), s.fail(ctx, "list calls", err)
}

// walk goes through indexes for one page.
type walk struct {
	s       *Store
	query   store.Query
	pager   *store.Pager
	last    store.Cursor // place of the last call looked at
	resumed bool         // last holds
}

func (w *walk) callers(ctx context.Context) error {
	secret, err := w.s.callerSecret(ctx)
	if err != nil {
		return err
	}
	return w.index(ctx, w.s.keys.caller(secret, w.query.Caller))
}

// days walks the sets of the days in question, the latest first.
func (w *walk) days(ctx context.Context) error {
	latest, earliest := w.span()
	by := &redis.ZRangeBy{Min: score(earliest, "-inf", dayNumber), Max: score(latest, "+inf", dayNumber)}
	days, err := w.s.client.ZRevRangeByScore(ctx, w.s.keys.days(), by).Result()
	if err != nil {
		return err
	}
	for _, day := range days {
		if err := w.index(ctx, w.s.keys.prefix+":idx:start:"+day); err != nil || w.pager.Full() {
			return err
		}
	}
	return nil
}

// span is the time that the rest of the list can lie in; zero is open.
func (w *walk) span() (latest, earliest time.Time) {
	latest, earliest = w.query.To, w.query.From
	if w.resumed {
		if at := time.UnixMilli(w.last.MS); latest.IsZero() || at.Before(latest) {
			latest = at
		}
	}
	return latest, earliest
}

// score writes a bound of a sorted set, open when the time is zero.
func score(t time.Time, open string, of func(time.Time) int64) string {
	if t.IsZero() {
		return open
	}
	return strconv.FormatInt(of(t), 10)
}

// index walks one sorted set. Each command begins at the last place, not at a count, so that additions shift nothing;
// only calls of the same millisecond are counted off.
func (w *walk) index(ctx context.Context, key string) error {
	var offset int64
	for {
		latest, earliest := w.span()
		members, err := w.s.client.ZRevRangeByScoreWithScores(ctx, key, &redis.ZRangeBy{
			Min:    score(earliest, "-inf", time.Time.UnixMilli),
			Max:    score(latest, "+inf", time.Time.UnixMilli),
			Offset: offset,
			Count:  w.chunk(),
		}).Result()
		if err != nil {
			return err
		}
		places := w.ahead(members)
		if err := w.offer(ctx, places); err != nil || w.pager.Full() || int64(len(members)) < w.chunk() {
			return err
		}
		if len(places) > 0 {
			offset = 0
		} else { // a whole chunk of one millisecond was seen before
			offset += w.chunk()
		}
	}
}

// chunk is how many members are read at once: a page and one more to know that there are more.
func (w *walk) chunk() int64 { return int64(w.query.PageSize()) + 1 }

// ahead drops the members that were looked at before.
func (w *walk) ahead(members []redis.Z) []store.Cursor {
	places := make([]store.Cursor, 0, len(members))
	for _, z := range members {
		id, _ := z.Member.(string)
		at := store.Cursor{MS: int64(z.Score), ID: id}
		if !w.resumed || at.Compare(w.last) > 0 {
			places = append(places, at)
		}
	}
	return places
}

// offer reads the records of the places and hands them to the pager.
func (w *walk) offer(ctx context.Context, places []store.Cursor) error {
	calls, err := w.s.load(ctx, places)
	if err != nil {
		return err
	}
	for i, c := range calls {
		if c.ID != "" && !w.pager.Offer(c) {
			return nil
		}
		w.last, w.resumed = places[i], true
	}
	return nil
}

// load reads records, one key a command: in a Cluster they lie on different nodes. A missing call stays zero.
func (s *Store) load(ctx context.Context, places []store.Cursor) ([]store.Call, error) {
	if len(places) == 0 {
		return nil, nil
	}
	answers := make([]*redis.MapStringStringCmd, len(places))
	_, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, at := range places {
			answers[i] = p.HGetAll(ctx, s.keys.meta(at.ID))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	calls := make([]store.Call, len(places))
	for i, a := range answers {
		calls[i] = decodeCall(a.Val())
	}
	return calls, nil
}

// running lists the calls of the live set.
func (s *Store) running(ctx context.Context, q store.Query) (store.Page, error) {
	ids, err := s.client.ZRange(ctx, s.keys.live(), 0, -1).Result()
	if err != nil {
		return store.Page{}, err
	}
	places := make([]store.Cursor, len(ids))
	for i, id := range ids {
		places[i].ID = id
	}
	calls, err := s.load(ctx, places)
	if err != nil {
		return store.Page{}, err
	}
	return store.PageOf(q, slices.DeleteFunc(calls, func(c store.Call) bool { return c.ID == "" }))
}

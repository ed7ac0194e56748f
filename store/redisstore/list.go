package redisstore

import (
	"context"
	"iter"
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
	var secret []byte
	if q.Caller != "" || q.Dialled != "" { // others can do without, such as a user who may only read
		if secret, err = s.callerSecret(ctx); err != nil {
			return store.Page{}, err
		}
	}
	w := &walk{s: s, query: q, pager: store.NewPager(q), last: cursor, resumed: resumed}
	places, all := q.Narrowest(secret)
	if all {
		err = w.days(ctx)
	} else {
		err = w.places(ctx, places)
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
	reads   int          // how often members of indexes were read
}

func (w *walk) places(ctx context.Context, places []store.Place) error {
	if len(places) == 0 {
		return nil
	}
	keys := make([]string, len(places))
	for i, p := range places {
		keys[i] = w.s.keys.index(p)
	}
	return w.index(ctx, keys...)
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

// index walks sorted sets, merged into one list. Each command begins at the last place, not at a count, so that additions
// shift nothing; only calls of the same millisecond are counted off.
func (w *walk) index(ctx context.Context, keys ...string) error {
	offsets := make([]int64, len(keys))
	for {
		chunk, before := w.chunk(), w.last
		sets, err := w.read(ctx, keys, offsets, chunk)
		if err != nil {
			return err
		}
		places, stuck, more := w.merge(sets, int(chunk))
		if err := w.offer(ctx, places); err != nil || w.pager.Full() || !more {
			return err
		}
		for i := range offsets {
			switch {
			case w.last.MS != before.MS:
				offsets[i] = 0
			case stuck[i]: // a whole chunk of one millisecond was seen before
				offsets[i] += chunk
			}
		}
	}
}

// read reads the next members of each set.
func (w *walk) read(ctx context.Context, keys []string, offsets []int64, chunk int64) ([][]redis.Z, error) {
	latest, earliest := w.span()
	answers := make([]*redis.ZSliceCmd, len(keys))
	_, err := w.s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, key := range keys {
			answers[i] = p.ZRevRangeByScoreWithScores(ctx, key, &redis.ZRangeBy{
				Min:    score(earliest, "-inf", time.Time.UnixMilli),
				Max:    score(latest, "+inf", time.Time.UnixMilli),
				Offset: offsets[i],
				Count:  chunk,
			})
		}
		return nil
	})
	sets := make([][]redis.Z, len(keys))
	for i, a := range answers {
		sets[i] = a.Val()
	}
	return sets, err
}

// merge is the next places of the list. Behind the end of a set that has more nothing is known yet, so they stop there.
// stuck are the sets in which everything was looked at before.
func (w *walk) merge(sets [][]redis.Z, chunk int) (places []store.Cursor, stuck []bool, more bool) {
	var horizon store.Cursor
	stuck = make([]bool, len(sets))
	for i, members := range sets {
		ahead := w.ahead(members)
		places = append(places, ahead...)
		if len(members) < chunk {
			continue
		}
		stuck[i] = len(ahead) == 0
		if end := placeOf(members[len(members)-1]); !more || end.Compare(horizon) < 0 {
			horizon, more = end, true
		}
	}
	slices.SortFunc(places, store.Cursor.Compare)
	places = slices.Compact(places)
	if more {
		places = slices.DeleteFunc(places, func(at store.Cursor) bool { return at.Compare(horizon) > 0 })
	}
	return places, stuck, more
}

func placeOf(z redis.Z) store.Cursor {
	id, _ := z.Member.(string)
	return store.Cursor{MS: int64(z.Score), ID: id}
}

// chunk is how many members are read at once: a page and one more to know that there are more, and larger pieces when
// those do not match.
func (w *walk) chunk() int64 {
	const most = 500
	first := int64(w.query.PageSize()) + 1
	w.reads++
	return max(first, min(first<<min(w.reads-1, 8), most))
}

// ahead drops the members that were looked at before.
func (w *walk) ahead(members []redis.Z) []store.Cursor {
	places := make([]store.Cursor, 0, len(members))
	for _, z := range members {
		at := placeOf(z)
		if !w.resumed || at.Compare(w.last) > 0 {
			places = append(places, at)
		}
	}
	return places
}

// offer reads the records of the places and hands them to the pager.
func (w *walk) offer(ctx context.Context, places []store.Cursor) error {
	matching, err := w.matching(ctx, places)
	if err != nil {
		return err
	}
	for len(places) > 0 { // as many at once as the page may still need
		n := w.some(matching)
		calls, err := w.s.load(ctx, wanted(places[:n], matching))
		if err != nil {
			return err
		}
		for i, at := range places[:n] {
			if matching[i] {
				c := calls[0]
				if calls = calls[1:]; c.ID != "" && !w.pager.Offer(c) {
					return nil
				}
			}
			w.last, w.resumed = at, true
			if !w.pager.Looked(at) {
				return nil
			}
		}
		places, matching = places[n:], matching[n:]
	}
	return nil
}

// some is how many places hold as many matches as fill the page and show that there are more.
func (w *walk) some(matching []bool) int {
	need := w.query.PageSize() + 1 - len(w.pager.Page().Calls)
	for i, ok := range matching {
		if ok {
			need--
		}
		if need <= 0 {
			return i + 1
		}
	}
	return len(matching)
}

func wanted(places []store.Cursor, matching []bool) []store.Cursor {
	var some []store.Cursor
	for i, at := range places {
		if matching[i] {
			some = append(some, at)
		}
	}
	return some
}

// matching finds out which calls the query wants, by the few fields that say so. A query that only names its index wants
// them all.
func (w *walk) matching(ctx context.Context, places []store.Cursor) ([]bool, error) {
	matching := make([]bool, len(places))
	if !w.query.Picky() {
		for i := range matching {
			matching[i] = true
		}
		return matching, nil
	}
	if len(places) == 0 {
		return matching, nil
	}
	names := w.query.MatchFields()
	answers := make([]*redis.SliceCmd, len(places))
	_, err := w.s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, at := range places {
			answers[i] = p.HMGet(ctx, w.s.keys.meta(at.ID), names...)
		}
		return nil
	})
	for i, a := range answers {
		c := store.DecodeCall(named(names, a.Val()))
		matching[i] = c.ID != "" && w.query.Match(&c)
	}
	return matching, err
}

// named lays names over the answer to HMGET.
func named(names []string, values []any) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for i, v := range values {
			if text, ok := v.(string); ok && !yield(names[i], text) {
				return
			}
		}
	}
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

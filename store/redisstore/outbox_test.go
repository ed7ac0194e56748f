package redisstore

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/storetest/redisproc"
)

// takeIDs takes until there are n events.
func takeIDs(t *testing.T, s *Store, n int, idle time.Duration) (ids []string) {
	t.Helper()
	until(t, fmt.Sprint(n, " events"), func() bool {
		events, err := s.Take(ctx, "crm", "one", 100, idle)
		must(t, err)
		for _, e := range events {
			ids = append(ids, e.ID)
		}
		return len(ids) >= n
	})
	return ids
}

// TestAnEndThatWasNotAnnouncedIsMadeGood is a process that died between writing the end and telling of it.
func TestAnEndThatWasNotAnnouncedIsMadeGood(t *testing.T) {
	s := open(t, Options{URL: redisproc.Start(t).URL()})
	takeIDs(t, s, 0, time.Hour)
	must(t, s.Begin(ctx, call("c1")))
	_, _, err := s.change(ctx, "c1", func(c *store.Call) bool {
		c.Finish(&store.Call{Cause: "bye"}, time.Now(), 0)
		return true
	})
	must(t, err)
	if ids := takeIDs(t, s, 1, time.Hour); !slices.Equal(ids, []string{"c1-started"}) {
		t.Fatalf("events %v", ids)
	}
	for range 2 { // the second sweep has nothing to make good
		_, err = s.Sweep(ctx, time.Now().Add(time.Hour))
		must(t, err)
	}
	must(t, s.Finish(ctx, store.Call{ID: "c1", Cause: "bye"}))
	if n := s.client.XLen(ctx, "tl:out").Val(); n != 2 {
		t.Errorf("%d events", n)
	}
	if ids := takeIDs(t, s, 1, time.Hour); !slices.Equal(ids, []string{"c1-ended"}) {
		t.Errorf("events %v", ids)
	}
}

// TestAFinishThatWasNotAnnouncedIsRepeated is the same, and the writer repeats what it got no answer to.
func TestAFinishThatWasNotAnnouncedIsRepeated(t *testing.T) {
	s := open(t, Options{URL: redisproc.Start(t).URL()})
	must(t, s.Begin(ctx, call("c1")))
	_, _, err := s.change(ctx, "c1", func(c *store.Call) bool {
		c.Finish(&store.Call{Cause: "bye"}, time.Now(), 0)
		return true
	})
	must(t, err)
	must(t, s.Finish(ctx, store.Call{ID: "c1", Cause: "bye"}))
	if n, live := s.client.XLen(ctx, "tl:out").Val(), s.client.ZCard(ctx, "tl:live").Val(); n != 2 || live != 0 {
		t.Errorf("%d events, %d live", n, live)
	}
}

// TestEventsSurviveACrashOfTheServer kills Redis with events in flight and waiting.
func TestEventsSurviveACrashOfTheServer(t *testing.T) {
	server := redisproc.Start(t, "--appendfsync", "always")
	s := open(t, Options{URL: server.URL()})
	takeIDs(t, s, 0, time.Hour)
	must(t, s.Begin(ctx, call("c1")))
	takeIDs(t, s, 1, time.Hour)
	must(t, s.Begin(ctx, call("c2")))
	server.Kill()
	server.Restart()
	until(t, "Redis is back", func() bool { return s.Ping(ctx) == nil })
	ids := takeIDs(t, s, 2, 0)
	slices.Sort(ids)
	if !slices.Equal(slices.Compact(ids), []string{"c1-started", "c2-started"}) {
		t.Errorf("events %v", ids)
	}
	must(t, s.Done(ctx, "crm", ids...))
	pending, err := s.client.XPending(ctx, "tl:out", "crm").Result()
	must(t, err)
	if left := s.client.HLen(ctx, "tl:taken:crm").Val(); pending.Count != 0 || left != 0 {
		t.Errorf("%d in flight, %d noted", pending.Count, left)
	}
}

// TestAGroupThatRedisForgotIsFoundedAgain flushes the database under a consumer.
func TestAGroupThatRedisForgotIsFoundedAgain(t *testing.T) {
	s := open(t, Options{URL: redisproc.Start(t).URL()})
	takeIDs(t, s, 0, time.Hour)
	must(t, s.client.FlushAll(ctx).Err())
	events, err := s.Take(ctx, "crm", "one", 1, time.Hour)
	if err != nil || len(events) > 0 {
		t.Errorf("took %+v, %v", events, err)
	}
	must(t, s.Begin(ctx, call("c1")))
	if ids := takeIDs(t, s, 1, time.Hour); !slices.Equal(ids, []string{"c1-started"}) {
		t.Errorf("events %v", ids)
	}
}

// TestTheAuditListIsTrimmed adds an entry of a year ago in the place it had then.
func TestTheAuditListIsTrimmed(t *testing.T) {
	s := open(t, Options{URL: redisproc.Start(t, "--stream-node-max-entries", "10").URL()})
	ago := time.Now().Add(-store.AuditKept - time.Hour).UnixMilli()
	for n := range 100 { // approximate trimming goes by whole nodes
		must(t, s.client.XAdd(ctx, &redis.XAddArgs{Stream: "tl:audit", ID: fmt.Sprint(ago, "-", n+1), Values: []string{"do", "read"}}).Err())
	}
	must(t, s.Record(ctx, store.Audit{Action: "export"}))
	if n := s.client.XLen(ctx, "tl:audit").Val(); n > 20 {
		t.Errorf("%d entries are left", n)
	}
	last, err := s.Audits(ctx, "", "", 1)
	must(t, err)
	if len(last) != 1 || last[0].Action != "export" {
		t.Errorf("the last is %+v", last)
	}
}

func TestDeskOfAClosedStore(t *testing.T) {
	s := open(t, Options{URL: redisproc.Start(t).URL()})
	must(t, s.Close())
	_, feed := s.Feed(ctx, "")
	_, take := s.Take(ctx, "crm", "one", 1, time.Hour)
	_, buried := s.Buried(ctx, "crm", 1)
	_, audits := s.Audits(ctx, "", "", 1)
	_, found := store.Search(ctx, s, store.Query{}, "x", 1)
	for what, err := range map[string]error{"feed": feed, "take": take, "buried": buried, "audits": audits, "search": found,
		"label": s.Label(ctx, "c1", nil, nil), "done": s.Done(ctx, "crm", "x"), "record": s.Record(ctx, store.Audit{})} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

package boltstore

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/trunkline/trunkline/store"
)

func eventIDs(events []store.Event) (ids []string) {
	for _, e := range events {
		ids = append(ids, e.ID)
	}
	return ids
}

// TestEventsOutliveTheProcess reopens the file with events in flight and waiting.
func TestEventsOutliveTheProcess(t *testing.T) {
	path := file(t)
	s := open(t, path, Options{})
	_, err := s.Take(ctx, "crm", "one", 1, time.Hour)
	must(t, err)
	must(t, s.Begin(ctx, call("c1")))
	events, err := s.Take(ctx, "crm", "one", 10, time.Hour)
	must(t, err)
	must(t, s.Begin(ctx, call("c2")))
	must(t, s.Close())
	s = open(t, path, Options{})
	again, err := s.Take(ctx, "crm", "one", 10, 0)
	must(t, err)
	if !slices.Equal(eventIDs(events), []string{"c1-started"}) || !slices.Equal(eventIDs(again), []string{"c1-started", "c2-started"}) || again[0].Attempts != 2 {
		t.Errorf("before %+v, after %+v", events, again)
	}
}

// TestABatchThatFailsTellsNobody stops a batch: neither events nor news of it are there.
func TestABatchThatFailsTellsNobody(t *testing.T) {
	s := open(t, file(t), Options{})
	_, err := s.Take(ctx, "crm", "one", 1, time.Hour)
	must(t, err)
	err = s.Batch(ctx, func(b store.Sink) error {
		must(t, b.Begin(ctx, call("c1")))
		return fmt.Errorf("stop")
	})
	if err == nil {
		t.Fatal("a batch that failed is done")
	}
	must(t, s.Begin(ctx, call("c2")))
	events, err := s.Take(ctx, "crm", "one", 10, time.Hour)
	must(t, err)
	news, err := s.Feed(ctx, "1-0")
	must(t, err)
	if len(events) != 1 || events[0].Call != "c2" || len(news) != 1 || news[0].Call != "c2" {
		t.Errorf("events %+v, news %+v", events, news)
	}
}

// TestSweepTrims looks into the buckets: events that all groups have seen go, and audit entries whose year is over.
func TestSweepTrims(t *testing.T) {
	s := open(t, file(t), Options{})
	must(t, s.Begin(ctx, call("before")))
	size := func(bucket []byte) (n int) {
		must(t, s.db.View(func(tx *bbolt.Tx) error { n = tx.Bucket(bucket).Stats().KeyN; return nil }))
		return n
	}
	if n := size(bucketOut); n != 0 {
		t.Errorf("%d events wait for nobody", n)
	}
	for _, group := range []string{"crm", "qa"} {
		_, err := s.Take(ctx, group, "one", 1, time.Hour)
		must(t, err)
	}
	must(t, s.Begin(ctx, call("c1")))
	must(t, s.Begin(ctx, call("c2")))
	_, err := s.Take(ctx, "crm", "one", 2, time.Hour)
	must(t, err)
	_, err = s.Take(ctx, "qa", "one", 1, time.Hour)
	must(t, err)
	must(t, s.Record(ctx, store.Audit{Action: "read"}))
	_, err = s.Sweep(ctx, time.Now())
	must(t, err)
	if out, audit := size(bucketOut), size(bucketAudit); out != 1 || audit != 1 {
		t.Errorf("%d events and %d audit entries are left", out, audit)
	}
	_, err = s.Sweep(ctx, time.Now().Add(store.AuditKept+time.Hour))
	must(t, err)
	if n := size(bucketAudit); n != 0 {
		t.Errorf("%d audit entries outlive their year", n)
	}
}

func TestFeedForgetsTheOldest(t *testing.T) {
	s := open(t, file(t), Options{})
	const n = 2*feedLen + 5
	for i := range n {
		s.news(store.NewsLines, fmt.Sprint("c", i))
	}
	news, err := s.Feed(ctx, "1-0")
	must(t, err)
	if len(news) != feedLen || news[feedLen-1].Call != fmt.Sprint("c", n-1) || news[0].Call != fmt.Sprint("c", n-feedLen) {
		t.Errorf("%d news, from %+v to %+v", len(news), news[0], news[len(news)-1])
	}
}

// TestRetentionByAgent ends calls of three agents and sweeps when some are over.
func TestRetentionByAgent(t *testing.T) {
	const day = 24 * time.Hour
	s := open(t, file(t), Options{Retention: 30 * day, Retentions: map[string]time.Duration{"sales": 90 * day, "night": day, "archive": 0}})
	for _, agent := range []string{"frontdesk", "sales", "night", "archive"} {
		for _, id := range []string{agent, agent + "-lost"} {
			c := call(id)
			c.Agent = agent
			must(t, s.Begin(ctx, c))
		}
		must(t, s.Finish(ctx, store.Call{ID: agent}))
	}
	closed, err := s.Sweep(ctx, time.Now().Add(time.Minute))
	must(t, err)
	if len(closed) != 4 {
		t.Fatalf("swept %v", closed)
	}
	for agent, kept := range map[string]time.Duration{"frontdesk": 30 * day, "sales": 90 * day, "night": day, "archive": 0} {
		for _, id := range []string{agent, agent + "-lost"} {
			c, err := s.Call(ctx, id)
			must(t, err)
			if c.Expires.IsZero() != (kept == 0) || kept > 0 && c.Expires.Sub(c.Ended) != kept {
				t.Errorf("%s ended %v and is kept until %v", id, c.Ended, c.Expires)
			}
		}
	}
	_, err = s.Sweep(ctx, time.Now().Add(31*day))
	must(t, err)
	page, err := s.List(ctx, store.Query{})
	must(t, err)
	var left []string
	for _, c := range page.Calls {
		left = append(left, c.Agent)
	}
	if slices.Sort(left); !slices.Equal(left, []string{"archive", "archive", "sales", "sales"}) {
		t.Errorf("left after a month: %v", left)
	}
}

// TestAFileOfTheVersionBefore takes the new indexes out of a file and its version back, and opens it again.
func TestAFileOfTheVersionBefore(t *testing.T) {
	path := file(t)
	s := open(t, path, Options{})
	c := call("c1")
	c.Dialled, c.Tags = "+15559990000", "vip"
	must(t, s.Begin(ctx, c))
	must(t, s.Finish(ctx, store.Call{ID: "c1", EndedBy: "caller"}))
	must(t, s.db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{bucketOf(store.ByDialled), bucketOf(store.ByTag), bucketOf(store.ByEnd), bucketOut, bucketGroups, bucketTaken, bucketDead, bucketAudit} {
			must(t, tx.DeleteBucket(name))
		}
		return tx.Bucket(bucketSys).Put(keyVersion, []byte(formatBefore))
	}))
	must(t, s.Close())
	if _, err := Open(path, Options{ReadOnly: true}); err == nil {
		t.Error("it is read as it is")
	}
	s = open(t, path, Options{})
	for _, q := range []store.Query{{Dialled: "+15559990000"}, {Tag: "vip"}, {EndedBy: "caller"}, {Caller: c.Caller}, {Agent: c.Agent}} {
		page, err := s.List(ctx, q)
		must(t, err)
		if len(page.Calls) != 1 {
			t.Errorf("%+v finds %d calls", q, len(page.Calls))
		}
	}
}

package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/storetest/redisproc"
)

var ctx = context.Background()

var noon = time.Now().UTC().Truncate(24 * time.Hour).Add(12 * time.Hour)

func call(id string) store.Call {
	return store.Call{ID: id, Agent: "frontdesk", Caller: "+15551230001", Started: noon}
}

func line(n int) store.Entry {
	return store.Entry{ID: fmt.Sprintf("%d-0", n), Kind: store.KindTurn, Role: store.RoleAgent, Text: fmt.Sprint("line ", n), At: time.UnixMilli(int64(n)).UTC()}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestKeysAreThoseOfTheDesign pins the names that other programs read.
func TestKeysAreThoseOfTheDesign(t *testing.T) {
	s := open(t, Options{URL: redisproc.Start(t).URL(), HMACKey: []byte("k")})
	must(t, s.Begin(ctx, call("c1")))
	must(t, s.Append(ctx, "c1", line(1)))
	must(t, s.Finish(ctx, store.Call{ID: "c1"}))
	must(t, s.Begin(ctx, call("c2")))
	names, err := s.client.Keys(ctx, "*").Result()
	must(t, err)
	slices.Sort(names)
	want := []string{"tl:feed", "tl:idx:agent:frontdesk", "tl:idx:caller:" + store.CallerKey([]byte("k"), "+15551230001"),
		"tl:idx:days", "tl:idx:start:" + noon.Format("20060102"), "tl:live", "tl:out", "tl:{c1}:ev", "tl:{c1}:meta", "tl:{c2}:ev", "tl:{c2}:meta"}
	if !slices.Equal(names, want) {
		t.Errorf("keys  %q\nwant %q", names, want)
	}
	if n := s.client.XLen(ctx, "tl:{c2}:ev").Val(); n != 0 {
		t.Errorf("a call without lines has %d", n)
	}
	other := open(t, Options{URL: "redis://" + s.addr + "/0", Prefix: "second"})
	if page, err := other.List(ctx, store.Query{}); err != nil || len(page.Calls) != 0 {
		t.Errorf("another prefix sees %+v, %v", page, err)
	}
}

func TestFeedAndOutboxNameNoCaller(t *testing.T) {
	s := open(t, Options{URL: redisproc.Start(t).URL()})
	c := call("c1")
	c.Forwarded = "+15551230001, +15551230002"
	must(t, s.Begin(ctx, c))
	must(t, s.Append(ctx, "c1", line(1), line(2)))
	must(t, s.Finish(ctx, store.Call{ID: "c1", EndedBy: "caller", Code: 16, Cause: "said +15551230001"}))
	feed, err := s.client.XRange(ctx, "tl:feed", "-", "+").Result()
	must(t, err)
	var events []string
	for _, m := range feed {
		events = append(events, fmt.Sprint(m.Values["e"], " ", m.Values["call"]))
	}
	if !slices.Equal(events, []string{"started c1", "lines c1", "ended c1"}) || feed[1].Values["last"] != "2-0" || feed[1].Values["n"] != "2" {
		t.Errorf("feed: %v", feed)
	}
	out, err := s.client.XRange(ctx, "tl:out", "-", "+").Result()
	must(t, err)
	if len(out) != 2 || out[0].Values["type"] != store.EventStarted || out[1].Values["type"] != store.EventEnded || out[1].Values["call"] != "c1" {
		t.Errorf("outbox: %v", out)
	}
	if all := fmt.Sprint(feed, out); strings.Contains(all, "555123000") {
		t.Errorf("a number is where Delete cannot find it: %s", all)
	}
}

func TestEverythingExpires(t *testing.T) {
	const retention = 30 * 24 * time.Hour
	s := open(t, Options{URL: redisproc.Start(t).URL(), Retention: retention, HMACKey: []byte("k")})
	ttl := func(key string) time.Duration { return s.client.PTTL(ctx, key).Val() }
	within := func(key string, low, high time.Duration) {
		t.Helper()
		if got := ttl(key); got <= low || got > high {
			t.Errorf("%s expires in %v, want %v to %v", key, got, low, high)
		}
	}
	must(t, s.Begin(ctx, call("c1")))
	must(t, s.Append(ctx, "c1", line(5)))
	for _, key := range []string{"tl:{c1}:ev", "tl:{c1}:meta", s.keys.day(noon), "tl:idx:agent:frontdesk", "tl:idx:caller:" + store.CallerKey([]byte("k"), "+15551230001")} {
		within(key, retention+slack-time.Hour, retention+slack)
	}
	must(t, s.Finish(ctx, store.Call{ID: "c1", Ended: time.Now()}))
	must(t, s.Append(ctx, "c1", line(7)))
	must(t, s.Append(ctx, "c1", line(6), line(5))) // the stream is rebuilt
	within("tl:{c1}:ev", retention-time.Hour, retention)
	within("tl:{c1}:meta", retention-time.Hour, retention)
	c, err := s.Call(ctx, "c1")
	must(t, err)
	if d := c.Expires.Sub(c.Ended); d != retention {
		t.Errorf("the record says it is kept for %v", d)
	}

	must(t, s.Begin(ctx, call("c2")))
	_, err = s.Sweep(ctx, time.Now().Add(time.Hour))
	must(t, err)
	within("tl:{c2}:ev", retention-time.Hour, retention+2*time.Hour)
	must(t, s.Renew(ctx, "c2", time.Minute))
	within("tl:{c2}:ev", retention+slack-time.Hour, retention+slack)

	old := call("old")
	old.Started = noon.Add(-2 * (retention + slack))
	must(t, s.Begin(ctx, old))
	_, err = s.Sweep(ctx, time.Now())
	must(t, err)
	if days := s.client.ZRange(ctx, "tl:idx:days", 0, -1).Val(); !slices.Equal(days, []string{noon.Format("20060102")}) {
		t.Errorf("days that are remembered: %v", days)
	}
}

func TestLeasedKeyIsMadeOnceAndShared(t *testing.T) {
	server := redisproc.Start(t)
	a, b := open(t, Options{URL: server.URL()}), open(t, Options{URL: server.URL()})
	must(t, a.Begin(ctx, call("c1")))
	page, err := b.List(ctx, store.Query{Caller: "+1 555 123 0001"})
	must(t, err)
	if len(page.Calls) != 1 {
		t.Error("a second process does not find the call by its caller")
	}
}

func TestTwoSweepersCloseACallOnce(t *testing.T) {
	server := redisproc.Start(t)
	a, b := open(t, Options{URL: server.URL()}), open(t, Options{URL: server.URL()})
	const calls = 50
	for i := range calls {
		must(t, a.Begin(ctx, call(fmt.Sprint("c", i))))
	}
	closed := make(chan []string, 2)
	for _, s := range []*Store{a, b} {
		go func() {
			ids, err := s.Sweep(ctx, time.Now().Add(time.Hour))
			if err != nil {
				t.Error(err)
			}
			closed <- ids
		}()
	}
	all := append(<-closed, <-closed...)
	slices.Sort(all)
	if len(all) != calls || len(slices.Compact(all)) != calls {
		t.Errorf("%d calls were closed %d times", calls, len(all))
	}
}

// TestHalfWrittenEnd is a process that died between writing the end and taking the call off the live set.
func TestHalfWrittenEnd(t *testing.T) {
	s := open(t, Options{URL: redisproc.Start(t).URL()})
	must(t, s.Begin(ctx, call("c1")))
	_, _, err := s.change(ctx, "c1", func(c *store.Call) bool {
		c.Finish(&store.Call{Cause: "bye"}, time.Now(), 0)
		return true
	})
	must(t, err)
	closed, err := s.Sweep(ctx, time.Now().Add(time.Hour))
	must(t, err)
	if c, _ := s.Call(ctx, "c1"); len(closed) != 0 || c.Cause != "bye" {
		t.Errorf("swept %v: %+v", closed, c)
	}
	if n := s.client.XLen(ctx, "tl:out").Val(); n != 2 {
		t.Errorf("consumers were told %d times of its beginning and its end", n)
	}
	if n := s.client.ZCard(ctx, "tl:live").Val(); n != 0 {
		t.Error("it is still among those that run")
	}
}

func TestForeignKeyIsAVerdict(t *testing.T) {
	s := open(t, Options{URL: redisproc.Start(t).URL()})
	must(t, s.client.Set(ctx, "tl:{c1}:ev", "something else", 0).Err())
	if err := s.Append(ctx, "c1", line(1)); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("append to a string: %v", err)
	}
}

func TestUnknownFieldsSurviveARebuild(t *testing.T) {
	s := open(t, Options{URL: redisproc.Start(t).URL()})
	must(t, s.Begin(ctx, call("c1")))
	must(t, s.client.Do(ctx, "XADD", "tl:{c1}:ev", "5-0", "k", "turn", "hologram", "yes").Err())
	must(t, s.Append(ctx, "c1", line(3)))
	messages := s.client.XRange(ctx, "tl:{c1}:ev", "-", "+").Val()
	if len(messages) != 2 || messages[0].ID != "3-0" || messages[1].Values["hologram"] != "yes" {
		t.Errorf("after the rebuild: %v", messages)
	}
}

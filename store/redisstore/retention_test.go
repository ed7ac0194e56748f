package redisstore

import (
	"testing"
	"time"

	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/storetest/redisproc"
)

// TestRetentionByAgent looks at every key of calls whose agents are kept for other times than the rest.
func TestRetentionByAgent(t *testing.T) {
	const day = 24 * time.Hour
	s := open(t, Options{URL: redisproc.Start(t).URL(), HMACKey: []byte("k"), Retention: 30 * day,
		Retentions: map[string]time.Duration{"sales": 90 * day, "night": day}})
	within := func(key string, high time.Duration) {
		t.Helper()
		if got := s.client.PTTL(ctx, key).Val(); got <= high-time.Hour || got > high {
			t.Errorf("%s expires in %v, want %v", key, got, high)
		}
	}
	for id, c := range map[string]struct {
		agent string
		kept  time.Duration
	}{"c1": {"frontdesk", 30 * day}, "c2": {"sales", 90 * day}, "c3": {"night", day}} {
		begun := call(id)
		begun.Agent, begun.Tags, begun.Dialled = c.agent, "vip", "+15559990000"
		must(t, s.Begin(ctx, begun))
		within(s.keys.meta(id), c.kept+slack)
		within(s.keys.events(id), c.kept+slack)
		must(t, s.Finish(ctx, store.Call{ID: id, EndedBy: "caller"}))
		within(s.keys.meta(id), c.kept)
		within(s.keys.events(id), c.kept)
		must(t, s.Label(ctx, id, []string{"late"}, nil))
		within(s.keys.meta(id), c.kept)

		must(t, s.Begin(ctx, store.Call{ID: id + "lost", Agent: c.agent, Started: noon}))
		_, err := s.Sweep(ctx, time.Now().Add(time.Hour))
		must(t, err)
		lost, err := s.Call(ctx, id+"lost")
		must(t, err)
		if got := lost.Expires.Sub(lost.Ended); got != c.kept {
			t.Errorf("a lost call of %s is kept for %v", c.agent, got)
		}
		must(t, s.Renew(ctx, id+"lost", time.Minute))
		within(s.keys.meta(id+"lost"), c.kept+slack)
	}
	for _, p := range store.Places(&store.Call{Agent: "night", Caller: "+15551230001", Dialled: "+15559990000", Tags: "late vip", EndedBy: "caller"}, []byte("k")) {
		within(s.keys.index(p), 90*day+slack)
	}
	within(s.keys.day(noon), 90*day+slack)
}

// TestAnIndexThatMustLastForEverDoes gives one agent no end after the keys were made with one.
func TestAnIndexThatMustLastForEverDoes(t *testing.T) {
	server := redisproc.Start(t)
	before := open(t, Options{URL: server.URL(), Retention: time.Hour})
	must(t, before.Begin(ctx, call("c1")))
	after := open(t, Options{URL: server.URL(), Retention: time.Hour, Retentions: map[string]time.Duration{"sales": 0}})
	must(t, after.Begin(ctx, call("c2")))
	for _, key := range []string{after.keys.day(noon), "tl:idx:agent:frontdesk"} {
		if ttl := after.client.PTTL(ctx, key).Val(); ttl != -1 {
			t.Errorf("%s expires in %v", key, ttl)
		}
	}
	if ttl := after.client.PTTL(ctx, after.keys.meta("c2")).Val(); ttl <= 0 {
		t.Errorf("a call of another agent expires in %v", ttl)
	}
}

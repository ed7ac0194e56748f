package redisstore

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/storetest"
	"github.com/trunkline/trunkline/store/storetest/redisproc"
)

// scattered is a store that shows the keys of every master.
type scattered struct{ *Store }

func (l scattered) KeyNames(ctx context.Context) ([]string, error) {
	var mu sync.Mutex
	var all []string
	err := l.eachMaster(ctx, func(ctx context.Context, c *redis.Client) error {
		names, err := c.Keys(ctx, "*").Result()
		mu.Lock()
		defer mu.Unlock()
		all = append(all, names...)
		return err
	})
	return all, err
}

// empty takes everything off every master.
func empty(t testing.TB, s *Store) {
	t.Helper()
	must(t, s.eachMaster(ctx, func(ctx context.Context, c *redis.Client) error { return c.FlushAll(ctx).Err() }))
}

func clusterOf(c *redisproc.Cluster) Options { return Options{URL: c.URL(), Cluster: c.Addrs()} }

// TestContractOnACluster runs the suite on three masters, each with a third of the slots. They refuse every command and
// every transaction whose keys do not lie in one slot.
func TestContractOnACluster(t *testing.T) {
	t.Parallel()
	cluster := redisproc.StartCluster(t, 3, false, "--cluster-node-timeout", "15000")
	storetest.Run(t, func(t *testing.T) store.Store {
		s := open(t, clusterOf(cluster))
		empty(t, s)
		return scattered{s}
	})
	t.Run("any node is enough to begin with", func(t *testing.T) {
		s := open(t, Options{URL: "redis://127.0.0.1:1/0", Cluster: cluster.Addrs()[:1]})
		for i := range 30 {
			must(t, s.Begin(ctx, call(fmt.Sprint("c", i))))
		}
		for i, m := range cluster.Masters {
			if m.Do("DBSIZE") == "0" {
				t.Errorf("master %d holds nothing", i)
			}
		}
	})
}

// spooled is a writer's setup that takes outages in small steps.
func spooled(t *testing.T) store.WriterConfig {
	return store.WriterConfig{Spool: filepath.Join(t.TempDir(), "spool"), Batch: 16, RetryMax: 200 * time.Millisecond}
}

// talk is calls that are written while a test does something to the servers.
type talk struct {
	w     *store.Writer
	calls int
	said  int // lines of each call
}

func startTalk(w *store.Writer, calls int) *talk {
	k := &talk{w: w, calls: calls}
	for c := range calls {
		w.Begin(call(fmt.Sprint("c", c)))
	}
	return k
}

// say adds n lines to each call.
func (k *talk) say(n int) {
	for range n {
		for c := range k.calls {
			k.w.Append(fmt.Sprint("c", c), say(k.said))
		}
		k.said++
	}
}

// end finishes the calls and expects every line of each, once and in order.
func (k *talk) end(t *testing.T, s *Store) {
	t.Helper()
	for c := range k.calls {
		k.w.Finish(store.Call{ID: fmt.Sprint("c", c), Cause: "bye"})
	}
	closeWriter(t, k.w)
	for c := range k.calls {
		wantLines(t, s, fmt.Sprint("c", c), k.said)
	}
}

// TestSlotsMoveInTheMiddle moves the slots of calls, and of what all calls share, to another node and back while lines
// are written: nodes answer MOVED, ASK and TRYAGAIN.
func TestSlotsMoveInTheMiddle(t *testing.T) {
	t.Parallel()
	cluster := redisproc.StartCluster(t, 3, false, "--cluster-node-timeout", "15000")
	s := open(t, clusterOf(cluster))
	k := startTalk(writer(t, s, spooled(t)), 6)
	k.say(20)
	for range 2 {
		for _, key := range []string{"tl:{c0}:ev", "tl:{c1}:ev", "tl:live", "tl:feed", "tl:{c2}:ev"} {
			from := cluster.Owner(key)
			to := cluster.Masters[(slices.Index(cluster.Masters, from)+1)%3]
			cluster.Move(from.Do("CLUSTER", "KEYSLOT", key), from, to, func() { k.say(20) })
		}
	}
	k.say(20)
	k.end(t, s)
	page, err := s.List(ctx, store.Query{Agent: "frontdesk"})
	must(t, err)
	if len(page.Calls) != 6 {
		t.Errorf("%d calls are listed", len(page.Calls))
	}
}

// TestCrashOfOneMaster kills masters with -9 in the middle of writes. The others notice that slots are missing; once
// it is back, so is everything.
func TestCrashOfOneMaster(t *testing.T) {
	t.Parallel()
	cluster := redisproc.StartCluster(t, 3, false)
	s := open(t, clusterOf(cluster))
	w := writer(t, s, spooled(t))
	k := startTalk(w, 6)
	for i, m := range cluster.Masters[1:] {
		written := w.Stats().Written
		k.say(50)
		until(t, "a line is written", func() bool { return w.Stats().Written > written })
		m.Kill()
		k.say(50)
		until(t, "the writer notices", func() bool { return w.Stats().Away })
		if i == 0 { // as long as the others need to notice
			cluster.Masters[0].Until("cluster_state:fail", "CLUSTER", "INFO")
		}
		k.say(50)
		m.Restart()
	}
	k.end(t, s)
	if w.Stats().Replayed == 0 {
		t.Error("nothing went through the spool: the test tests nothing")
	}
}

// TestMasterThatForgets lets one master of three lose what it confirmed, and come back before anybody asks it anything:
// the others answer meanwhile, and they prove nothing.
func TestMasterThatForgets(t *testing.T) {
	t.Parallel()
	cluster := redisproc.StartCluster(t, 3, false, "--appendonly", "no")
	s := open(t, clusterOf(cluster))
	w := writer(t, s, store.WriterConfig{})
	k := startTalk(w, 6)
	k.say(10)
	until(t, "the lines are written", func() bool { return w.Stats().Backlog == 0 })
	before := s.Epoch()
	cluster.Owner("tl:{c0}:ev").Restart() // empty
	cluster.Masters[0].Until("cluster_state:ok", "CLUSTER", "INFO")
	until(t, "the change is noticed although nothing is written", func() bool { return s.Epoch() > before })
	k.say(1)
	k.end(t, s)
}

// TestFailoverInACluster kills a master that has a replica. The replica takes over by itself, and gets what it had not
// been told.
func TestFailoverInACluster(t *testing.T) {
	t.Parallel()
	cluster := redisproc.StartCluster(t, 3, true)
	s := open(t, clusterOf(cluster))
	w := writer(t, s, spooled(t))
	k := startTalk(w, 6)
	k.say(50)
	until(t, "a line is written", func() bool { return w.Stats().Written > 0 })
	i := slices.Index(cluster.Masters, cluster.Owner("tl:{c0}:ev"))
	cluster.Replicas[i].Pause() // it hears of nothing any more
	k.say(50)
	until(t, "lines are confirmed that the replica has not", func() bool { return w.Stats().Backlog == 0 })
	cluster.Masters[i].Kill()
	cluster.Replicas[i].Resume()
	k.say(50)
	cluster.Replicas[i].Until("role:master", "INFO", "replication")
	k.say(50)
	promoted := time.Now()
	until(t, "the writer goes on", func() bool { return w.Stats().Backlog == 0 })
	if took := time.Since(promoted); took > 30*time.Second {
		t.Errorf("the new master was found after %v", took)
	}
	k.end(t, s)
	if owner := cluster.Replicas[i].Do("EXISTS", "tl:{c0}:ev"); owner != "1" {
		t.Error("the replica did not take over")
	}
}

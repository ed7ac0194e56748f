package redisstore

import (
	"strings"
	"testing"

	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/storetest/redisproc"
)

// watched is a master with a replica, and three Sentinels.
type watched struct {
	master, replica *redisproc.Server
	sentinels       []*redisproc.Server
}

func startWatched(t *testing.T) *watched {
	t.Helper()
	w := &watched{master: redisproc.Start(t, "--repl-diskless-sync-delay", "0")}
	w.replica = redisproc.StartReplica(t, w.master)
	w.sentinels = redisproc.StartSentinels(t, w.master, 1)
	return w
}

func (w *watched) options() Options {
	var addrs []string
	for _, s := range w.sentinels {
		addrs = append(addrs, s.Addr)
	}
	return Options{URL: "redis://nowhere.invalid:1/0", Sentinel: &Sentinel{Master: redisproc.Master, Addresses: addrs}}
}

// TestFailoverBySentinels kills a master with -9 that has confirmed lines which its replica does not have. The replica is
// made the master, and gets them from the writer. The old master comes back as a replica, and is then promoted in its turn,
// without any crash.
func TestFailoverBySentinels(t *testing.T) {
	t.Parallel()
	servers := startWatched(t)
	s := open(t, servers.options())
	w := writer(t, s, spooled(t))
	k := startTalk(w, 6)
	k.say(50)
	until(t, "the lines are written", func() bool { return w.Stats().Backlog == 0 })
	servers.replica.Pause() // it hears of nothing any more
	k.say(50)
	until(t, "lines are confirmed that the replica has not", func() bool { return w.Stats().Backlog == 0 })
	servers.master.Kill()
	servers.replica.Resume()
	k.say(50)
	until(t, "the Sentinels name the replica", func() bool { return redisproc.MasterOf(servers.sentinels[0]) == servers.replica.Addr })
	k.say(50)
	until(t, "the writer goes on", func() bool { return w.Stats().Backlog == 0 })

	servers.master.Restart()
	servers.master.Until("master_link_status:up", "INFO", "replication")
	before := s.Epoch()
	until(t, "the Sentinels change back", func() bool {
		_, _ = servers.sentinels[0].Try("SENTINEL", "FAILOVER", redisproc.Master) // it first has to look at the replica
		return redisproc.MasterOf(servers.sentinels[0]) == servers.master.Addr
	})
	k.say(50) // some of it to the old one, which does not know yet
	until(t, "the server is seen to be another one", func() bool { return s.Epoch() > before })
	k.end(t, s)
	if n := servers.master.Do("EXISTS", "tl:{c0}:ev"); n != "1" {
		t.Error("the calls are not on the master")
	}
}

// TestEpochChangesWithAPromotion although the process and the connection stay the same.
func TestEpochChangesWithAPromotion(t *testing.T) {
	replica := redisproc.StartReplica(t, redisproc.Start(t, "--repl-diskless-sync-delay", "0"))
	s := open(t, Options{URL: replica.URL()})
	must(t, s.Ping(ctx))
	must(t, s.Ping(ctx))
	if n := s.Epoch(); n != 1 {
		t.Errorf("epoch %d of one server", n)
	}
	replica.Do("REPLICAOF", "NO", "ONE")
	must(t, s.Ping(ctx))
	if n := s.Epoch(); n != 2 {
		t.Errorf("epoch %d after it became the master", n)
	}
}

func TestSentinelsThatKnowNothing(t *testing.T) {
	sentinel := redisproc.StartSentinels(t, redisproc.Start(t), 0)[0]
	err := open(t, Options{URL: "redis://nowhere.invalid:1/0", Sentinel: &Sentinel{Master: "other", Addresses: []string{sentinel.Addr}}}).Ping(ctx)
	if err == nil || store.Permanent(err) || !strings.Contains(err.Error(), "other, found by Sentinels") {
		t.Errorf("%v", err)
	}
}

package redisproc

import (
	"fmt"
	"strings"
	"testing"
)

// slots is how many a Cluster has.
const slots = 16384

// Cluster is several servers that divide the keys among them.
type Cluster struct {
	Masters  []*Server
	Replicas []*Server // Replicas[i] is that of Masters[i]; none when the Cluster has none
}

// StartCluster runs masters that have all slots, in equal parts, and a replica for each if wanted. More arguments are those
// of every node; a node that is silent for a second counts as down unless they say otherwise.
func StartCluster(t testing.TB, masters int, replicas bool, args ...string) *Cluster {
	t.Helper()
	c := &Cluster{}
	for range masters {
		c.Masters = append(c.Masters, startNode(t, args))
		if replicas {
			c.Replicas = append(c.Replicas, startNode(t, args))
		}
	}
	for i, m := range c.Masters {
		m.Do("CLUSTER", "ADDSLOTSRANGE", fmt.Sprint(i*slots/masters), fmt.Sprint((i+1)*slots/masters-1))
	}
	for i, n := range c.Nodes() {
		n.Do("CLUSTER", "SET-CONFIG-EPOCH", fmt.Sprint(i+1))
		if i > 0 {
			c.Masters[0].Do("CLUSTER", "MEET", "127.0.0.1", n.port, n.bus)
		}
	}
	c.await()
	for i, r := range c.Replicas {
		r.Do("CLUSTER", "REPLICATE", c.Masters[i].Do("CLUSTER", "MYID"))
		r.Until("master_link_status:up", "INFO", "replication")
	}
	c.await()
	return c
}

func startNode(t testing.TB, args []string) *Server {
	t.Helper()
	return start(t, &Server{bus: "any", args: append([]string{"--cluster-node-timeout", "1000", "--repl-diskless-sync-delay", "0"}, args...)})
}

// await waits until every node knows all others and that all slots are served.
func (c *Cluster) await() {
	c.Masters[0].t.Helper()
	for _, n := range c.Nodes() {
		n.Until(fmt.Sprint("cluster_known_nodes:", len(c.Nodes())), "CLUSTER", "INFO")
		n.Until("cluster_state:ok", "CLUSTER", "INFO")
	}
}

// Nodes are all servers, the masters first.
func (c *Cluster) Nodes() []*Server { return append(append([]*Server{}, c.Masters...), c.Replicas...) }

// URL is the first node, as redisstore and the configuration take it.
func (c *Cluster) URL() string { return c.Masters[0].URL() }

// Addrs are the other masters.
func (c *Cluster) Addrs() []string {
	var addrs []string
	for _, m := range c.Masters[1:] {
		addrs = append(addrs, m.Addr)
	}
	return addrs
}

// Owner is the master that has the slot of a key.
func (c *Cluster) Owner(key string) *Server {
	t := c.Masters[0].t
	t.Helper()
	for _, m := range c.Masters {
		if _, err := m.do(patience, "EXISTS", key); err == nil { // the others say MOVED
			return m
		}
	}
	t.Fatalf("no master has the slot of %s", key)
	return nil
}

// Move gives a slot to another master while both serve it, key by key, as resharding does. Between steps it calls step.
func (c *Cluster) Move(slot string, from, to *Server, step func()) {
	from.t.Helper()
	c.agree()
	to.Do("CLUSTER", "SETSLOT", slot, "IMPORTING", from.Do("CLUSTER", "MYID"))
	from.Do("CLUSTER", "SETSLOT", slot, "MIGRATING", to.Do("CLUSTER", "MYID"))
	step()
	for {
		keys := strings.Fields(from.Do("CLUSTER", "GETKEYSINSLOT", slot, "10"))
		if len(keys) == 0 {
			break
		}
		for _, k := range keys {
			from.Do("MIGRATE", "127.0.0.1", to.port, k, "0", "10000")
			step()
		}
	}
	id := to.Do("CLUSTER", "MYID")
	for _, m := range append([]*Server{to, from}, c.Masters...) {
		m.Do("CLUSTER", "SETSLOT", slot, "NODE", id)
	}
}

// agree waits until all masters know of the latest change. Else the next one would have the same number, and of two owners
// of a slot either could win.
func (c *Cluster) agree() {
	c.Masters[0].t.Helper()
	latest := 0
	for _, m := range c.Masters {
		_, rest, _ := strings.Cut(m.Do("CLUSTER", "INFO"), "cluster_current_epoch:")
		epoch := 0
		fmt.Sscan(rest, &epoch)
		latest = max(latest, epoch)
	}
	for _, m := range c.Masters {
		m.Until(fmt.Sprintf("cluster_current_epoch:%d\r", latest), "CLUSTER", "INFO")
	}
}

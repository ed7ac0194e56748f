package redisproc

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// Master is the name by which Sentinels of [StartSentinels] know their master.
const Master = "mymaster"

// StartReplica runs a replica of a server and waits until it has its data.
func StartReplica(t testing.TB, of *Server, args ...string) *Server {
	t.Helper()
	r := start(t, &Server{secure: of.secure, args: append([]string{"--replicaof", "127.0.0.1 " + of.port}, args...)})
	r.Until("master_link_status:up", "INFO", "replication")
	return r
}

// StartSentinels runs three Sentinels, of which two have to agree, and waits until they know each other and the replicas
// of the master. A master that is silent for a second counts as down.
func StartSentinels(t testing.TB, master *Server, replicas int) []*Server {
	t.Helper()
	var all []*Server
	for range 3 {
		all = append(all, startSentinel(t, master))
	}
	for _, s := range all {
		s.Until(fmt.Sprint("slaves=", replicas, ",sentinels=3"), "INFO", "sentinel")
	}
	return all
}

// startSentinel writes the file that a Sentinel keeps its own notes in.
func startSentinel(t testing.TB, master *Server) *Server {
	t.Helper()
	file := filepath.Join(t.TempDir(), "sentinel.conf")
	config := fmt.Sprintf("sentinel monitor %[1]s 127.0.0.1 %[2]s 2\nsentinel down-after-milliseconds %[1]s 1000\n"+
		"sentinel failover-timeout %[1]s 3000\n", Master, master.port)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return start(t, &Server{args: []string{file}})
}

// sentinel reports whether this is one: its first argument is a file.
func (s *Server) sentinel() bool { return len(s.args) > 0 && filepath.IsAbs(s.args[0]) }

// MasterOf is the address of the master that a Sentinel names.
func MasterOf(sentinel *Server) string {
	sentinel.t.Helper()
	var host, port string
	answer := sentinel.Do("SENTINEL", "GET-MASTER-ADDR-BY-NAME", Master)
	if _, err := fmt.Sscan(answer, &host, &port); err != nil {
		sentinel.t.Fatalf("the Sentinel names %q", answer)
	}
	return net.JoinHostPort(host, port)
}

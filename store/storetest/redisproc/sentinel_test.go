package redisproc

import "testing"

func TestSentinelsNameTheMasterAndItsReplica(t *testing.T) {
	master := Start(t, "--repl-diskless-sync-delay", "0")
	replica := StartReplica(t, master)
	sentinels := StartSentinels(t, master, 1)
	master.Kill()
	sentinels[2].Until(replica.port, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", Master)
	if got := MasterOf(sentinels[2]); got != replica.Addr {
		t.Errorf("the master is at %s, want %s", got, replica.Addr)
	}
	replica.Until("role:master", "INFO", "replication")
}

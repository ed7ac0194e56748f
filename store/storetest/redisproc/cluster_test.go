package redisproc

import (
	"fmt"
	"testing"
)

func TestSlotsMoveWithTheirKeys(t *testing.T) {
	c := StartCluster(t, 3, false)
	from := c.Owner("{a}1")
	for i := range 25 {
		from.Do("SET", fmt.Sprintf("{a}%d", i), fmt.Sprint(i))
	}
	to := c.Masters[0]
	if to == from {
		to = c.Masters[1]
	}
	steps := 0
	c.Move(from.Do("CLUSTER", "KEYSLOT", "{a}"), from, to, func() { steps++ })
	if c.Owner("{a}1") != to || steps != 26 {
		t.Errorf("moved to %s in %d steps, want %s in 26", c.Owner("{a}1").Addr, steps, to.Addr)
	}
	for i := range 25 {
		if got := to.Do("GET", fmt.Sprintf("{a}%d", i)); got != fmt.Sprint(i) {
			t.Errorf("key %d is %q", i, got)
		}
	}
	if _, err := from.Try("GET", "{a}1"); err == nil {
		t.Error("the old owner still serves the slot")
	}
}

func TestReplicasHaveWhatTheirMastersHave(t *testing.T) {
	c := StartCluster(t, 3, true)
	owner := c.Owner("k")
	owner.Do("SET", "k", "v")
	for i, m := range c.Masters {
		if m == owner {
			c.Replicas[i].Until("1", "DBSIZE")
		} else if n := c.Replicas[i].Do("DBSIZE"); n != "0" {
			t.Errorf("replica %d has %s keys", i, n)
		}
	}
}

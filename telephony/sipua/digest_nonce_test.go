package sipua

import (
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var nonceSource = netip.MustParseAddr("192.0.2.1")

func mustKnow(t *testing.T, n *nonces, nonce string) nonceID {
	t.Helper()
	id, ok := n.genuine(nonce, "carrier", nonceSource)
	if !ok {
		t.Fatal("our own nonce is not known")
	}
	return id
}

func TestNoncesCannotBeForged(t *testing.T) {
	n := newNonces()
	nonce := n.issue("carrier", nonceSource)
	mustKnow(t, n, nonce)
	if _, ok := n.genuine(nonce, "other", nonceSource); ok {
		t.Error("good for another peer")
	}
	if _, ok := n.genuine(nonce, "carrier", netip.MustParseAddr("192.0.2.2")); ok {
		t.Error("good for another address")
	}
	if _, ok := newNonces().genuine(nonce, "carrier", nonceSource); ok {
		t.Error("good for another process")
	}
	for i := range nonce {
		bad := []byte(nonce)
		bad[i] = 'A' + (bad[i]-'A'+1)%26
		if _, ok := n.genuine(string(bad), "carrier", nonceSource); ok && string(bad) != nonce {
			t.Errorf("good with byte %d changed", i)
		}
	}
	for _, bad := range []string{"", "x", nonce + "A", nonce[1:], strings.Repeat("A", 43)} {
		if _, ok := n.genuine(bad, "carrier", nonceSource); ok {
			t.Errorf("%q is good", bad)
		}
	}
}

func TestNonceLifeAndCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNonces()
		id := mustKnow(t, n, n.issue("carrier", nonceSource))
		for _, c := range []struct {
			count uint32
			want  bool
		}{{0, false}, {1, true}, {1, false}, {3, true}, {2, false}, {3, false}, {4, true}} {
			if n.use(id, c.count) != c.want {
				t.Errorf("count %d: %v", c.count, !c.want)
			}
		}
		time.Sleep(nonceLife)
		if n.fresh(id) || n.use(id, 9) {
			t.Error("a nonce outlived its life")
		}
		n.use(mustKnow(t, n, n.issue("carrier", nonceSource)), 1)
		if len(n.used) != 1 || len(n.order) != 1 {
			t.Errorf("%d used nonces are kept", len(n.used))
		}
	})
}

// The table is bounded, and what it forgets cannot be replayed.
func TestNonceTableForgetsSafely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNonces()
		n.limit = 10
		var ids []nonceID
		for range 30 {
			time.Sleep(time.Millisecond)
			id := mustKnow(t, n, n.issue("carrier", nonceSource))
			ids = append(ids, id)
			if !n.use(id, 1) {
				t.Fatal("a new nonce was refused")
			}
		}
		if len(n.used) != n.limit || len(n.order) != n.limit {
			t.Errorf("%d nonces kept", len(n.used))
		}
		for i, id := range ids {
			if n.use(id, 1) {
				t.Errorf("nonce %d was replayed", i)
			}
			if kept := i >= 20; n.use(id, 2) != kept {
				t.Errorf("nonce %d with the next count: %v", i, !kept)
			}
		}
	})
}

// Of copies of one answer that arrive together, one counts.
func TestNonceCountIsTakenOnce(t *testing.T) {
	n := newNonces()
	id := mustKnow(t, n, n.issue("carrier", nonceSource))
	var taken atomic.Int32
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if n.use(id, 1) {
				taken.Add(1)
			}
		})
	}
	wg.Wait()
	if taken.Load() != 1 {
		t.Errorf("taken %d times", taken.Load())
	}
}

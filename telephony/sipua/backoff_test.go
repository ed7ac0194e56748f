package sipua

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

func TestOffendersAreBlockedForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffenders()
		bad, good := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
		for i := range maxWrong {
			if o.blocked(bad) {
				t.Fatalf("blocked after %d", i)
			}
			o.wrong(bad)
		}
		if !o.blocked(bad) || o.blocked(good) {
			t.Errorf("blocked: %v, neighbour %v", o.blocked(bad), o.blocked(good))
		}
		time.Sleep(wrongPenalty)
		if o.blocked(bad) {
			t.Error("blocked for ever")
		}
		for range 5 * maxWrong { // seldom enough
			time.Sleep(wrongWindow / (maxWrong - 2))
			o.wrong(bad)
		}
		if o.blocked(bad) {
			t.Error("mistakes of a whole day add up")
		}
	})
}

func TestOffenderIsForgivenByTheRightPassword(t *testing.T) {
	o := newOffenders()
	a := netip.MustParseAddr("192.0.2.1")
	for range 3 {
		for range maxWrong - 1 {
			o.wrong(a)
		}
		o.right(a)
	}
	if o.blocked(a) || len(o.record) != 0 {
		t.Error("not forgiven")
	}
}

func TestOffendersOfOneNetworkAreOne(t *testing.T) {
	o := newOffenders()
	a := netip.MustParseAddr("2001:db8::1")
	for range maxWrong {
		o.wrong(a)
		a = a.Next()
	}
	if !o.blocked(netip.MustParseAddr("2001:db8::ffff")) || o.blocked(netip.MustParseAddr("2001:db8:0:1::1")) {
		t.Error("a /64 counts as one, and no more than that")
	}
}

func TestOffenderTableIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffenders()
		o.limit = 50
		a := netip.MustParseAddr("10.0.0.0")
		for range 200 {
			time.Sleep(time.Microsecond)
			o.wrong(a)
			a = a.Next()
		}
		if len(o.record) != o.limit || o.record[a.Prev()] == nil {
			t.Errorf("%d kept", len(o.record))
		}
	})
}

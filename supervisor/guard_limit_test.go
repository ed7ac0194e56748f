package supervisor

import (
	"encoding/binary"
	"net/http"
	"net/netip"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

func v4(n uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], n)
	return netip.AddrFrom4(b)
}

// tries counts attempts until one is refused, n at most.
func tries(l *limiter, from netip.Addr, n int) (allowed int) {
	for allowed < n && l.take(from) == 0 {
		allowed++
	}
	return allowed
}

func TestLimitOfASource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, a := newLimiter(), netip.MustParseAddr("203.0.113.7")
		if n := tries(l, a, 50); n != sourceBurst {
			t.Fatalf("%d attempts at once", n)
		}
		wait := l.take(a)
		if wait <= 5*time.Second || wait > 6*time.Second {
			t.Errorf("the next one is promised in %v", wait)
		}
		time.Sleep(wait - time.Millisecond)
		if n := tries(l, a, 50); n != 0 {
			t.Error("it comes sooner than promised")
		}
		time.Sleep(2 * time.Millisecond)
		if n := tries(l, a, 50); n != 1 {
			t.Errorf("%d come when one was promised", n)
		}
		if n := tries(l, netip.MustParseAddr("203.0.113.8"), 50); n != sourceBurst {
			t.Errorf("another source has %d", n)
		}
		time.Sleep(time.Hour)
		if n := tries(l, a, 50); n != sourceBurst {
			t.Errorf("%d at once after an hour", n)
		}
	})
}

func TestLimitOfANetwork(t *testing.T) {
	l := newLimiter()
	if n := tries(l, netip.MustParseAddr("2001:db8:0:1::1"), 50) + tries(l, netip.MustParseAddr("2001:db8:0:1:ffff::2"), 50); n != sourceBurst {
		t.Errorf("a network of IPv6 has %d attempts", n)
	}
	if n := tries(l, netip.MustParseAddr("2001:db8:0:2::1"), 50); n != sourceBurst {
		t.Errorf("the next one has %d", n)
	}
}

// Strangers from everywhere use the total up; who has signed in before is not locked out by them.
func TestLimitOfAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, regular, late := newLimiter(), v4(1), v4(2)
		if l.take(regular) > 0 {
			t.Fatal("refused")
		}
		l.right(regular)
		n := 0
		for i := range uint32(100) {
			n += tries(l, v4(1000+i), 2)
		}
		if n != totalBurst {
			t.Errorf("%d attempts of all at once", n)
		}
		for range 2 * sourceBurst { // which does not use up its own
			if l.take(late) == 0 {
				t.Error("one more stranger may try")
			}
		}
		if n := tries(l, regular, 50); n != sourceBurst {
			t.Errorf("who signed in before has %d attempts", n)
		}
		time.Sleep(time.Second)
		if n := tries(l, late, 50); n != totalRate {
			t.Errorf("%d a second", n)
		}
	})
}

func TestRightTokensCostNothing(t *testing.T) {
	d := newDoorStand(t, someTokens)
	for range 3 * totalBurst {
		if resp := d.ask("GET", "/api/v1/calls", withToken(annasToken)); resp.StatusCode != http.StatusOK {
			t.Fatalf("status %d", resp.StatusCode)
		}
	}
}

func TestSourcesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter()
		l.take(v4(1))
		l.right(v4(1))
		for i := range uint32(3 * maxSources) {
			time.Sleep(time.Millisecond)
			l.take(v4(1000 + i))
		}
		if len(l.sources) != maxSources {
			t.Errorf("%d sources are remembered", len(l.sources))
		}
		first, last := netip.PrefixFrom(v4(1), 32), netip.PrefixFrom(v4(1000+3*maxSources-1), 32)
		if l.sources[first] == nil || l.sources[last] == nil {
			t.Error("who signed in, or who came last, is forgotten")
		}
	})
}

func TestBruteForce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoorStand(t, someTokens)
		statuses := map[int]int{}
		for i := range 60 {
			var resp *http.Response
			if i%2 == 0 {
				resp = d.ask("POST", "/sign-in", withForm("token", "guess"+strconv.Itoa(i)))
			} else {
				resp = d.ask("GET", "/api/v1/calls", withToken("guess"+strconv.Itoa(i)))
			}
			statuses[resp.StatusCode]++
		}
		if statuses[http.StatusUnauthorized] != sourceBurst || statuses[http.StatusTooManyRequests] != 60-sourceBurst {
			t.Errorf("page and API together answer %v", statuses)
		}
		// Now not even the right one is looked at, and the answer does not tell.
		resp := d.ask("POST", "/sign-in", withForm("token", annasToken))
		if after, _ := strconv.Atoi(resp.Header.Get("Retry-After")); resp.StatusCode != http.StatusTooManyRequests || after < 1 || after > 7 {
			t.Errorf("status %d, Retry-After %q", resp.StatusCode, resp.Header.Get("Retry-After"))
		}
		if s := d.Door(); s.SignInsFailed != sourceBurst || s.SignInsHeld != 60-sourceBurst+1 || s.SignIns != 0 {
			t.Errorf("counted: %+v", s)
		}
		if all := d.archive.actions(); len(all) != sourceBurst || all[0] != "sign_in_failed  form 203.0.113.7" || all[1] != "sign_in_failed  bearer 203.0.113.7" {
			t.Errorf("audit list: %q", all)
		}
		time.Sleep(7 * time.Second)
		d.signedIn(annasToken)
	})
}

// From many addresses more fail than anybody would read: they are counted, and some are in the list.
func TestFailuresDoNotFloodTheAuditList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoorStand(t, someTokens)
		for i := range uint32(80) {
			d.ask("GET", "/calls", withToken("guess"), withOrigin(origin{v4(i), true}))
		}
		if n, s := len(d.archive.actions()), d.Door(); n != noiseBurst || s.SignInsFailed != 80 || s.AuditsLost != 60 {
			t.Errorf("%d in the list; %+v", n, s)
		}
	})
}

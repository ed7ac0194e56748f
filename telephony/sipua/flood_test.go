package sipua

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestFloodsAreBounded(t *testing.T) {
	p := &peer{transport: "udp", callID: "1@test", conn: fakeConn{}, contact: "sip:a@b"}
	good, bad := []byte(p.request("INVITE", 1, "", testOffer)), []byte("INVITE sip:x SIP/2.0\r\n\r\n")
	p.toTag = "x"
	bye := []byte(p.request("BYE", 1, "", ""))
	synctest.Test(t, func(t *testing.T) {
		var c counters
		f := newFloods(100, &c)
		carrier, other := meterKey{peer: "carrier", transport: "udp"}, meterKey{peer: "other", transport: "udp"}
		count := func(key meterKey, data []byte) (n int) {
			for range 1000 {
				if f.pass(key, data) {
					n++
				}
			}
			return n
		}
		for i, step := range []struct {
			what string
			key  meterKey
			data []byte
			want int
		}{
			{"broken ones have a bucket of their own", carrier, bad, 10},
			{"fresh ones leave a quarter", carrier, good, 150},
			{"which is for known ones", carrier, bye, 50},
			{"another peer does not notice", other, good, 150},
			{"nor another transport", meterKey{peer: "carrier", transport: "tcp"}, good, 150},
		} {
			if got := count(step.key, step.data); got != step.want {
				t.Errorf("%d: %s: %d passed, want %d", i, step.what, got, step.want)
			}
		}
		time.Sleep(time.Second)
		if fresh, known := count(carrier, good), count(carrier, bye); fresh != 50 || known != 50 {
			t.Errorf("after a second %d fresh and %d known passed, want 50 each", fresh, known)
		}
		if got := c.flooded.Load(); got != 7*1000-10-150-50-150-150-100 {
			t.Errorf("%d counted", got)
		}
		if got := newFloods(-1, &c); count(carrier, good) != 0 || !got.pass(carrier, bad) || got.owe(carrier, true) != 0 {
			t.Error("no bound is a bound")
		}
	})
}

func TestConnectionsAreMadeToWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c counters
		f := newFloods(100, &c)
		key := meterKey{peer: "carrier", transport: "tcp"}
		for i := range 200 {
			if wait := f.owe(key, false); wait != 0 {
				t.Fatalf("message %d waits %v", i, wait)
			}
		}
		if wait := f.owe(key, false); wait != 10*time.Millisecond {
			t.Errorf("wait %v, want the hundredth of a second that one message is worth", wait)
		}
		for range 10 {
			f.owe(key, true)
		}
		if wait := f.owe(key, true); wait != 200*time.Millisecond {
			t.Errorf("wait %v after a bad message, want 200ms", wait)
		}
		if got := c.throttled.Load(); got != 2 {
			t.Errorf("%d counted, want 2", got)
		}
	})
}

// There is no end of names and addresses, but of what is kept for them.
func TestMetersAreBounded(t *testing.T) {
	key := func(i int) meterKey {
		return peerKey(Admission{}, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 5060), "udp")
	}
	synctest.Test(t, func(t *testing.T) {
		f := newFloods(100, &counters{})
		for i := range maxMeters {
			f.meter(key(i)).all.take()
		}
		if a, b := f.meter(key(maxMeters)), f.meter(key(maxMeters+1)); a != b {
			t.Error("late ones do not share a meter")
		}
		time.Sleep(time.Minute)
		if a, b := f.meter(key(maxMeters)), f.meter(key(maxMeters+1)); a == b || len(f.meters) != 2 {
			t.Errorf("%d meters kept after all were idle", len(f.meters))
		}
	})
}

// flood sends requests, 5000 a second, until the test has seen enough.
func flood(t *testing.T, to netip.AddrPort, request func(p *peer, i int) string) (stop func() (sent int, p *peer)) {
	t.Helper()
	p, quit, done := dial(t, "udp", to), make(chan struct{}), make(chan struct{})
	sent := 0
	go func() {
		defer close(done)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			for range 50 {
				sent++
				p.callID = newCallID()
				_, _ = p.conn.Write([]byte(request(p, sent)))
			}
			select {
			case <-tick.C:
			case <-quit:
				return
			}
		}
	}()
	return func() (int, *peer) { close(quit); <-done; return sent, p }
}

// insist repeats a request until its final response, as peers do over UDP.
func (p *peer) insist(status int, cseq, raw string) message {
	p.t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		p.send(raw)
		for again := time.Now().Add(200 * time.Millisecond); time.Now().Before(again); {
			m, ok := p.next(time.Until(again))
			if ok && m.status() >= 200 && m.cseq() == cseq {
				if m.status() != status {
					p.t.Errorf("%s: got %q, want %d", cseq, m.start, status)
				}
				return m
			}
		}
	}
	p.t.Fatalf("no answer to %s", cseq)
	panic("unreachable")
}

// Malformed INVITEs from the trunk's own address: few of them are looked at, and the
// trunk's calls, old and new, go on meanwhile.
func TestFloodOfMalformedInvites(t *testing.T) {
	t.Parallel()
	u := start(t, Config{MessagesPerSecond: 200, Invite: answerAndWait(make(chan error, 1000)),
		Admit: func(Source) Admission { return Admission{Allow, "carrier"} }})
	p := dial(t, "udp", u.listening("udp"))
	p.call()
	began := time.Now()
	stop := flood(t, u.listening("udp"), func(p *peer, i int) string {
		return replace(";tag=from-1", "")(p.request("INVITE", i, "", testOffer))
	})
	calls := 0
	for ; calls < 5 || u.Stats().Flooded < 3000; calls++ {
		q := dial(t, "udp", u.listening("udp"))
		q.toTag = q.insist(200, "1 INVITE", q.request("INVITE", 1, q.branch(), testOffer)).toTag()
		q.send(q.request("ACK", 1, "", ""))
		q.insist(200, "2 OPTIONS", q.request("OPTIONS", 2, q.branch(), ""))
		q.insist(200, "3 BYE", q.request("BYE", 3, q.branch(), ""))
		if time.Since(began) > 60*time.Second {
			t.Fatalf("only %d shed", u.Stats().Flooded)
		}
		<-time.After(10 * time.Millisecond)
	}
	p.insist(200, "2 OPTIONS", p.request("OPTIONS", 2, p.branch(), ""))
	p.insist(200, "3 BYE", p.request("BYE", 3, p.branch(), ""))
	sent, flooder := stop()
	elapsed := time.Since(began).Seconds()
	answered := make(map[string]bool)
	for {
		m, ok := flooder.next(300 * time.Millisecond)
		if !ok {
			break
		}
		if m.status() != 400 {
			t.Fatalf("a malformed INVITE got %q", m.start)
		}
		answered[m.cseq()] = true
	}
	if limit := 20 + 10*elapsed + 5; float64(len(answered)) > limit || len(answered) == 0 {
		t.Errorf("%d of %d malformed INVITEs were answered in %.1f s, want 1 to %.0f", len(answered), sent, elapsed, limit)
	}
}

// INVITEs that look well: new calls suffer, but not the calls that are there.
func TestFloodOfGoodInvites(t *testing.T) {
	t.Parallel()
	u := start(t, Config{MessagesPerSecond: 200, Invite: func(ctx context.Context, d *Dialog) {
		if strings.HasPrefix(d.Request().From.URI.User, "flood") {
			_ = d.Reject(486, "Busy Here")
			return
		}
		answerAndWait(make(chan error, 1))(ctx, d)
	}, Admit: func(Source) Admission { return Admission{Allow, "carrier"} }})
	p := dial(t, "udp", u.listening("udp"))
	p.call()
	stop := flood(t, u.listening("udp"), func(p *peer, i int) string {
		return replace("sip:+15557654321@", "sip:flood@")(p.request("INVITE", 1, "", testOffer))
	})
	cseq := 2
	for ; cseq < 22 || u.Stats().Flooded < 5000; cseq++ {
		p.insist(200, fmt.Sprint(cseq, " OPTIONS"), p.request("OPTIONS", cseq, p.branch(), ""))
		<-time.After(5 * time.Millisecond)
	}
	p.insist(200, fmt.Sprint(cseq, " BYE"), p.request("BYE", cseq, p.branch(), ""))
	stop()
}

// A peer that sends too much over a connection is slowed, and gets all its answers.
func TestFloodOverTCP(t *testing.T) {
	t.Parallel()
	u := start(t, Config{MessagesPerSecond: 100})
	p := dial(t, "tcp", u.listening("tcp"))
	var all strings.Builder
	for i := range 250 {
		all.WriteString(p.request("OPTIONS", i+1, "", ""))
	}
	began := time.Now()
	p.send(all.String())
	answers := 0
	for answers < 250 {
		p.until("200", func(m message) bool { return m.status() == 200 })
		answers++
	}
	// Another message is not read before what came at once is paid for.
	p.want(200, "999 OPTIONS", p.request("OPTIONS", 999, "", ""))
	if took := time.Since(began); took < 300*time.Millisecond {
		t.Errorf("251 messages took %v, at 100 a second and 200 at once", took)
	}
	if s := u.Stats(); s.Throttled == 0 || s.Conns != 1 {
		t.Errorf("stats %+v", s)
	}
}

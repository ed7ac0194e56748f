package media

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/trunkline/trunkline/transcode"
)

// testClock is a clock that stands until it is put on.
type testClock struct{ ns atomic.Int64 }

func (c *testClock) now() time.Time       { return time.Unix(0, c.ns.Load()) }
func (c *testClock) pass(d time.Duration) { c.ns.Add(int64(d)) }

func restingRange(t *testing.T, pairs int) (*Ports, *testClock) {
	t.Helper()
	p, c := portRange(t, pairs), new(testClock)
	p.clock = c.now
	return p, c
}

// takenRange is a range all of whose pairs are open, of which there are at least two: where other programs sit on it,
// another range is taken.
func takenRange(t *testing.T) (*Ports, *testClock, []pair) {
	t.Helper()
	for range 50 {
		p, c := restingRange(t, 3)
		var open []pair
		for pr, err := p.open(); err == nil; pr, err = p.open() {
			open = append(open, pr)
		}
		if len(open) >= 2 {
			return p, c, open
		}
		for _, pr := range open {
			mustClose(t, p, pr)
		}
	}
	t.Fatal("other programs sit on every range")
	return nil, nil, nil
}

func mustOpen(t *testing.T, p *Ports) pair {
	t.Helper()
	pr, err := p.open()
	if err != nil {
		t.Fatal(err)
	}
	return pr
}

func mustClose(t *testing.T, p *Ports, pr pair) {
	t.Helper()
	if err := p.close(pr); err != nil {
		t.Fatal(err)
	}
}

func bound(port uint16) bool {
	c, err := listenUDP(loopback, port)
	if err != nil {
		return errors.Is(err, syscall.EADDRINUSE)
	}
	c.Close()
	return false
}

// knockOn sends a datagram to a port and sweeps until it is seen.
func knockOn(t *testing.T, p *Ports, c *testClock, port uint16) {
	t.Helper()
	from, err := listenUDP(loopback, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	before := p.Stats().Stale
	if _, err := from.WriteToUDPAddrPort(voice(1, 172), netip.AddrPortFrom(loopback, port)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the datagram is drained", func() bool {
		p.sweep(c.now())
		return p.Stats().Stale == before+1
	})
}

func TestPortsStayBoundUntilQuiet(t *testing.T) {
	p, c := restingRange(t, 4)
	pr := mustOpen(t, p)
	mustClose(t, p, pr)
	if st := p.Stats(); st.InUse != 0 || st.Quarantined != 1 || st.Capacity != 4 || !bound(pr.port) || !bound(pr.port+1) {
		t.Errorf("after the call: %+v", st)
	}
	for _, port := range []uint16{pr.port, pr.port + 1} { // RTP or RTCP: it is not quiet
		c.pass(restQuiet - time.Second)
		knockOn(t, p, c, port)
	}
	c.pass(restQuiet - 1)
	if p.sweep(c.now()); p.Stats().Quarantined != 1 {
		t.Error("freed before it was quiet")
	}
	c.pass(1)
	if p.sweep(c.now()) || p.Stats().Quarantined != 0 || bound(pr.port) || bound(pr.port+1) {
		t.Errorf("still not free: %+v", p.Stats())
	}
}

// A far end that never stops does not keep the pair for ever.
func TestQuarantineEnds(t *testing.T) {
	p, c := restingRange(t, 4)
	pr := mustOpen(t, p)
	mustClose(t, p, pr)
	for range restMost/(4*time.Second) - 1 {
		c.pass(4 * time.Second)
		knockOn(t, p, c, pr.port)
	}
	if p.Stats().Quarantined != 1 {
		t.Fatal("freed while the far end talks")
	}
	c.pass(4 * time.Second)
	if p.sweep(c.now()); p.Stats().Quarantined != 0 {
		t.Error("still not free")
	}
}

// Rather a short quarantine than a refused call; and then the pair that is quiet for
// longest.
func TestQuarantineGivesWayToCalls(t *testing.T) {
	p, c, open := takenRange(t)
	for _, pr := range open {
		mustClose(t, p, pr)
		c.pass(time.Second)
	}
	knockOn(t, p, c, open[0].port)
	for i := range open {
		want := open[(i+1)%len(open)].port
		if pr := mustOpen(t, p); pr.port != want {
			t.Errorf("call %d got %d, want %d", i, pr.port, want)
		} else {
			defer mustClose(t, p, pr)
		}
	}
	if _, err := p.open(); !errors.Is(err, ErrNoPorts) {
		t.Errorf("with all in use: %v", err)
	}
	if st := p.Stats(); st.Hurried != uint64(len(open)) || st.Quarantined != 0 {
		t.Errorf("%+v", st)
	}
}

// The free ports are there and not to be had: another program sits on them.
func TestQuarantineGivesWayWhenOthersSitOnTheRest(t *testing.T) {
	p, _ := restingRange(t, 3)
	pr := mustOpen(t, p)
	mustClose(t, p, pr)
	p.listen = func(bind netip.Addr, port uint16) (*net.UDPConn, error) {
		if port&^1 != pr.port {
			return nil, syscall.EADDRINUSE
		}
		return listenUDP(bind, port)
	}
	again := mustOpen(t, p)
	if again.port != pr.port {
		t.Errorf("port %d, want %d", again.port, pr.port)
	}
	mustClose(t, p, again)
}

// Descriptors that rest are given to calls that need them.
func TestQuarantineGivesUpDescriptors(t *testing.T) {
	p, _ := restingRange(t, 8)
	for range 3 {
		defer mustClose(t, p, mustOpen(t, p))
	}
	for _, pr := range []pair{mustOpen(t, p), mustOpen(t, p)} {
		mustClose(t, p, pr)
	}
	p.listen = func(bind netip.Addr, port uint16) (*net.UDPConn, error) {
		if p.Stats().Quarantined > 0 {
			return nil, syscall.EMFILE
		}
		return listenUDP(bind, port)
	}
	defer mustClose(t, p, mustOpen(t, p))
	p.listen = func(netip.Addr, uint16) (*net.UDPConn, error) { return nil, syscall.EMFILE }
	if _, err := p.open(); !errors.Is(err, syscall.EMFILE) {
		t.Errorf("with nothing at rest: %v", err)
	}
	if st := p.Stats(); st.Hurried != 2 || st.InUse != 4 {
		t.Errorf("%+v", st)
	}
}

func TestQuarantineIsBounded(t *testing.T) {
	p, c := restingRange(t, 10)
	p.most = 2
	var open []pair
	for range 4 {
		open = append(open, mustOpen(t, p))
	}
	for _, pr := range open {
		mustClose(t, p, pr)
		c.pass(time.Second)
	}
	if st := p.Stats(); st.Quarantined != 2 || st.Hurried != 2 || bound(open[0].port) || !bound(open[3].port) {
		t.Errorf("%+v", st)
	}
}

// What the far end of the last call sends, and what it had sent already, is not heard in
// the next one on the same port.
func TestNextCallHearsNothingOfTheLast(t *testing.T) {
	p := portRange(t, 1)
	pacer := NewPacer()
	defer pacer.Close()
	call := func() *Session {
		s, err := Open(Config{Ports: p, Pacer: pacer})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	first := call()
	phone := newUDPPhone(t, "127.0.0.1", first, 1)
	first.Close()
	for i := range 50 {
		phone.send(voice(i, 160))
	}
	second := call()
	defer second.Close()
	other := newUDPPhone(t, "127.0.0.1", second, 2)
	if err := second.Start(Params{Law: transcode.PCMU, Remote: other.addr(), EventPT: -1}); err != nil {
		t.Fatal(err)
	}
	other.send(voice(1, 160))
	other.send(voice(1, 160))
	eventually(t, "the phone is heard", func() bool { return second.Stats().PacketsIn == 2 })
	if st := second.Stats(); st.Foreign+st.Probation+st.PreAnswer != 2 {
		t.Errorf("%+v", st)
	}
}

// The reaper works by itself, and leaves when there is nothing to do.
func TestReaperComesAndGoes(t *testing.T) {
	p, c := restingRange(t, 4)
	for range 3 {
		mustClose(t, p, mustOpen(t, p))
		p.mu.Lock()
		running := p.reaping
		p.mu.Unlock()
		if !running {
			t.Fatal("nobody watches the pair")
		}
		c.pass(restQuiet)
		eventually(t, "the pair is free", func() bool { return p.Stats().Quarantined == 0 })
		p.reaper.Wait() // it leaves without Close
	}
}

func TestCloseEndsQuarantine(t *testing.T) {
	p := portRange(t, 4)
	running, ended := mustOpen(t, p), mustOpen(t, p)
	mustClose(t, p, ended)
	p.Close()
	p.Close()
	if st := p.Stats(); st.Quarantined != 0 || st.InUse != 1 || bound(ended.port) || !bound(running.port) {
		t.Errorf("%+v", st)
	}
	mustClose(t, p, running)
	if st := p.Stats(); st.Quarantined != 0 || st.InUse != 0 || bound(running.port) {
		t.Errorf("after the last call: %+v", st)
	}
}

func TestPortsOfTheSystemDoNotRest(t *testing.T) {
	p, err := NewPorts(loopback, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	pr := mustOpen(t, p)
	mustClose(t, p, pr)
	if st := p.Stats(); st != (PortStats{}) {
		t.Errorf("%+v", st)
	}
}

// Thousands of calls from several sides, more than the range holds.
func TestPortsUnderLoad(t *testing.T) {
	p, c := restingRange(t, 12)
	var wg sync.WaitGroup
	var calls, refused atomic.Int64
	for range 8 {
		wg.Go(func() {
			for range 500 {
				pr, err := p.open()
				if errors.Is(err, ErrNoPorts) {
					refused.Add(1)
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				calls.Add(1)
				c.pass(10 * time.Millisecond)
				if err := p.close(pr); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if st := p.Stats(); st.InUse != 0 || st.Quarantined > 12 || calls.Load() < 3000 {
		t.Errorf("%d calls, %d refused: %+v", calls.Load(), refused.Load(), st)
	}
	c.pass(restQuiet)
	eventually(t, "all are free", func() bool { return p.Stats().Quarantined == 0 })
}

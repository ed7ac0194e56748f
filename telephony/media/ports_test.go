package media

import (
	"errors"
	"net"
	"net/netip"
	"testing"
)

var loopback = netip.MustParseAddr("127.0.0.1")

func TestNewPortsRefuses(t *testing.T) {
	for _, c := range [][2]int{{1, 2}, {0, 10}, {2000, 1999}, {2000, 2000}, {2001, 2002}, {65535, 65535}, {60000, 70000}, {-2, 4000}} {
		if _, err := NewPorts(loopback, c[0], c[1]); err == nil {
			t.Errorf("%d-%d was accepted", c[0], c[1])
		}
	}
	if _, err := NewPorts(netip.Addr{}, 0, 0); err == nil {
		t.Error("no address was accepted")
	}
}

func TestPortsCapacity(t *testing.T) {
	for _, c := range []struct{ first, last, want int }{
		{2000, 2001, 1}, {2001, 2003, 1}, {2000, 2002, 1}, {2001, 2004, 1}, {2000, 2099, 50}, {65534, 65535, 1}, {0, 0, 0},
	} {
		p, err := NewPorts(loopback, c.first, c.last)
		if err != nil || p.Capacity() != c.want {
			t.Errorf("%d-%d: capacity %v, %v", c.first, c.last, p.Capacity(), err)
		}
	}
}

// portRange finds n free pairs in a row by asking the system for one port after
// another; whoever takes one meanwhile only makes the allocator skip it.
func portRange(t *testing.T, pairs int) *Ports {
	t.Helper()
	c, err := listenUDP(loopback, 0)
	if err != nil {
		t.Fatal(err)
	}
	port := c.LocalAddr().(*net.UDPAddr).Port
	c.Close()
	first := min(port&^1, 65536-2*pairs)
	p, err := NewPorts(loopback, first, first+2*pairs-1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Close()
		if p.count != p.total || p.InUse() != 0 {
			t.Errorf("%d of %d pairs are free, %d in use", p.count, p.total, p.InUse())
		}
	})
	return p
}

func TestPortsAreEvenAndUnique(t *testing.T) {
	p := portRange(t, 100)
	seen := map[uint16]bool{}
	var open []pair
	for {
		pr, err := p.open()
		if errors.Is(err, ErrNoPorts) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if pr.port%2 != 0 || seen[pr.port] {
			t.Fatalf("port %d is odd or given twice", pr.port)
		}
		if got := pr.rtcp.LocalAddr().(*net.UDPAddr).Port; got != int(pr.port)+1 {
			t.Fatalf("RTCP of %d on %d", pr.port, got)
		}
		seen[pr.port] = true
		open = append(open, pr)
	}
	if len(open) < 50 || p.InUse() != len(open) {
		t.Errorf("%d pairs open, %d in use of 100", len(open), p.InUse())
	}
	for _, pr := range open {
		if err := p.close(pr); err != nil {
			t.Error(err)
		}
	}
	if p.InUse() != 0 {
		t.Errorf("%d in use after all were closed", p.InUse())
	}
}

// A pair that was given back is the last to be used again.
func TestPortsRestAfterUse(t *testing.T) {
	p := portRange(t, 20)
	first, err := p.open()
	if err != nil {
		t.Fatal(err)
	}
	p.close(first)
	for range 10 {
		pr, err := p.open()
		if err != nil {
			t.Fatal(err)
		}
		if pr.port == first.port {
			t.Fatal("the port was used again while others are free")
		}
		defer p.close(pr)
	}
}

func TestPortsSkipThoseTakenByOthers(t *testing.T) {
	p := portRange(t, 8)
	for range 4 { // another program sits on some of them
		other, ok := p.take()
		if !ok {
			t.Fatal("no port")
		}
		c, err := listenUDP(loopback, other)
		p.giveBack(other)
		if err == nil {
			defer c.Close()
		}
	}
	pr, err := p.open()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.close(pr); err != nil || p.InUse() != 0 {
		t.Errorf("%v, %d in use", err, p.InUse())
	}
}

func TestPortsOfTheSystem(t *testing.T) {
	p, err := NewPorts(loopback, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		pr, err := p.open()
		if err != nil {
			t.Fatal(err)
		}
		if pr.port == 0 || pr.port%2 != 0 {
			t.Fatalf("port %d", pr.port)
		}
		defer p.close(pr)
	}
	if p.InUse() != 50 {
		t.Errorf("%d in use", p.InUse())
	}
}

func TestPortsReportOtherErrors(t *testing.T) {
	p, err := NewPorts(netip.MustParseAddr("192.0.2.1"), 0, 0) // not ours
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.open(); err == nil || errors.Is(err, ErrNoPorts) {
		t.Errorf("got %v", err)
	}
	if p.InUse() != 0 {
		t.Errorf("%d in use", p.InUse())
	}
}

func TestPortsAreNotLeakedByAThousandCalls(t *testing.T) {
	p := portRange(t, 8)
	pacer := NewPacer()
	defer pacer.Close()
	for i := range 1000 {
		s, err := Open(Config{Ports: p, Pacer: pacer})
		if err != nil {
			t.Fatalf("call %d: %v", i, err)
		}
		if i%2 == 0 {
			if err := s.Start(Params{Remote: netip.AddrPortFrom(loopback, 9), EventPT: -1}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if p.InUse() != 0 || pacer.Streams() != 0 {
		t.Errorf("%d ports in use, %d streams", p.InUse(), pacer.Streams())
	}
}

func TestOpenWithoutPortsLeft(t *testing.T) {
	p := portRange(t, 1)
	pacer := NewPacer()
	defer pacer.Close()
	var open []*Session
	for range 2 {
		s, err := Open(Config{Ports: p, Pacer: pacer})
		if err != nil {
			if !errors.Is(err, ErrNoPorts) {
				t.Errorf("got %v", err)
			}
			continue
		}
		open = append(open, s)
	}
	if len(open) > 1 {
		t.Error("two calls on one pair")
	}
	for _, s := range open {
		s.Close()
	}
}

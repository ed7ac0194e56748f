package media

import (
	"net/netip"
	"testing"
	"time"
)

var (
	sameIP   = netip.MustParseAddrPort("192.0.2.1:5555")
	samePort = netip.MustParseAddrPort("198.51.100.1:4000")
)

// knock lets n packets in sequence arrive and returns how many came out.
func knock(l *latch, from netip.AddrPort, n int, now time.Duration) (out int) {
	for i := range n {
		if l.foreign(from, now) {
			continue
		}
		if l.proven(from) {
			out++
			continue
		}
		out += len(l.try(from, packet{ssrc: 1, seq: uint16(i), payload: []byte{byte(i)}}, now))
	}
	return out
}

func newTestLatch() *latch {
	l := newLatch(phoneAddr, unicast, 0)
	return &l
}

func TestLatchLosesNoPacketOfProbation(t *testing.T) {
	for _, c := range []struct {
		name string
		from netip.AddrPort
	}{{"exact", phoneAddr}, {"same address", sameIP}, {"same port", samePort}, {"any", strangerAddr}} {
		if out := knock(newTestLatch(), c.from, 10, 0); out != 10 {
			t.Errorf("%s: %d of 10 packets came through", c.name, out)
		}
	}
}

func TestLatchDeliversHeldPacketsIntact(t *testing.T) {
	l := newTestLatch()
	var got []heldPacket
	buf := make([]byte, 1)
	for i := range 3 {
		buf[0] = byte(i) // the read buffer is used again for each packet
		got = l.try(sameIP, packet{ssrc: 1, seq: 65534 + uint16(i), payload: buf}, time.Duration(i))
	}
	for i, h := range got {
		if h.payload[0] != byte(i) || h.seq != 65534+uint16(i) || h.at != time.Duration(i) {
			t.Errorf("packet %d came out as %+v", i, h)
		}
	}
	if len(got) != 3 {
		t.Errorf("%d packets", len(got))
	}
}

func TestLatchOrderOfRanks(t *testing.T) {
	order := []netip.AddrPort{strangerAddr, samePort, sameIP, phoneAddr}
	l := newTestLatch()
	for i, from := range order { // each takes over from the one before
		if out := knock(l, from, 5, time.Second); out != 5 {
			t.Errorf("%v got %d packets through", from, out)
		}
		for _, worse := range order[:i] {
			if out := knock(l, worse, 5, time.Second); out != 0 {
				t.Errorf("%v is still heard after %v", worse, from)
			}
		}
	}
	if out := knock(l, netip.MustParseAddrPort("192.0.2.1:6666"), 5, time.Second); out != 0 {
		t.Error("a second phone behind the same address was let in")
	}
}

func TestLatchNeedsSequenceAndOneSSRC(t *testing.T) {
	l := newTestLatch()
	for i, p := range []packet{
		{ssrc: 1, seq: 1}, {ssrc: 1, seq: 1}, {ssrc: 1, seq: 3}, {ssrc: 2, seq: 4}, {ssrc: 3, seq: 5}, {ssrc: 3, seq: 4},
	} {
		if l.try(phoneAddr, p, 0) != nil {
			t.Fatalf("proven by packet %d", i)
		}
	}
	if got := l.try(phoneAddr, packet{ssrc: 3, seq: 5}, 0); len(got) != 2 {
		t.Errorf("%d packets delivered", len(got))
	}
}

func TestLatchLearnsStrangersOnlyAtFirst(t *testing.T) {
	l := newTestLatch()
	late := learnWindow + time.Millisecond
	for _, from := range []netip.AddrPort{samePort, strangerAddr} {
		if out := knock(l, from, 5, late); out != 0 {
			t.Errorf("%v was learnt late", from)
		}
	}
	for _, from := range []netip.AddrPort{sameIP, phoneAddr} {
		if out := knock(l, from, 5, late); out != 5 {
			t.Errorf("%v: %d packets", from, out)
		}
	}
}

func TestLatchHonoursTheAllowList(t *testing.T) {
	l := newLatch(phoneAddr, func(a netip.Addr) bool { return a != samePort.Addr() }, 0)
	if out := knock(&l, samePort, 5, 0); out != 0 {
		t.Error("a forbidden address was learnt")
	}
	if out := knock(&l, strangerAddr, 5, 0); out != 5 {
		t.Error("an allowed address was not learnt")
	}
}

// Any number of strangers cannot keep the phone from proving itself.
func TestLatchUnderAFlood(t *testing.T) {
	l := newTestLatch()
	stranger := func(i int) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 1000)
	}
	for i := range 1000 {
		if l.try(stranger(i), packet{ssrc: uint32(i), seq: 1}, time.Duration(i)) != nil {
			t.Fatal("a stranger with one packet is proven")
		}
		if i == 500 {
			l.try(sameIP, packet{ssrc: 1, seq: 9}, time.Duration(i))
		}
	}
	l.try(sameIP, packet{ssrc: 1, seq: 10}, 1000)
	if got := l.try(sameIP, packet{ssrc: 1, seq: 11}, 1000); len(got) != 3 {
		t.Error("the phone was pushed out of its probation")
	}
}

func TestUnicast(t *testing.T) {
	for _, c := range []struct {
		addr string
		want bool
	}{{"192.0.2.1", true}, {"127.0.0.1", true}, {"2001:db8::1", true}, {"0.0.0.0", false}, {"::", false},
		{"224.0.0.1", false}, {"239.1.2.3", false}, {"ff02::1", false}, {"255.255.255.255", false}} {
		if got := unicast(netip.MustParseAddr(c.addr)); got != c.want {
			t.Errorf("unicast(%s) = %v", c.addr, got)
		}
	}
	if unicast(netip.Addr{}) {
		t.Error("no address is unicast")
	}
}

package supervisor

import (
	"io"
	"net"
	"net/netip"
	"testing"
)

func TestConnectionsAreBounded(t *testing.T) {
	proxy := netip.MustParseAddr("10.0.0.1")
	l := newConns(nil, []netip.Prefix{netip.PrefixFrom(proxy, 8)}, 0)
	enters := func(from netip.Addr, n int) (entered int) {
		for range n {
			if l.enter(from) {
				entered++
			}
		}
		return entered
	}
	a, b := v4(1), v4(2)
	if n := enters(a, 2000); n != maxSourceConns {
		t.Errorf("one address has %d", n)
	}
	if n := enters(b, 1); n != 1 {
		t.Error("another one has none")
	}
	if n := enters(proxy, 2000); n != maxConns-maxSourceConns-1 {
		t.Errorf("a proxy has %d", n)
	}
	if l.enter(v4(3)) {
		t.Errorf("one more than %d", maxConns)
	}
	l.leave(a)
	l.leave(b)
	if n := enters(a, 5); n != 1 {
		t.Errorf("%d after one has left", n)
	}
	if _, kept := l.sources[b]; kept {
		t.Error("an address without connections is kept")
	}
}

// A connection counts once, however often it is closed, and one beyond the limit is closed at once.
func TestConnectionsLeave(t *testing.T) {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := newConns(tcp, nil, 0)
	defer l.Close()
	l.total = maxConns - 1
	dial(t, l)
	second := dial(t, l)
	in, err := l.Accept()
	if err != nil || l.total != maxConns {
		t.Fatalf("%d connections, %v", l.total, err)
	}
	accepted := make(chan net.Conn, 1)
	go func() {
		c, _ := l.Accept() // closes the second one first
		accepted <- c
	}()
	if _, err := io.Copy(io.Discard, second); isTimeout(err) {
		t.Error("the one too many is kept waiting")
	}
	_, _ = in.Close(), in.Close()
	third := dial(t, l)
	if c := <-accepted; c == nil || c.RemoteAddr().String() != third.LocalAddr().String() {
		t.Errorf("%v is accepted", c)
	} else {
		_ = c.Close()
	}
	if l.total != maxConns-1 {
		t.Errorf("%d are counted when all have left", l.total)
	}
}

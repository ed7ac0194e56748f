package supervisor

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// How many connections there may be. A browser has six at most over HTTP/1.1, and an office shares an address.
const (
	maxConns       = 1024
	maxSourceConns = 256 // from one address that is neither a proxy nor this machine
)

// conns is a listener that closes connections beyond its limits at once: to let them wait would let those who hold the
// others hold everybody.
type conns struct {
	net.Listener // static, like the others down to mu
	proxies      []netip.Prefix
	stalled      time.Duration

	mu      sync.Mutex
	total   int
	sources map[netip.Addr]int
}

func newConns(ln net.Listener, proxies []netip.Prefix, stalled time.Duration) *conns {
	return &conns{Listener: ln, proxies: proxies, stalled: stalled, sources: map[netip.Addr]int{}}
}

// Accept returns the next connection within the limits.
func (l *conns) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := addrOf(c.RemoteAddr().String())
		if l.enter(from) {
			return &conn{Conn: c, stalled: l.stalled, leave: sync.OnceFunc(func() { l.leave(from) })}, nil
		}
		_ = c.Close() // nobody has seen it
	}
}

func (l *conns) enter(from netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	shared := from.IsLoopback() || within(from, l.proxies)
	if l.total >= maxConns || !shared && l.sources[from] >= maxSourceConns {
		return false
	}
	l.total++
	l.sources[from]++
	return true
}

func (l *conns) leave(from netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total--
	if l.sources[from]--; l.sources[from] == 0 {
		delete(l.sources, from)
	}
}

// conn gives up a client that takes nothing any more. An answer as a whole may last: a transcript is followed, a
// recording is heard while it comes.
type conn struct {
	net.Conn
	stalled time.Duration
	leave   func()
}

func (c *conn) Write(p []byte) (int, error) {
	_ = c.SetWriteDeadline(time.Now().Add(c.stalled)) // fails when closed, as the write does then
	return c.Conn.Write(p)
}

func (c *conn) Close() error {
	c.leave()
	return c.Conn.Close()
}

// addrOf is the address in HOST:PORT.
func addrOf(hostPort string) netip.Addr {
	ap, _ := netip.ParseAddrPort(hostPort)
	return ap.Addr().Unmap().WithZone("")
}

func within(addr netip.Addr, nets []netip.Prefix) bool {
	for _, n := range nets {
		if n.Contains(addr) {
			return true
		}
	}
	return false
}

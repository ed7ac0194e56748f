package sipua

import (
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"
)

// udpListener is the socket as sipgo sees it: only admitted datagrams, no errors but
// the final one.
//
// sipgo keeps an entry for every address and port it ever heard and never drops one;
// ending its reader is the only way to empty that table. So after timing.maxSources
// addresses the listener claims to be closed and serve starts a new reader on the same
// socket; the kernel keeps what arrives in between.
//
// A request that finds no entry for its source makes sipgo open a second socket, which
// then answers from a wrong port and is never closed. So before a reader ends, its
// entries are handed over to spare, which stays in the table until the reader after
// the next one.
type udpListener struct {
	*net.UDPConn     // static
	ua           *UA // static
	spare        *sip.UDPConnection
	closed       atomic.Bool

	// Owned by the reader.
	sources map[netip.AddrPort]struct{} // what sipgo's reader has entered
	handed  map[netip.AddrPort]struct{} // what spare holds
}

func newUDPListener(u *UA, c *net.UDPConn) *udpListener {
	_ = c.SetReadBuffer(1 << 20) // best effort: the kernel may give less
	l := &udpListener{UDPConn: c, ua: u, sources: make(map[netip.AddrPort]struct{})}
	l.spare = &sip.UDPConnection{PacketConn: l, PacketAddr: c.LocalAddr().String(), Listener: true}
	u.transport.Pool("udp").Add(l.spare.PacketAddr, l.spare) // for requests of ours before there is a reader
	return l
}

// serve runs sipgo's reader until the socket is closed.
func (l *udpListener) serve() {
	for !l.closed.Load() {
		_ = l.ua.transport.ServeUDP(l)
	}
}

// Close ends serve.
func (l *udpListener) Close() error {
	l.closed.Store(true)
	return l.UDPConn.Close()
}

// ReadFrom returns the next datagram of an admitted source. Any other error than a
// closed socket would end sipgo's reader for good, so it is waited out here.
func (l *udpListener) ReadFrom(b []byte) (int, net.Addr, error) {
	for len(l.sources) < l.ua.timing.maxSources {
		n, src, err := l.ReadFromUDPAddrPort(b)
		if err != nil {
			if l.closed.Load() || errors.Is(err, net.ErrClosed) {
				break
			}
			l.ua.counters.listenErrors.Add(1)
			time.Sleep(l.ua.timing.retryListener)
			continue
		}
		src = netip.AddrPortFrom(src.Addr().Unmap(), src.Port())
		if l.admits(src, b[:n]) && l.readable(src, b[:n]) {
			l.sources[src] = struct{}{}
			return n, net.UDPAddrFromAddrPort(src), nil
		}
	}
	l.handOver()
	return 0, nil, net.ErrClosed
}

// handOver puts spare in the place of the reader that is about to end, and takes it out
// of where it was put the last time.
func (l *udpListener) handOver() {
	pool := l.ua.transport.Pool("udp")
	for src := range l.handed {
		_ = pool.CloseAndDelete(l.spare, src.String()) // closes nothing: the socket is a listener's
	}
	for src := range l.sources {
		pool.Add(src.String(), l.spare)
	}
	pool.Add(l.spare.PacketAddr, l.spare)
	l.handed, l.sources = l.sources, make(map[netip.AddrPort]struct{})
}

func (l *udpListener) admits(src netip.AddrPort, data []byte) bool {
	admission := l.ua.cfg.Admit(Source{Addr: src, Transport: "udp"})
	switch admission.Verdict {
	case Allow:
		return l.ua.floods.pass(peerKey(admission, src, "udp"), data)
	case Forbid:
		l.ua.refused(src, "udp")
		if to, res, ok := l.ua.forbid(data, src, "UDP"); ok {
			_, _ = l.WriteToUDPAddrPort(res, to)
		}
	default:
		l.ua.refused(src, "udp")
	}
	return false
}

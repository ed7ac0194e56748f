package sipua

import (
	"errors"
	"net"
	"time"
)

// tcpListener is a listener as sipgo sees it: admitted connections only, and no error
// but the final one.
type tcpListener struct {
	net.Listener // static until Serve
	ua           *UA
	last         *conn // owned by Accept: what it returned last
}

// Accept returns the next connection worth serving. When sipgo asks for it, it has put
// the one before into its pool.
func (l *tcpListener) Accept() (net.Conn, error) {
	if l.last != nil {
		close(l.last.taken)
		l.last = nil
	}
	for {
		c, err := l.ua.accept(l.Listener)
		if err != nil {
			return nil, err
		}
		if l.last = l.ua.admitTCP(c); l.last != nil {
			return l.last, nil
		}
	}
}

// accept returns the next connection of l. Errors such as "too many open files" pass,
// so they are waited out: sipgo would stop listening. Only a closed listener is an end.
func (u *UA) accept(l net.Listener) (net.Conn, error) {
	for {
		c, err := l.Accept()
		switch {
		case err == nil:
			mark(c)
			return c, nil
		case errors.Is(err, net.ErrClosed):
			return nil, err
		}
		u.counters.listenErrors.Add(1)
		time.Sleep(u.timing.retryListener)
	}
}

// admitTCP wraps an accepted connection, or ends it and returns nil.
func (u *UA) admitTCP(c net.Conn) *conn {
	src := Source{Addr: addrPort(c.RemoteAddr()), Transport: "tcp"}
	admission := u.screen(c, src)
	if admission.Verdict != Allow {
		return nil
	}
	w := u.conns.add(c, "tcp", false)
	if w == nil {
		u.counters.connsRefused.Add(1)
		_ = c.Close()
		return nil
	}
	w.meter = peerKey(admission, src.Addr, src.Transport)
	w.expect()
	return w
}

// screen decides about a connection and ends it when its peer is not admitted.
func (u *UA) screen(c net.Conn, src Source) Admission {
	admission := u.cfg.Admit(src)
	switch admission.Verdict {
	case Allow:
	case Forbid:
		u.refused(src.Addr, src.Transport)
		u.conns.forbid(c, src.Transport)
	default:
		u.refused(src.Addr, src.Transport)
		_ = c.Close()
	}
	return admission
}

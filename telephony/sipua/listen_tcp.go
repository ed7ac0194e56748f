package sipua

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// tcpListener is a listener as sipgo sees it: admitted connections only, and no error
// but the final one.
type tcpListener struct {
	net.Listener // static
	ua           *UA
}

// Accept returns the next connection worth serving. Errors such as "too many open
// files" pass, so they are waited out: sipgo would stop listening.
func (l *tcpListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil, err
		}
		if err != nil {
			l.ua.counters.listenErrors.Add(1)
			time.Sleep(l.ua.timing.retryListener)
			continue
		}
		if wrapped := l.ua.conns.admit(c); wrapped != nil {
			return wrapped, nil
		}
	}
}

// conns keeps the accepted connections within bounds.
type conns struct {
	ua      *UA           // static
	forbids chan struct{} // static; a slot for each stranger being told 403

	mu     sync.Mutex
	open   map[string]*tcpConn   // by remote address
	source map[netip.Addr]int    // connections of each source address
	guests map[net.Conn]struct{} // strangers being told 403
	wg     sync.WaitGroup        // one for each open connection and each stranger
	closed bool
}

func newConns(u *UA) *conns {
	return &conns{ua: u, forbids: make(chan struct{}, 8),
		open: make(map[string]*tcpConn), source: make(map[netip.Addr]int), guests: make(map[net.Conn]struct{})}
}

// admit wraps c, or closes it and returns nil.
func (t *conns) admit(c net.Conn) net.Conn {
	src := addrPort(c.RemoteAddr())
	switch t.ua.cfg.Admit(src, "tcp").Verdict {
	case Allow:
		if wrapped := t.add(c, src); wrapped != nil {
			return wrapped
		}
		t.ua.counters.connsRefused.Add(1)
		_ = c.Close()
	case Forbid:
		t.ua.refused(src, "tcp")
		t.forbid(c)
	default:
		t.ua.refused(src, "tcp")
		_ = c.Close()
	}
	return nil
}

func (t *conns) add(c net.Conn, src netip.AddrPort) net.Conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	limit := t.ua.cfg.MaxConns
	if t.closed || len(t.open) >= limit || t.source[src.Addr()] >= max(limit/4, 1) {
		return nil
	}
	w := &tcpConn{Conn: c, conns: t, key: c.RemoteAddr().String(), src: src.Addr(),
		pending: time.Now(), patience: t.ua.timing.firstMessage}
	t.open[w.key] = w
	t.source[w.src]++
	t.wg.Add(1)
	return w
}

// forbid answers a stranger in a goroutine of its own, if one of the few slots is free.
func (t *conns) forbid(c net.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		_ = c.Close()
		return
	}
	select {
	case t.forbids <- struct{}{}:
		t.guests[c] = struct{}{}
		t.wg.Go(func() {
			t.ua.forbidConn(c)
			t.mu.Lock()
			delete(t.guests, c)
			t.mu.Unlock()
			<-t.forbids
		})
	default:
		_ = c.Close()
	}
}

func (t *conns) remove(c *tcpConn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.open, c.key)
	if t.source[c.src]--; t.source[c.src] <= 0 {
		delete(t.source, c.src)
	}
	t.wg.Done()
}

// complete notes that a whole message was read from the connection.
func (t *conns) complete(key string) {
	t.mu.Lock()
	c := t.open[key]
	t.mu.Unlock()
	if c != nil {
		c.pending = time.Time{}
	}
}

// close ends every connection and waits for their readers.
func (t *conns) close() {
	t.mu.Lock()
	t.closed = true
	var all []net.Conn
	for _, c := range t.open {
		all = append(all, c)
	}
	for c := range t.guests {
		all = append(all, c)
	}
	t.mu.Unlock()
	for _, c := range all {
		_ = c.Close()
	}
	t.wg.Wait()
}

func (t *conns) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.open)
}

// tcpConn watches a connection for peers that dribble or sleep. A message that began
// must be complete in time; without calls the connection may not stay silent for ever.
type tcpConn struct {
	net.Conn // static
	conns    *conns
	key      string
	src      netip.Addr
	once     sync.Once

	// Owned by sipgo's reader, which also calls complete.
	pending  time.Time     // when the message being read began, zero between messages
	patience time.Duration // how long it may take
}

// Read implements net.Conn. A peer that is too slow looks like a closed connection.
func (c *tcpConn) Read(b []byte) (int, error) {
	for {
		limit := time.Now().Add(c.conns.ua.timing.idleConn)
		if !c.pending.IsZero() {
			limit = c.pending.Add(c.patience)
		}
		_ = c.SetReadDeadline(limit)
		n, err := c.Conn.Read(b)
		if n > 0 {
			c.began(b[:n])
			return n, nil
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return 0, err
		}
		if c.pending.IsZero() && c.conns.ua.registry.uses("tcp", c.key) {
			c.conns.ua.counters.connsSpared.Add(1)
			continue // quiet because people are talking
		}
		c.conns.ua.counters.connsTimedOut.Add(1)
		return 0, net.ErrClosed
	}
}

// began starts the clock of a message at its first byte; keep-alives are not one.
func (c *tcpConn) began(b []byte) {
	if c.pending.IsZero() && len(bytes.Trim(b, "\r\n\x00")) > 0 {
		c.pending, c.patience = time.Now(), c.conns.ua.timing.wholeMessage
	}
}

// Close implements net.Conn.
func (c *tcpConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() { c.conns.remove(c) })
	return err
}

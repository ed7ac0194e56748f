package sipua

import (
	"bytes"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// conn watches a TCP or TLS connection for peers that dribble, sleep, or do not read. A
// message that began must be complete in time, and so must be a write; without calls
// the connection may not stay silent for ever.
type conn struct {
	net.Conn // static: TCP or *tls.Conn
	conns    *conns
	key      connKey
	src      netip.Addr    // of an accepted connection
	dialled  bool          // we opened it
	names    []string      // verified names of a TLS peer; set before sipgo gets the connection
	meter    meterKey      // who it counts for, set like names
	taken    chan struct{} // closed when sipgo has put the connection into its pool
	over     chan struct{} // closed when the connection is
	once     sync.Once

	doubtful bool        // guarded by conns.mu
	ending   atomic.Bool // nothing more will be read
	dealing  atomic.Bool // sipgo's reader has bytes to deal with
	brief    atomic.Bool // dialled for one request: nobody will miss it
	stuck    atomic.Bool // a write has failed

	writing sync.Mutex // one message at a time, each with a deadline of its own

	// Owned by sipgo's reader, which also calls complete.
	pending  time.Time     // when the message being read began, zero between messages
	patience time.Duration // how long it may take
	last     time.Time     // when the last whole message was read
	pause    time.Duration // what the next Read must wait, see arrive
}

func newConn(t *conns, c net.Conn, transport string) *conn {
	w := &conn{Conn: c, conns: t, key: keyOf(transport, c), taken: make(chan struct{}), over: make(chan struct{})}
	return w
}

// expect starts the clock of the first message.
func (c *conn) expect() {
	c.pending, c.patience = time.Now(), c.conns.ua.timing.firstMessage
}

// complete notes that a whole message was read.
func (c *conn) complete() { c.pending, c.last = time.Time{}, time.Now() }

// linger keeps a connection that the peer has ended for a moment, if a message was its
// last word: sipgo forgets a request whose connection is gone before its goroutine runs,
// and a BYE is often the last word. The peer may also have ended its own half only.
func (c *conn) linger(err error) {
	wait := c.conns.ua.timing.linger - time.Since(c.last)
	if wait <= 0 || !c.pending.IsZero() || errors.Is(err, net.ErrClosed) {
		return
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
	case <-c.over:
	}
}

// Read implements net.Conn. A peer that is too slow looks like a closed connection.
func (c *conn) Read(b []byte) (int, error) {
	c.dealing.Store(false)
	n, err := c.read(b)
	if err != nil {
		c.ending.Store(true)
		c.linger(err)
	}
	c.dealing.Store(err == nil)
	return n, err
}

func (c *conn) read(b []byte) (int, error) {
	if !c.rest() {
		return 0, net.ErrClosed
	}
	for {
		limit := time.Now().Add(c.idle())
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
		if c.pending.IsZero() && c.conns.ua.registry.uses(c.key.transport, c.key.remote) {
			c.conns.ua.counters.connsSpared.Add(1)
			continue // quiet because people are talking
		}
		c.conns.ua.counters.connsTimedOut.Add(1)
		return 0, net.ErrClosed
	}
}

// idle is how long the peer may be silent between messages.
func (c *conn) idle() time.Duration {
	if c.brief.Load() {
		return c.conns.ua.timing.idleBrief
	}
	return c.conns.ua.timing.idleConn
}

// rest makes a peer wait that sent too much: what it sends stays in its own buffers,
// and nothing is lost. False when the connection was closed meanwhile.
func (c *conn) rest() bool {
	wait := c.pause
	if wait <= 0 {
		return true
	}
	c.pause = 0
	if !c.pending.IsZero() {
		c.pending = c.pending.Add(wait) // not the peer's fault
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-c.over:
		return false
	}
}

// began starts the clock of a message at its first byte; keep-alives are not one.
func (c *conn) began(b []byte) {
	if c.pending.IsZero() && len(bytes.Trim(b, "\r\n\x00")) > 0 {
		c.pending, c.patience = time.Now(), c.conns.ua.timing.wholeMessage
	}
}

// Write implements net.Conn. A peer that does not read loses the connection: half a
// message is on its way, nothing can follow it.
func (c *conn) Write(b []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	_ = c.SetWriteDeadline(time.Now().Add(c.conns.ua.timing.write))
	n, err := c.Conn.Write(b)
	if err != nil && !c.stuck.Swap(true) {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			c.conns.ua.counters.connsTimedOut.Add(1)
		}
		_ = c.end()
	}
	return n, err
}

// Close implements net.Conn, for sipgo: it closes when reading has failed, or when it
// cannot make out the messages of what it read.
func (c *conn) Close() error {
	if c.dealing.Load() && !c.stuck.Load() {
		c.conns.ua.counters.malformed.Add(1)
	}
	return c.end()
}

// end closes the connection, for us.
func (c *conn) end() error {
	var err error
	if secure, ok := c.Conn.(*tls.Conn); ok && c.stuck.Load() {
		err = secure.NetConn().Close() // its goodbye would be stuck too
	} else {
		err = c.Conn.Close()
	}
	c.once.Do(func() {
		close(c.over)
		c.conns.remove(c)
	})
	return err
}

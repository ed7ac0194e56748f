package sipua

import (
	"net"
	"net/netip"
	"sync"
)

// connKey names a connection the way sipgo's pools do: by its remote address, in one
// pool for each transport.
type connKey struct{ transport, remote string }

func keyOf(transport string, c net.Conn) connKey {
	return connKey{transport, c.RemoteAddr().String()}
}

// conns keeps the connections, accepted and dialled, within bounds.
//
//	accepted ─► Config.Admit by address ─► add ─► (TLS handshake, Admit by name) ─► sipgo
//	dialled  ─► (TLS handshake) ─────────► addDialled ────────────────────────────► sipgo
type conns struct {
	ua      *UA           // static
	forbids chan struct{} // static; a slot for each stranger being told 403

	mu     sync.Mutex
	open   map[connKey]*conn
	source map[netip.Addr]int    // accepted connections of each source address
	doubts map[netip.Addr]int    // those of them that have yet to prove a name
	guests map[net.Conn]struct{} // strangers being told 403
	left   farewells
	wg     sync.WaitGroup // one for each open connection, handshake and stranger
	closed bool
}

func newConns(u *UA) *conns {
	return &conns{ua: u, forbids: make(chan struct{}, 8),
		open: make(map[connKey]*conn), source: make(map[netip.Addr]int), doubts: make(map[netip.Addr]int),
		guests: make(map[net.Conn]struct{})}
}

// add takes an accepted connection in, or returns nil when there is no room: for all,
// for its source, or, if doubtful, for those who must still prove who they are. Those
// get an eighth of the room, so that they cannot take it from the known ones.
func (t *conns) add(c net.Conn, transport string, doubtful bool) *conn {
	w := newConn(t, c, transport)
	w.src, w.doubtful = addrPort(c.RemoteAddr()).Addr(), doubtful
	t.mu.Lock()
	defer t.mu.Unlock()
	limit := t.ua.cfg.MaxConns
	switch {
	case len(t.open) >= limit, t.source[w.src] >= max(limit/4, 1):
		return nil
	case doubtful && (total(t.doubts) >= max(limit/8, 1) || t.doubts[w.src] >= max(limit/32, 1)):
		return nil
	case !t.enterLocked(w):
		return nil
	}
	t.source[w.src]++
	if doubtful {
		t.doubts[w.src]++
	}
	return w
}

// addDialled takes in a connection that we opened; there is always room for those.
func (t *conns) addDialled(c net.Conn, names []string, meter meterKey) *conn {
	w := newConn(t, c, meter.transport)
	w.dialled, w.names, w.meter = true, names, meter
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.enterLocked(w) {
		return nil
	}
	return w
}

// enterLocked is false when all is over, or when a connection of the same remote address
// is there: sipgo could not tell them apart, and would answer one on the other. One that
// the peer has ended makes room.
func (t *conns) enterLocked(w *conn) bool {
	if old := t.open[w.key]; t.closed || old != nil && !old.ending.Load() {
		return false
	}
	t.open[w.key] = w
	t.wg.Add(1)
	return true
}

func total(counts map[netip.Addr]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

// proved ends the doubts about a connection.
func (t *conns) proved(w *conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.provedLocked(w)
}

func (t *conns) provedLocked(w *conn) {
	if w.doubtful {
		w.doubtful = false
		countDown(t.doubts, w.src)
	}
}

func countDown(counts map[netip.Addr]int, a netip.Addr) {
	if counts[a]--; counts[a] <= 0 {
		delete(counts, a)
	}
}

// remove is called once for each connection, when it is closed.
func (t *conns) remove(w *conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open[w.key] == w {
		delete(t.open, w.key)
		t.left.note(w.key, w.names)
	}
	if !w.dialled {
		t.provedLocked(w)
		countDown(t.source, w.src)
	}
	t.wg.Done()
}

// join runs f in a goroutine that close waits for; false when it is too late.
func (t *conns) join(f func()) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.wg.Go(f)
	return true
}

// forbid answers a stranger in a goroutine of its own, if one of the few slots is free.
func (t *conns) forbid(c net.Conn, transport string) {
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
			t.ua.forbidConn(c, transport)
			t.mu.Lock()
			delete(t.guests, c)
			t.mu.Unlock()
			<-t.forbids
		})
	default:
		_ = c.Close()
	}
}

// find returns an open connection or nil.
func (t *conns) find(key connKey) *conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.open[key]
}

// usable is find for those who want to send.
func (t *conns) usable(key connKey) *conn {
	if w := t.find(key); w != nil && !w.ending.Load() {
		return w
	}
	return nil
}

// names are the verified names of the peer of a connection that is open, or was a short
// while ago: a BYE may be handled when its sender has hung up the connection too.
func (t *conns) names(key connKey) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if w := t.open[key]; w != nil {
		return w.names
	}
	return t.left.names[key]
}

// close ends every connection and waits for their goroutines. Closing TLS says goodbye,
// which may take seconds with a peer that does not read, so all are closed at once.
func (t *conns) close() {
	t.mu.Lock()
	t.closed = true
	for _, w := range t.open {
		t.wg.Go(func() { _ = w.end() })
	}
	for c := range t.guests {
		t.wg.Go(func() { _ = c.Close() })
	}
	t.mu.Unlock()
	t.wg.Wait()
}

func (t *conns) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.open)
}

// farewells remembers the names of the connections that were closed last.
type farewells struct {
	names map[connKey][]string
	order []connKey // oldest first
}

// maxFarewells bounds them; a request is handled within milliseconds.
const maxFarewells = 256

// note also forgets an older connection of the same address that had another name.
func (f *farewells) note(key connKey, names []string) {
	if len(names) == 0 {
		delete(f.names, key)
		return
	}
	if f.names == nil {
		f.names = make(map[connKey][]string)
	}
	f.names[key] = names
	f.order = append(f.order, key)
	if len(f.order) > maxFarewells {
		delete(f.names, f.order[0])
		f.order = f.order[1:]
	}
}

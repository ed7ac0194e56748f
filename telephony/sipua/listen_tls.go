package sipua

import (
	"context"
	"crypto/tls"
	"net"
)

// tlsListener accepts connections and hands them to sipgo once they have shaken hands.
// Each handshake runs in a goroutine of its own, under a deadline: a peer that is slow,
// or says nothing, keeps nobody waiting.
//
//	accept ─► by address: known, or a certificate may be shown? ─► handshake ─► by name ─► inbox
type tlsListener struct {
	net.Listener // static until Serve
	ua           *UA
}

// serve accepts until the listener is closed.
func (l *tlsListener) serve() {
	for {
		c, err := l.ua.accept(l.Listener)
		if err != nil {
			return
		}
		l.ua.greet(c)
	}
}

// greet decides about a connection by its address and starts the handshake. When we ask
// for certificates an unknown address is no reason yet to refuse: such a peer gets one
// of a few places and the handshake to say who it is.
func (u *UA) greet(c net.Conn) {
	src := Source{Addr: addrPort(c.RemoteAddr()), Transport: "tls"}
	secure := tls.Server(c, u.tls.server())
	doubtful := u.cfg.Admit(src).Verdict != Allow
	if doubtful && !u.greetings.take() { // a handshake is dear: it must not become a weapon
		u.counters.connsRefused.Add(1)
		_ = c.Close()
		return
	}
	if doubtful && !u.tls.asks() {
		u.screen(secure, src)
		return
	}
	w := u.conns.add(secure, "tls", doubtful)
	if w == nil {
		u.counters.connsRefused.Add(1)
		_ = c.Close()
		return
	}
	w.expect()
	if !u.conns.join(func() { u.welcome(w, secure, src) }) {
		_ = w.end()
	}
}

// welcome shakes hands, decides by the name that was proved, and lets the peer in.
func (u *UA) welcome(w *conn, secure *tls.Conn, src Source) {
	if err := u.shake(context.Background(), secure); err != nil {
		u.handshakeFailed(src.Addr, err)
		_ = w.end()
		return
	}
	w.names = peerNames(secure)
	src.TLSNames = w.names
	admission := u.cfg.Admit(src)
	if admission.Verdict != Allow {
		u.refused(src.Addr, src.Transport)
		if admission.Verdict == Forbid {
			u.forbidConn(secure, src.Transport)
		}
		_ = w.end()
		return
	}
	w.meter = peerKey(admission, src.Addr, src.Transport)
	u.conns.proved(w)
	if !u.inboxes["tls"].put(w) {
		_ = w.end()
	}
}

// shake does the handshake within its time.
func (u *UA) shake(ctx context.Context, c *tls.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, u.timing.handshake)
	defer cancel()
	return c.HandshakeContext(ctx)
}

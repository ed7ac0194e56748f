package sipua

import (
	"crypto/tls"
	"syscall"
	"testing"
)

// tos reads the mark of a socket back.
func tos(t *testing.T, c any, level, option int) (value int) {
	t.Helper()
	if secure, ok := c.(*tls.Conn); ok {
		c = secure.NetConn()
	}
	raw, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if e := raw.Control(func(fd uintptr) { value, err = syscall.GetsockoptInt(int(fd), level, option) }); e != nil || err != nil {
		t.Fatal(e, err)
	}
	return value
}

func wantMark(t *testing.T, what string, c any, v6 bool) {
	t.Helper()
	level, option := syscall.IPPROTO_IP, syscall.IP_TOS
	if v6 {
		level, option = syscall.IPPROTO_IPV6, syscall.IPV6_TCLASS
	}
	if got := tos(t, c, level, option); got != 0x60 {
		t.Errorf("%s: TOS %#x, want CS3, 0x60", what, got)
	}
}

// Everything that carries signalling is marked CS3, also the IPv4 half of sockets of
// both families.
func TestSignallingIsMarked(t *testing.T) {
	ca := newAuthority(t)
	u := start(t, Config{Listen: []string{"udp://127.0.0.1:0", "udp://[::1]:0", "udp://:0", "tcp://127.0.0.1:0", "tls://[::1]:0"}, TLS: ca.server()})
	wantMark(t, "UDP", u.udp[0].UDPConn, false)
	wantMark(t, "UDP of IPv6", u.udp[1].UDPConn, true)
	wantMark(t, "UDP of both", u.udp[2].UDPConn, true)
	wantMark(t, "UDP of both", u.udp[2].UDPConn, false)
	wantMark(t, "TCP listener", u.tcp[0].Listener, false)
	p := dial(t, "tcp", u.listening("tcp"))
	p.want(200, "1 OPTIONS", p.request("OPTIONS", 1, "", ""))
	wantMark(t, "accepted TCP", u.conns.find(connKey{"tcp", p.conn.LocalAddr().String()}).Conn, false)
	q := mustDialTLS(t, u.listening("tls"), ca.client(""))
	q.want(200, "1 OPTIONS", q.request("OPTIONS", 1, "", ""))
	wantMark(t, "accepted TLS", u.conns.find(connKey{"tls", q.conn.LocalAddr().String()}).Conn, true)
	s := newServer(t, "tcp", "127.0.0.1:0", nil)
	done := make(chan error, 1)
	go func() {
		done <- u.connect(t.Context(), hop{transport: "tcp", addr: addrPort(s.Addr())}, false)
	}()
	s.take()
	if err := recv(t, done); err != nil {
		t.Fatal(err)
	}
	wantMark(t, "TCP of ours", u.conns.find(connKey{"tcp", s.Addr().String()}).Conn, false)
}

// reuse lets a socket of the test's share an address.
func reuse(_, _ string, raw syscall.RawConn) error {
	return raw.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1) })
}

package sipua

import (
	"context"
	"syscall"
)

// dscpCS3 marks signalling (RFC 4594 §4.2.1), in the TOS byte.
const dscpCS3 = 24 << 2

// mark marks what a socket sends as signalling. The mark is a wish: a system that
// refuses it carries the call all the same.
func mark(c any) {
	if s, ok := c.(syscall.Conn); ok {
		if raw, err := s.SyscallConn(); err == nil {
			markRaw(raw)
		}
	}
}

// markRaw sets both options: a socket of IPv6 that also serves IPv4 has two, and the one
// that does not apply is refused.
func markRaw(raw syscall.RawConn) {
	_ = raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, syscall.IP_TOS, dscpCS3)
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IPV6, syscall.IPV6_TCLASS, dscpCS3)
	})
}

// markDialled is for net.Dialer, so that the first packet is marked too.
func markDialled(_ context.Context, _, _ string, raw syscall.RawConn) error {
	markRaw(raw)
	return nil
}

// markListener is for net.ListenConfig.
func markListener(_, _ string, raw syscall.RawConn) error {
	markRaw(raw)
	return nil
}

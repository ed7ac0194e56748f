package media

import (
	"net"
	"net/netip"
	"syscall"
	"testing"
)

// Both sockets of a call are marked as voice, in either family.
func TestSocketsAreMarked(t *testing.T) {
	for _, c := range []struct {
		bind          netip.Addr
		level, option int
	}{
		{loopback, syscall.IPPROTO_IP, syscall.IP_TOS},
		{netip.IPv6Loopback(), syscall.IPPROTO_IPV6, syscall.IPV6_TCLASS},
	} {
		p, err := NewPorts(c.bind, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		pr := mustOpen(t, p)
		defer mustClose(t, p, pr)
		for _, conn := range []*net.UDPConn{pr.rtp, pr.rtcp} {
			raw, err := conn.SyscallConn()
			if err != nil {
				t.Fatal(err)
			}
			mark := 0
			if err := raw.Control(func(fd uintptr) { mark, _ = syscall.GetsockoptInt(int(fd), c.level, c.option) }); err != nil || mark != dscpEF {
				t.Errorf("%v: marked %#x, %v", c.bind, mark, err)
			}
		}
	}
}

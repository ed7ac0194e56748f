package media

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
)

// Kernel buffers. RTP: 128 KiB hold a second of a 20 ms stream even with the
// kernel's overhead per packet, more than any stall we would want to catch up.
// RTCP is a packet in some seconds: the smallest buffer the kernel allows holds several.
const (
	rtpReadBuffer  = 128 << 10
	rtcpReadBuffer = 4 << 10
	dscpEF         = 46 << 2 // expedited forwarding (RFC 3246), in the TOS byte
)

func listenUDP(bind netip.Addr, port uint16) (*net.UDPConn, error) {
	network := "udp6"
	if bind.Is4() {
		network = "udp4"
	}
	return net.ListenUDP(network, net.UDPAddrFromAddrPort(netip.AddrPortFrom(bind, port)))
}

// tune sets buffers and marks our packets as voice. The mark is a wish: networks
// that do not honour it, and systems that refuse it, carry the call all the same.
func (p pair) tune() error {
	err := errors.Join(p.rtp.SetReadBuffer(rtpReadBuffer), p.rtcp.SetReadBuffer(rtcpReadBuffer))
	if err != nil {
		return errors.Join(err, p.rtp.Close(), p.rtcp.Close())
	}
	markVoice(p.rtp)
	markVoice(p.rtcp) // a round trip is measured in the class of the audio
	return nil
}

func markVoice(c *net.UDPConn) {
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	level, option := syscall.IPPROTO_IP, syscall.IP_TOS
	if c.LocalAddr().(*net.UDPAddr).IP.To4() == nil {
		level, option = syscall.IPPROTO_IPV6, syscall.IPV6_TCLASS
	}
	_ = raw.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), level, option, dscpEF) })
}

package sdp

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"
)

// parseRTCP reads "53020" and "53020 IN IP4 126.16.64.4" (RFC 3605 §2.1). Without an
// address, or with one that is a name, the stream's own address is meant: an invalid
// address is returned. A port that cannot be one is reported as 0.
func parseRTCP(arg string) (port int, addr netip.Addr) {
	f := strings.Fields(arg)
	if len(f) == 0 {
		return 0, netip.Addr{}
	}
	n, err := strconv.ParseUint(f[0], 10, 16)
	if err != nil {
		return 0, netip.Addr{}
	}
	if len(f) >= 4 {
		if a, err := netip.ParseAddr(f[3]); err == nil && a.Zone() == "" {
			addr = a.Unmap()
		}
	}
	return int(n), addr
}

// rtcp is where the sender of m wants RTCP, when it is not the port above RTP's.
func (m *Media) rtcp() netip.AddrPort {
	addr := m.RTCPAddr
	if !addr.IsValid() {
		addr = m.Addr
	}
	if m.RTCPPort == 0 || !addr.IsValid() {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(addr, uint16(m.RTCPPort))
}

// writeMux says that RTCP shares the port of RTP. It may stand in an answer only if it
// stood in the offer (RFC 5761 §5.1.1).
func writeMux(b *bytes.Buffer, n Negotiated) {
	if n.RTCPMux {
		b.WriteString("a=rtcp-mux\r\n")
	}
}

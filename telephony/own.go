package telephony

import (
	"net"
	"net/netip"

	"github.com/trunkline/trunkline/telephony/media"
)

// own knows which addresses and ports are ours. An offer that names one of them would
// have us talk to ourselves: into another call, or into the SIP socket.
type own struct {
	// Static.
	addrs       map[netip.Addr]bool // of this host's interfaces
	sip         map[uint16]bool     // ports that signalling listens on
	first, last int                 // RTP port range, 0 when the system chooses
	ports       []*media.Ports
}

func (s *Server) makeOwn() *own {
	o := &own{addrs: make(map[netip.Addr]bool), sip: make(map[uint16]bool), first: s.cfg.Media.FirstPort, last: s.cfg.Media.LastPort}
	found, _ := net.InterfaceAddrs() // without them the address of each call still counts
	for _, a := range found {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			o.addrs[p.Addr().Unmap()] = true
		}
	}
	for _, a := range s.ua.Addrs() {
		o.sip[a.Addr.Port()] = true
	}
	for _, p := range []*media.Ports{s.ports4, s.ports6} {
		if p != nil {
			o.ports = append(o.ports, p)
		}
	}
	return o
}

// has reports whether a is a socket of ours; local is the address that we call ourselves
// towards the caller's side, which a NAT may have given us.
func (o *own) has(a netip.AddrPort, local netip.Addr) bool {
	addr := a.Addr().Unmap()
	if addr != local.Unmap() && !addr.IsLoopback() && !o.addrs[addr] {
		return false
	}
	port := int(a.Port())
	if o.sip[a.Port()] || o.first > 0 && port >= o.first && port <= o.last {
		return true
	}
	for _, p := range o.ports {
		if p.Holds(a.Port()) {
			return true
		}
	}
	return false
}

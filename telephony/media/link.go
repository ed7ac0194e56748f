package media

import "net/netip"

// link is the session's network: a pair of sockets, or a test's memory.
type link interface {
	read(b []byte) (int, netip.AddrPort, error) // an error ends the session's reader
	write(b []byte, to netip.AddrPort) error
	port() int
	close() error
}

// sockets is the link of a real call.
type sockets struct {
	ports *Ports
	pair  pair
}

func openSockets(p *Ports) (link, error) {
	pr, err := p.open()
	if err != nil {
		return nil, err
	}
	return &sockets{ports: p, pair: pr}, nil
}

func (s *sockets) read(b []byte) (int, netip.AddrPort, error) {
	n, from, err := s.pair.rtp.ReadFromUDPAddrPort(b)
	return n, netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), err
}

// write never waits in practice: a socket that sends 50 packets a second does not
// fill its own send buffer of some hundred packets.
func (s *sockets) write(b []byte, to netip.AddrPort) error {
	_, err := s.pair.rtp.WriteToUDPAddrPort(b, to)
	return err
}

func (s *sockets) port() int { return int(s.pair.port) }

func (s *sockets) close() error { return s.ports.close(s.pair) }

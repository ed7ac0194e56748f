package media

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"time"
)

// link is the session's network: a pair of sockets, or a test's memory. The control
// methods are those of the RTCP port.
type link interface {
	read(b []byte) (int, netip.AddrPort, error)
	write(b []byte, to netip.AddrPort) error
	readControl(b []byte) (int, netip.AddrPort, error)
	writeControl(b []byte, to netip.AddrPort) error
	port() int
	interrupt()   // ends all reads with net.ErrClosed, now and later
	close() error // after the readers have left
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

func (s *sockets) read(b []byte) (int, netip.AddrPort, error) { return readUDP(s.pair.rtp, b) }

// write never waits in practice: a socket that sends 50 packets a second does not
// fill its own send buffer of some hundred packets.
func (s *sockets) write(b []byte, to netip.AddrPort) error {
	_, err := s.pair.rtp.WriteToUDPAddrPort(b, to)
	return err
}

func (s *sockets) readControl(b []byte) (int, netip.AddrPort, error) { return readUDP(s.pair.rtcp, b) }

func (s *sockets) writeControl(b []byte, to netip.AddrPort) error {
	_, err := s.pair.rtcp.WriteToUDPAddrPort(b, to)
	return err
}

func (s *sockets) port() int { return int(s.pair.port) }

// interrupt leaves the sockets open: after a call the ports stay bound for a while.
func (s *sockets) interrupt() {
	past := time.Unix(1, 0)
	_ = s.pair.rtp.SetReadDeadline(past) // fails on closed sockets only, which end reads too
	_ = s.pair.rtcp.SetReadDeadline(past)
}

func (s *sockets) close() error { return s.ports.close(s.pair) }

func readUDP(c *net.UDPConn, b []byte) (int, netip.AddrPort, error) {
	n, from, err := c.ReadFromUDPAddrPort(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = net.ErrClosed
	}
	return n, netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), err
}

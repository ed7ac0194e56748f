package sipua

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// parseListen reads "udp://127.0.0.1:5060" into network and address.
func parseListen(s string) (network, address string, err error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.User != nil {
		return "", "", fmt.Errorf("listen address %q is not of the form udp://host:port", s)
	}
	if u.Scheme != "udp" && u.Scheme != "tcp" {
		return "", "", fmt.Errorf("listen address %q: transport must be udp or tcp", s)
	}
	if u.Port() == "" {
		return "", "", fmt.Errorf("listen address %q has no port", s)
	}
	return u.Scheme, u.Host, nil
}

// open binds every address of the configuration, or none.
func (u *UA) open(listen []string) error {
	if len(listen) == 0 {
		return errors.New("no listen address is configured")
	}
	for _, s := range listen {
		if err := u.openOne(s); err != nil {
			u.closeSockets()
			return err
		}
	}
	return nil
}

func (u *UA) openOne(s string) error {
	network, address, err := parseListen(s)
	if err != nil {
		return err
	}
	var lc net.ListenConfig
	if network == "udp" {
		pc, err := lc.ListenPacket(context.Background(), "udp", address)
		if err != nil {
			return fmt.Errorf("listen on %s: %w", s, err)
		}
		u.udp = append(u.udp, newUDPListener(u, pc.(*net.UDPConn)))
		u.addrs = append(u.addrs, ListenAddr{"udp", addrPort(pc.LocalAddr())})
		return nil
	}
	l, err := lc.Listen(context.Background(), "tcp", address)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", s, err)
	}
	u.tcp = append(u.tcp, &tcpListener{Listener: l, ua: u})
	u.addrs = append(u.addrs, ListenAddr{"tcp", addrPort(l.Addr())})
	return nil
}

func (u *UA) closeSockets() {
	for _, l := range u.udp {
		_ = l.Close()
	}
	for _, l := range u.tcp {
		_ = l.Close()
	}
}

// addrPort reads the address of a socket.
func addrPort(a net.Addr) netip.AddrPort {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
}

// advertised resolves Config.Advertise: the host for headers and the address for SDP.
func advertised(s string) (host string, addr netip.Addr, err error) {
	if s == "" {
		return "", netip.Addr{}, nil
	}
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return a.String(), a.Unmap(), nil
	}
	found, err := net.DefaultResolver.LookupNetIP(context.Background(), "ip", s)
	if err != nil {
		return "", netip.Addr{}, fmt.Errorf("advertised name %q: %w", s, err)
	}
	for _, a := range found {
		if a.Unmap().Is4() {
			return s, a.Unmap(), nil
		}
	}
	return s, found[0], nil
}

// facing is the local address that packets to peer leave from. Nothing is sent: a
// connected UDP socket makes the kernel choose.
func facing(peer netip.AddrPort) netip.Addr {
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(peer))
	if err != nil {
		return netip.Addr{}
	}
	defer c.Close()
	return addrPort(c.LocalAddr()).Addr()
}

package sipua

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// parseListen reads "udp://127.0.0.1:5060" into network and address.
func parseListen(s string) (network, address string, err error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return "", "", errors.New("write transport://host:port, such as udp://0.0.0.0:5060 or tls://[::]:5061")
	}
	switch {
	case u.Scheme != "udp" && u.Scheme != "tcp" && u.Scheme != "tls":
		return "", "", fmt.Errorf("transport %q is not served: write udp, tcp or tls", u.Scheme)
	case u.Port() == "":
		return "", "", fmt.Errorf("the port is missing: append :%d", sip.DefaultPort(u.Scheme))
	case strings.Count(u.Host, ":") > 1 && !strings.HasPrefix(u.Host, "["):
		return "", "", errors.New("an IPv6 address needs brackets: write [::1]:5060")
	}
	return u.Scheme, u.Host, nil
}

// open binds every address of the configuration, or none.
func (u *UA) open(listen []string) error {
	if len(listen) == 0 {
		return errors.New("sip: no listen address is configured: list one, such as udp://0.0.0.0:5060")
	}
	for i, s := range listen {
		if err := u.openOne(s); err != nil {
			u.closeSockets()
			return fmt.Errorf("sip: listen[%d] %q: %w", i, s, err)
		}
	}
	return nil
}

func (u *UA) openOne(s string) error {
	network, address, err := parseListen(s)
	if err != nil {
		return err
	}
	if network == "tls" && u.tls.cert == nil {
		return errors.New("TLS needs a certificate: set tls.certificate and tls.key")
	}
	lc := net.ListenConfig{Control: markListener}
	if network == "udp" {
		pc, err := lc.ListenPacket(context.Background(), "udp", address)
		if err != nil {
			return err
		}
		u.udp = append(u.udp, newUDPListener(u, pc.(*net.UDPConn)))
		u.addrs = append(u.addrs, ListenAddr{"udp", addrPort(pc.LocalAddr())})
		return nil
	}
	l, err := lc.Listen(context.Background(), "tcp", address)
	if err != nil {
		return err
	}
	if network == "tls" {
		u.secure = append(u.secure, &tlsListener{Listener: l, ua: u})
	} else {
		u.tcp = append(u.tcp, &tcpListener{Listener: l, ua: u})
	}
	u.addrs = append(u.addrs, ListenAddr{network, addrPort(l.Addr())})
	return nil
}

func (u *UA) closeSockets() {
	for _, l := range u.udp {
		_ = l.Close()
	}
	for _, l := range u.tcp {
		_ = l.Close()
	}
	for _, l := range u.secure {
		_ = l.Close()
	}
	for _, box := range u.inboxes {
		_ = box.Close()
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

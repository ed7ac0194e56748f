package sipua

import (
	"net"
	"net/netip"
)

// reaches reports whether a flow still leads to the peer, as far as can be told from here.
func (u *UA) reaches(f flow) bool {
	return f.transport == "udp" || u.conns.usable(connKey{f.transport, f.source}) != nil
}

// abandon closes a connection on which a registrar was silent, so that the next attempt
// makes a new one: through a NAT that has forgotten us nothing would ever come back
// (RFC 5626 §4.5). One that carries calls is left to them.
func (u *UA) abandon(f flow) {
	if f.transport == "udp" || u.registry.uses(f.transport, f.source) {
		return
	}
	if w := u.conns.find(connKey{f.transport, f.source}); w != nil {
		_ = w.end()
	}
}

// ping keeps a flow open through NATs and finds out when it is gone (RFC 5626 §3.5.1,
// §4.4.1): CRLF CRLF, which the other end of a connection answers. Over UDP, where
// RFC 5626 wants STUN, it is the usual packet without meaning.
func (u *UA) ping(f flow) error {
	crlf := []byte("\r\n\r\n")
	if f.transport == "udp" {
		peer, err := netip.ParseAddrPort(f.source)
		if err != nil {
			return err
		}
		for _, l := range u.udp {
			if addrPort(l.LocalAddr()) == f.local {
				_, err := l.WriteToUDPAddrPort(crlf, peer)
				return err
			}
		}
		return errNoListener
	}
	w := u.conns.usable(connKey{f.transport, f.source})
	if w == nil {
		return net.ErrClosed
	}
	_, err := w.Write(crlf)
	return err
}

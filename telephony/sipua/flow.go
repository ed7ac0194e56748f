package sipua

import (
	"net/netip"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// flow is the path the INVITE came on. Our own requests go back on it: to the source
// address over UDP, which is what a NAT lets through, and over the very connection for
// TCP, because a carrier takes no new one from us.
type flow struct {
	transport string         // "udp", "tcp" or "tls"
	sips      bool           // TLS is wanted on the whole way
	source    string         // the peer's address as sipgo spells it, the key of its connection
	name      string         // the host name the peer was found under, to be proved over TLS; "" for an address
	local     netip.AddrPort // the socket, or the listener of its transport; its address may be unspecified
	host      string         // what we call ourselves in Contact and Via
	media     netip.Addr     // the same for SDP, always an IP address
	user      string         // user part of our Contact
}

func flowOf(u *UA, req *sip.Request, tx *sip.ServerTx) flow {
	f := flow{
		transport: sip.NetworkToLower(req.Transport()),
		source:    req.Source(),
		user:      contactUser(req.Recipient.User),
	}
	f.local = u.callable(f.transport, addrPort(tx.Connection().LocalAddr()))
	f.sips = f.transport == "tls" && wantsSIPS(req)
	f.host, f.media = u.host, u.addr
	if u.host == "" {
		f.media = f.local.Addr()
		if f.media.IsUnspecified() {
			f.media = facing(sourceOf(req))
		}
		f.host = f.media.String()
	}
	return f
}

// callable is the address at which peers reach us who came over a connection with that
// local end: the end itself, or the listener, if it was us who opened the connection.
func (u *UA) callable(transport string, local netip.AddrPort) netip.AddrPort {
	at := netip.AddrPort{}
	for _, l := range u.addrs {
		switch {
		case l.Transport != transport:
		case l.Addr.Port() == local.Port():
			return local
		case !at.IsValid() && reaches(l.Addr.Addr(), local.Addr()):
			at = netip.AddrPortFrom(local.Addr(), l.Addr.Port())
		}
	}
	if !at.IsValid() {
		return local
	}
	return at
}

// wantsSIPS reports whether our Contact must be a SIPS URI (RFC 3261 §12.1.1).
func wantsSIPS(req *sip.Request) bool {
	if req.Recipient.Scheme == "sips" {
		return true
	}
	if routes := routeSet(req); len(routes) > 0 {
		var first sip.Uri
		_, err := sip.ParseAddressValue(routes[0], &first, nil)
		return err == nil && first.Scheme == "sips"
	}
	contact := req.Contact()
	return contact != nil && contact.Address.Scheme == "sips"
}

// contactUser repeats a dialled number in our Contact, as some carriers expect one
// there; anything else than a plain number is left out.
func contactUser(user string) string {
	if len(user) > 32 || strings.Trim(user, "+0123456789*#") != "" {
		return ""
	}
	return strings.ReplaceAll(user, "#", "%23")
}

// contact is the address at which the peer reaches this call.
func (f flow) contact() sip.Uri {
	uri := sip.Uri{Scheme: "sip", User: f.user, Host: f.host, Port: int(f.local.Port())}
	switch {
	case f.sips:
		uri.Scheme = "sips" // which says TLS already (RFC 5630 §3.1.4)
	case f.transport != "udp":
		uri.UriParams = sip.HeaderParams{{K: "transport", V: f.transport}}
	}
	return uri
}

func (f flow) contactHeader() Header {
	uri := f.contact()
	return Header{"Contact", "<" + uri.String() + ">"}
}

// via is the Via header of a request that we send; rport asks for the answer on the
// same path (RFC 3581).
func (f flow) via() *sip.ViaHeader {
	return &sip.ViaHeader{
		ProtocolName: "SIP", ProtocolVersion: "2.0",
		Transport: sip.NetworkToUpper(f.transport),
		Host:      f.host, Port: int(f.local.Port()),
		Params: sip.HeaderParams{{K: "branch", V: sip.GenerateBranch()}, {K: "rport"}},
	}
}

// peer is source as an address.
func (f flow) peer() netip.AddrPort {
	a, _ := netip.ParseAddrPort(f.source)
	return a
}

// routeSet is the route set that a request establishes: its Record-Route list, in order
// and letter for letter (RFC 3261 §12.1.1).
func routeSet(req *sip.Request) []string { return recordedRoutes(req) }

func recordedRoutes(msg sip.Message) []string {
	var routes []string
	for _, line := range headerValues(msg, "record-route", "") {
		for _, route := range splitOutside(line, ',') {
			if route = strings.TrimSpace(route); route != "" {
				routes = append(routes, route)
			}
		}
	}
	return routes
}

// aim applies the route set: the Request-URI and the Route headers of a request to
// target (RFC 3261 §12.2.1.1). A first route without ";lr" is a strict router, which
// wants to be the Request-URI itself.
func aim(routes []string, target sip.Uri) (sip.Uri, []string) {
	if len(routes) == 0 {
		return target, nil
	}
	var first sip.Uri
	if _, err := sip.ParseAddressValue(routes[0], &first, nil); err != nil || first.UriParams.Has("lr") {
		return target, routes
	}
	rest := append([]string(nil), routes[1:]...)
	return first, append(rest, "<"+target.String()+">")
}

// nextHop is where a request goes when the connection of the call is gone.
func nextHop(routes []string, target sip.Uri) sip.Uri {
	if len(routes) > 0 {
		var first sip.Uri
		if _, err := sip.ParseAddressValue(routes[0], &first, nil); err == nil {
			return first
		}
	}
	return target
}

// by is uri with a transport put in.
func by(transport string, uri sip.Uri) sip.Uri {
	uri = *uri.Clone()
	uri.UriParams.Remove("transport")
	uri.UriParams.Add("transport", transport)
	return uri
}

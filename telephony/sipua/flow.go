package sipua

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// flow is the path the INVITE came on. Our own requests go back on it: to the source
// address over UDP, which is what a NAT lets through, and over the very connection for
// TCP, because a carrier takes no new one from us.
type flow struct {
	transport string         // "udp" or "tcp"
	source    string         // the peer's address as sipgo spells it, the key of its connection
	local     netip.AddrPort // the socket; its address may be unspecified
	host      string         // what we call ourselves in Contact and Via
	media     netip.Addr     // the same for SDP, always an IP address
	user      string         // user part of our Contact
}

func flowOf(u *UA, req *sip.Request, tx *sip.ServerTx) flow {
	f := flow{
		transport: sip.NetworkToLower(req.Transport()),
		source:    req.Source(),
		local:     addrPort(tx.Connection().LocalAddr()),
		user:      contactUser(req.Recipient.User),
	}
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
	if f.transport == "tcp" {
		uri.UriParams = sip.HeaderParams{{K: "transport", V: "tcp"}}
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

// routeSet is the Record-Route list of a request, in order and letter for letter
// (RFC 3261 §12.1.1).
func routeSet(req *sip.Request) []string {
	var routes []string
	for _, line := range headerValues(req, "record-route", "") {
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
func nextHop(routes []string, target sip.Uri) string {
	uri := target
	if len(routes) > 0 {
		var first sip.Uri
		if _, err := sip.ParseAddressValue(routes[0], &first, nil); err == nil {
			uri = first
		}
	}
	port := uri.Port
	if port == 0 {
		port = 5060
	}
	return strings.Trim(uri.Host, "[]") + ":" + strconv.Itoa(port)
}

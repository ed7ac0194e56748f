package sipua

import (
	"context"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
)

// What a REGISTER says and what its answers mean (RFC 3261 §10.2, §10.3).

// maxExpires is the longest binding that is asked for or believed.
const maxExpires = 24 * time.Hour

// maxRoutes bounds the Service-Route that is kept.
const maxRoutes = 16

// register sends one REGISTER and the answer to its challenge.
func (r *Registration) register(ctx context.Context, expires time.Duration) (*sip.Response, flow, error) {
	return r.errand.run(ctx, func(req *sip.Request, f flow) { r.fill(req, f, expires) })
}

// fill adds the binding: how we are reached, and for how long. A Contact that we used
// before and that is wrong now is removed in the same breath.
func (r *Registration) fill(req *sip.Request, f flow, expires time.Duration) {
	f.user = r.user
	uri := f.contact()
	if r.seen.IsValid() && f.transport == "udp" {
		uri.Host, uri.Port = r.seen.Addr().String(), int(r.seen.Port())
	}
	contact := uri.String()
	if r.contact != "" && r.contact != contact {
		r.old = r.contact
	}
	r.contact = contact
	seconds := strconv.Itoa(int(expires / time.Second))
	req.AppendHeader(sip.NewHeader("Contact", "<"+contact+">;expires="+seconds))
	if r.old != "" && r.old != contact {
		req.AppendHeader(sip.NewHeader("Contact", "<"+r.old+">;expires=0"))
	}
	req.AppendHeader(sip.NewHeader("Expires", seconds))
	req.AppendHeader(sip.NewHeader("Allow", allowed))
	req.AppendHeader(sip.NewHeader("Supported", "path"))
}

// moved reports whether the registrar sees us at another address than the Contact says,
// because of a NAT, and takes that address for the next REGISTER (RFC 3581 §4). An
// advertised address is left as it is, and so are connections: calls come back on them.
func (r *Registration) moved(res *sip.Response, f flow) bool {
	via := res.Via()
	if via == nil || f.transport != "udp" || r.ua.host != "" {
		return false
	}
	host := via.Params.GetOr("received", f.host)
	addr, err := netip.ParseAddr(host)
	port, portErr := strconv.ParseUint(via.Params.GetOr("rport", ""), 10, 16)
	if err != nil || portErr != nil || port == 0 || addr.IsUnspecified() || addr.IsMulticast() {
		return false
	}
	seen := netip.AddrPortFrom(addr.Unmap(), uint16(port))
	now := r.seen
	if !now.IsValid() {
		local, err := netip.ParseAddr(f.host)
		if err != nil {
			return false
		}
		now = netip.AddrPortFrom(local.Unmap(), f.local.Port())
	}
	r.seen = seen
	return seen != now
}

// raise takes the least time that a registrar accepts; false when it makes no sense.
func (r *Registration) raise(res *sip.Response) bool {
	least := headerSeconds(res, "min-expires")
	if least <= r.expires || least > maxExpires {
		return false
	}
	r.expires = least
	return true
}

// bound is how long our binding lasts by a 200: what our Contact says, or else the
// Expires header, or else what we asked for. 0 means that there is none.
func (r *Registration) bound(res *sip.Response) time.Duration {
	general := headerSeconds(res, "expires")
	if general < 0 {
		general = r.expires
	}
	var list []string
	for _, line := range headerValues(res, "contact", "m") {
		list = append(list, splitOutside(line, ',')...)
	}
	for _, one := range list {
		var uri sip.Uri
		var params sip.HeaderParams
		if _, err := sip.ParseAddressValue(strings.TrimSpace(one), &uri, &params); err != nil {
			continue
		}
		// A gateway in between may have put its own address there; the only one is ours.
		if uri.User != r.user && len(list) > 1 || uri.User == r.user && len(list) > 1 && !r.isCurrent(uri) {
			continue
		}
		if own, err := seconds(params.GetOr("expires", "")); err == nil {
			return min(own, maxExpires)
		}
		return min(general, maxExpires)
	}
	if len(list) > 0 {
		return 0
	}
	return min(general, maxExpires)
}

// isCurrent tells our binding from one that we made before with another address.
func (r *Registration) isCurrent(uri sip.Uri) bool {
	var ours sip.Uri
	return sip.ParseUri(r.contact, &ours) != nil || strings.EqualFold(ours.Host, uri.Host) && ours.Port == uri.Port
}

// serviceRoute is the route to the registrar's domain (RFC 3608 §6.1).
func serviceRoute(res *sip.Response) []string {
	var routes []string
	for _, line := range headerValues(res, "service-route", "") {
		for _, route := range splitOutside(line, ',') {
			if route = strings.TrimSpace(route); route != "" && len(routes) < maxRoutes {
				routes = append(routes, clean(route))
			}
		}
	}
	return routes
}

// retryAfter is the pause that a refusal asks for, 0 for none.
func retryAfter(res *sip.Response) time.Duration { return max(headerSeconds(res, "retry-after"), 0) }

// headerSeconds reads a header of seconds; -1 when it is absent or unreadable.
func headerSeconds(res *sip.Response, name string) time.Duration {
	for _, value := range headerValues(res, name, "") {
		value = strings.TrimSpace(value)
		if end := strings.IndexAny(value, " ;("); end >= 0 { // Retry-After: 60 (comment);duration=30
			value = value[:end]
		}
		if d, err := seconds(value); err == nil {
			return d
		}
	}
	return -1
}

// seconds reads delta-seconds (RFC 3261 §25.1); more than 2^31 is that.
func seconds(s string) (time.Duration, error) {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 31)
	return time.Duration(n) * time.Second, err
}

package supervisor

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// whence finds out where a request comes from before anything else looks at it. RemoteAddr is the client's from then on.
func whence(proxies []netip.Prefix, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o := origin{addr: addrOf(r.RemoteAddr), secure: r.TLS != nil}
		if within(o.addr, proxies) {
			o.secure = o.secure || strings.EqualFold(last(r.Header, "X-Forwarded-Proto"), "https")
			o.addr = clientBehind(o.addr, r.Header, proxies)
			r.RemoteAddr = net.JoinHostPort(o.addr.String(), "0")
		}
		next.ServeHTTP(w, r.WithContext(o.with(r.Context())))
	})
}

// clientBehind goes through X-Forwarded-For from its end, where our proxies wrote, to the first address that is not
// one of theirs: everything before that may be a lie.
func clientBehind(addr netip.Addr, h http.Header, proxies []netip.Prefix) netip.Addr {
	for _, text := range slices.Backward(listed(h, "X-Forwarded-For")) {
		before, err := netip.ParseAddr(strings.TrimSpace(text))
		if err != nil {
			return addr
		}
		addr = before.Unmap().WithZone("")
		if !within(addr, proxies) {
			return addr
		}
	}
	return addr
}

// listed is a header that is a list, however many lines it has.
func listed(h http.Header, name string) []string {
	lines := h.Values(name)
	if len(lines) == 0 {
		return nil
	}
	return strings.Split(strings.Join(lines, ","), ",")
}

// last is the latest entry of such a header.
func last(h http.Header, name string) string {
	all := listed(h, name)
	if len(all) == 0 {
		return ""
	}
	return strings.TrimSpace(all[len(all)-1])
}

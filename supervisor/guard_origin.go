package supervisor

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// origin is where a request comes from.
type origin struct {
	addr   netip.Addr // of the client, not of a proxy between
	secure bool       // it came over TLS all the way to us or to our proxy
}

type originKey struct{}

// originOf is what the listener found, or without one what the connection says.
func originOf(r *http.Request) origin {
	if o, ok := r.Context().Value(originKey{}).(origin); ok {
		return o
	}
	return origin{addr: addrOf(r.RemoteAddr), secure: r.TLS != nil}
}

func (o origin) with(ctx context.Context) context.Context {
	return context.WithValue(ctx, originKey{}, o)
}

// crossOrigin refuses what another site makes a browser send.
var crossOrigin = http.NewCrossOriginProtection()

// sameOrigin lets nothing change anything that another site asks for.
func sameOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if crossOrigin.Check(r) != nil {
			deny(w, r, http.StatusForbidden, "this comes from another site")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// hosted checks the way that a request took. Where nobody signs in, being on this machine is the proof, and two things
// borrow it: a name of somebody else's that resolves to 127.0.0.1 (DNS rebinding), and a proxy that serves strangers.
// Where people do sign in, tokens and cookies do not go over the net in the clear.
func (s *Server) hosted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o := originOf(r)
		switch {
		case s.door != nil && !o.secure && !o.addr.IsLoopback():
			deny(w, r, http.StatusForbidden, "only over HTTPS; a proxy must be listed in supervisor.proxies and send X-Forwarded-Proto")
		case s.door == nil && !loopbackName(r.Host):
			deny(w, r, http.StatusMisdirectedRequest, "nobody signs in here, so that only localhost is answered; set up supervisor.tokens or supervisor.oidc")
		case s.door == nil && forwarded(r):
			deny(w, r, http.StatusForbidden, "nobody signs in here, and this came through a proxy; set up supervisor.tokens or supervisor.oidc")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// loopbackName reports whether a Host header names this machine itself.
func loopbackName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	return err == nil && addr.IsLoopback()
}

// forwarded reports whether a proxy says that it passed the request on.
func forwarded(r *http.Request) bool {
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip"} {
		if r.Header.Get(name) != "" {
			return true
		}
	}
	return false
}

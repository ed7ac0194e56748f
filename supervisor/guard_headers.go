package supervisor

import (
	"net/http"
	"strings"
)

// policy lets a page load what this server serves and nothing else, and keeps text from becoming script: there is none
// inline, and what scripts put on the page goes through the one Trusted Types policy "trunkline".
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types trunkline"

// headers are on every answer.
var headers = map[string]string{
	"Content-Security-Policy":      policy,
	"X-Content-Type-Options":       "nosniff",
	"Referrer-Policy":              "no-referrer", // addresses name calls
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Permissions-Policy":           "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
	"X-Frame-Options":              "DENY", // for what does not know frame-ancestors
}

// headed says to browsers what they may do with an answer.
func (s *Server) headed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		for name, value := range headers {
			h.Set(name, value)
		}
		if !isStatic(r) {
			h.Set("Cache-Control", "no-store")
		}
		// Not on this machine: browsers would ask for TLS from everything that runs on localhost.
		if o := originOf(r); o.secure && !o.addr.IsLoopback() {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// isStatic reports whether the request is for styles and scripts. The escaped path is what the mux goes by as well: in
// /static%2f.. it sees no folder.
func isStatic(r *http.Request) bool { return strings.HasPrefix(r.URL.EscapedPath(), "/static/") }

// forPrograms reports whether programs use the path.
func forPrograms(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/api/") }

package supervisor

import (
	"encoding/json"
	"net/http"
)

// guarded puts what holds for every request before the routes. Each step may answer instead of those behind it:
//
//	headers ─► recover ─► host, HTTPS ─► origin ─► who? ─► body ─► routes
//
// The order is the point: an answer of any step has the headers, a panic in any step costs one request, and nothing
// of a request is believed, or its body read, before it is known who asks.
func (s *Server) guarded(next http.Handler) http.Handler {
	return s.headed(s.caught(s.hosted(sameOrigin(s.known(withBody(next))))))
}

// deny refuses a request: programs get a problem (RFC 9457), all others a line of text.
func deny(w http.ResponseWriter, r *http.Request, status int, text string) {
	if !forPrograms(r) {
		http.Error(w, text, status)
		return
	}
	problem, err := json.Marshal(map[string]any{"title": http.StatusText(status), "status": status, "detail": text})
	if err != nil {
		panic(err) // texts and a number
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = w.Write(append(problem, '\n'))
}

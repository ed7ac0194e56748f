package supervisor

import (
	"encoding/json"
	"net/http"
)

// guarded puts what holds for every request before the routes. Each step may answer instead of those behind it:
//
//	headers ─► recover ─► host, HTTPS ─► origin ─► who? ─► bound of the body ─► routes
//
// The order is the point: an answer of any step has the headers, a panic in any step costs one request, and the
// body of a request is not read before it is known who asks.
func (s *Server) guarded(next http.Handler) http.Handler {
	return s.headed(s.caught(s.hosted(sameOrigin(s.known(bounded(next))))))
}

// maxBody is how long what somebody sends may be, in bytes: notes and forms are far below.
const maxBody = 64 << 10

// bounded lets nobody send without end. How long sending may take is up to the listener.
func bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
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

package supervisor

import (
	"fmt"
	"net/http"
	"runtime/debug"
)

// caught turns a panic into one failed request. The log has where it was and of which type, not its text, which may
// hold words of a caller.
func (s *Server) caught(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := &answer{ResponseWriter: w}
		defer func() {
			fault := recover()
			if fault == nil {
				return
			}
			if fault == http.ErrAbortHandler {
				panic(fault) // means to cut the connection
			}
			s.counts.panics.Add(1)
			s.Log.Error("a request to the supervisor panicked", "method", r.Method, "type", fmt.Sprintf("%T", fault), "stack", string(debug.Stack()))
			if a.begun {
				panic(http.ErrAbortHandler) // half an answer must not look like a whole one
			}
			deny(w, r, http.StatusInternalServerError, "something went wrong here; the log of the service says where")
		}()
		next.ServeHTTP(a, r)
	})
}

// answer knows whether it has begun.
type answer struct {
	http.ResponseWriter
	begun bool // owned by the handler
}

func (a *answer) WriteHeader(status int) {
	a.begun = a.begun || status >= http.StatusOK
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(p []byte) (int, error) {
	a.begun = true
	return a.ResponseWriter.Write(p)
}

// FlushError is for http.ResponseController.
func (a *answer) FlushError() error {
	a.begun = true
	return http.NewResponseController(a.ResponseWriter).Flush()
}

// Flush implements http.Flusher.
func (a *answer) Flush() { _ = a.FlushError() }

// Unwrap is for http.ResponseController as well.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

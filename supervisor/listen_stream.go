package supervisor

import (
	"net/http"
	"time"
)

// stream is an answer over HTTP/2, where a client can hold its own stream without holding the connection: it grants no
// more room. It gets as long as a connection that takes nothing, and no deadline runs while there is nothing to send.
type stream struct {
	http.ResponseWriter
	control *http.ResponseController
	stalled time.Duration
}

// onStream watches over answers over HTTP/2.
func onStream(stalled time.Duration, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 2 {
			w = &stream{w, http.NewResponseController(w), stalled}
		}
		next.ServeHTTP(w, r)
	})
}

func (s *stream) Write(p []byte) (int, error) {
	defer s.hurry()()
	return s.ResponseWriter.Write(p)
}

// FlushError is for http.ResponseController.
func (s *stream) FlushError() error {
	defer s.hurry()()
	return s.control.Flush()
}

// Flush implements http.Flusher.
func (s *stream) Flush() { _ = s.FlushError() }

// Unwrap is for http.ResponseController as well.
func (s *stream) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// hurry sets the deadline, and returns what takes it off again.
func (s *stream) hurry() (done func()) {
	_ = s.control.SetWriteDeadline(time.Now().Add(s.stalled)) // HTTP/2 has deadlines
	return func() { _ = s.control.SetWriteDeadline(time.Time{}) }
}

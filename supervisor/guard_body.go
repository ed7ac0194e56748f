package supervisor

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"time"
)

// maxBody is how long what somebody sends may be, in bytes: notes and forms are far below.
const maxBody = 64 << 10

// withBody reads what was sent before the handler runs, and then takes the deadline off the connection. So nobody
// holds a handler by sending slowly, and no deadline for reading cuts the answer, which may go on for hours.
func withBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		var long *http.MaxBytesError
		switch {
		case errors.As(err, &long):
			deny(w, r, http.StatusRequestEntityTooLarge, "too long: 64 KiB at most")
			return
		case err != nil:
			deny(w, r, http.StatusRequestTimeout, "the request did not come whole")
			return
		}
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // a recorder in a test has none
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		next.ServeHTTP(w, r)
	})
}

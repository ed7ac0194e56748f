package supervisor

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// How streams of server-sent events keep going.
const (
	heartbeat     = 15 * time.Second // so often a stream is heard of, be it without news
	writePatience = time.Minute      // a reader that takes nothing for so long is cut off; it resumes where it was
	reconnectMS   = 2000             // after which a browser comes back
)

// sse writes server-sent events. Owned by the handler: a slow reader holds its goroutine and nothing else. However long
// the server lets an answer take, a stream takes longer; each write has its own deadline instead.
type sse struct {
	ctx  context.Context // of the stream, see until
	w    http.ResponseWriter
	rc   *http.ResponseController
	last time.Time // something was written
}

// openSSE begins a stream. The client sees at once that it stands.
func openSSE(ctx context.Context, w http.ResponseWriter) (*sse, error) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // of proxies
	s := &sse{ctx: ctx, w: w, rc: http.NewResponseController(w)}
	return s, s.write([]byte("retry: " + strconv.Itoa(reconnectMS) + "\n\n"))
}

// event writes one event. id "" leaves the place of the client as it is.
func (s *sse) event(name, id string, v any) error {
	data, err := json.Marshal(v) // one line: JSON escapes what would break it
	if err != nil {
		return err
	}
	return s.write(frame(name, id, data))
}

// frame is an event as it travels. data is one line.
func frame(name, id string, data []byte) []byte {
	out := make([]byte, 0, len(data)+len(name)+len(id)+24)
	out = append(out, "event: "+name+"\n"...)
	if id != "" {
		out = append(out, "id: "+id+"\n"...)
	}
	out = append(out, "data: "...)
	out = append(out, data...)
	return append(out, "\n\n"...)
}

// beat keeps the stream alive when nothing was written for a while.
func (s *sse) beat() error {
	if time.Since(s.last) < heartbeat {
		return nil
	}
	return s.write([]byte(":\n\n"))
}

func (s *sse) write(p []byte) error {
	s.last = time.Now()
	_ = s.rc.SetWriteDeadline(s.last.Add(writePatience)) // a recorder in a test has none
	if err := s.ctx.Err(); err != nil {                  // after the deadline, which would undo that of until
		return err
	}
	if _, err := s.w.Write(p); err != nil {
		return err
	}
	return s.rc.Flush()
}

// until joins the life of a request with that of the server: when the server closes, a write that waits for the client
// ends as well. stop frees it.
func until(r *http.Request, w http.ResponseWriter, life context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(r.Context())
	off := context.AfterFunc(life, func() {
		cancel()
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now())
	})
	return ctx, func() { off(); cancel() }
}

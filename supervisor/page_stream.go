package supervisor

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"time"
)

// pageHeartbeat is how often a stream that has nothing to say shows that it is there.
const pageHeartbeat = 15 * time.Second

// pageEvents sends fragments to one open page as server-sent events.
type pageEvents struct {
	w       io.Writer
	control *http.ResponseController
}

// pageEventsTo begins a stream of events. Browsers try again a second after it was cut.
func pageEventsTo(w http.ResponseWriter) (*pageEvents, error) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // proxies must not collect lines
	e := &pageEvents{w, http.NewResponseController(w)}
	_ = e.control.SetWriteDeadline(time.Time{}) // a stream has no end; a test's recorder has no deadline
	w.WriteHeader(http.StatusOK)
	return e, e.send("retry: 1000\n\n")
}

func (e *pageEvents) send(text string) error {
	if _, err := io.WriteString(e.w, text); err != nil {
		return err
	}
	return e.control.Flush()
}

// event sends one event. id is where the stream goes on after a cut; "": the place stays.
func (e *pageEvents) event(id, name string, data []byte) error {
	var b bytes.Buffer
	if id != "" {
		fmt.Fprintf(&b, "id: %s\n", id)
	}
	fmt.Fprintf(&b, "event: %s\n", name)
	for line := range bytes.Lines(data) {
		fmt.Fprintf(&b, "data: %s\n", bytes.TrimRight(line, "\r\n"))
	}
	if len(data) == 0 {
		b.WriteString("data:\n")
	}
	b.WriteByte('\n')
	return e.send(b.String())
}

func (e *pageEvents) heartbeat() error { return e.send(": here\n\n") }

package supervisor

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/trunkline/trunkline/store"
)

// openRecording opens the sound of a call that the user may see.
func (a *api) openRecording(ctx context.Context, c *store.Call) (Recording, error) {
	missing := &problem{Status: http.StatusNotFound, Detail: "there is no recording of this call", Place: "recording",
		Remedy: "recordings come at the end of a call, and only of agents that are recorded"}
	if a.Recordings == nil {
		return Recording{}, missing
	}
	rec, err := a.Recordings.Open(ctx, c.ID)
	if errors.Is(err, store.ErrNotFound) {
		return rec, missing
	}
	return rec, err
}

// recording sends the sound of a call, or a part of it. A player asks for many parts: within a while they are one entry
// of the audit list.
func (a *api) recording(w http.ResponseWriter, r *http.Request) error {
	c, err := a.see(r)
	if err != nil {
		return err
	}
	rec, err := a.openRecording(r.Context(), c)
	if err != nil {
		return err
	}
	defer rec.Close() // only read
	listener := sitting{userOf(r.Context()).Name, peer(r), c.ID}
	if !a.heard.lately(listener, time.Now()) {
		if err := a.record(r, "listen", c, ""); err != nil {
			return err
		}
		a.heard.note(listener, time.Now())
	}
	w.Header().Set("Content-Type", "audio/wav")
	http.ServeContent(&patient{ResponseWriter: w, rc: http.NewResponseController(w)}, r, "", rec.Modified, rec)
	return nil
}

// Bounds of what counts as one sitting.
const (
	sittingFor  = 10 * time.Minute
	maxSittings = 1000
)

// sitting is somebody who listens to a recording.
type sitting struct{ who, from, call string }

// recently remembers what was noted a while ago.
type recently struct {
	mu    sync.Mutex
	noted map[sitting]time.Time
}

func newRecently() *recently { return &recently{noted: map[sitting]time.Time{}} }

func (l *recently) lately(s sitting, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, ok := l.noted[s]
	return ok && now.Sub(at) < sittingFor
}

func (l *recently) note(s sitting, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.noted[s] = now
	for old, at := range l.noted {
		if now.Sub(at) >= sittingFor || len(l.noted) > maxSittings && old != s {
			delete(l.noted, old)
		}
	}
}

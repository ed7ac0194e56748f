package supervisor

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/trunkline/trunkline/store"
)

// Bounds of the hub.
const (
	hubRing  = 1024 // news that a wall can resume behind
	hubQueue = 256  // news that wait for one wall
)

// hub reads the news of the store once for all walls of this process:
//
//	store ─Feed─► run ─► resolve ─► JSON, once ─┬─► ring     of the latest, to resume from
//	                    (record, last words)    ├─► queue ─► wall
//	                                            └─► queue ─► wall   full: emptied, and the wall is told "lagged"
//
// It begins with the first wall and ends with close. Nobody waits for a wall.
type hub struct {
	archive Archive
	log     *slog.Logger
	lagged  atomic.Uint64
	lost    atomic.Uint64

	mu     sync.Mutex
	walls  map[*wall]struct{}
	ring   []hubEvent         // the latest, the newest last
	before string             // place before the first of ring
	place  string             // of the last news that were published
	stop   context.CancelFunc // of run; nil: it was not started
	done   chan struct{}      // closed by run
}

// hubEvent is one piece of news, ready to be written.
type hubEvent struct {
	id    string
	agent string // of the call
	known bool   // agent is known; it is not of a call that was deleted before we heard of it
	frame []byte
}

// wall is a stream that shows what happens to all calls its user may see.
type wall struct {
	user   *User
	queue  chan hubEvent // never closed
	lagged atomic.Bool   // something did not fit into queue
}

func newHub(archive Archive, log *slog.Logger) *hub {
	return &hub{archive: archive, log: log, walls: map[*wall]struct{}{}}
}

// What a wall is told first.
const (
	wallReady  = "ready"  // it is new
	wallLagged = "lagged" // it was away, and what it missed is not known any more
)

// join adds a wall that was told all up to after; "": it is new. greeting is what it is told first and place where it
// stands then; a wall that resumes gets no greeting and what it missed.
func (h *hub) join(u *User, after string) (w *wall, greeting, place string, missed []hubEvent) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.startLocked()
	w = &wall{user: u, queue: make(chan hubEvent, hubQueue)}
	h.walls[w] = struct{}{}
	switch i := slices.IndexFunc(h.ring, func(e hubEvent) bool { return e.id == after }); {
	case after == "":
		return w, wallReady, h.place, nil
	case after == h.place:
		return w, "", "", nil
	case i >= 0 || after == h.before:
		return w, "", "", slices.Clone(h.ring[i+1:])
	}
	return w, wallLagged, h.place, nil
}

func (h *hub) leave(w *wall) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.walls, w)
}

// hubBack is how far back the hub begins. A place that lies in the past is a place, and "now" would only be one when the
// store has been asked: what happens between would be lost. It is more than clocks differ; a wall takes no harm from
// what it knows already.
const hubBack = time.Minute

// startLocked begins to read, once.
func (h *hub) startLocked() {
	if h.stop != nil {
		return
	}
	life, stop := context.WithCancel(context.Background())
	h.before = store.ID{MS: uint64(time.Now().Add(-hubBack).UnixMilli())}.String()
	h.place, h.stop, h.done = h.before, stop, make(chan struct{})
	go h.run(life, h.place)
}

// close ends run and waits for it. No wall joins afterwards: the streams are closed before.
func (h *hub) close() {
	h.mu.Lock()
	stop, done := h.stop, h.done
	h.mu.Unlock()
	if stop != nil {
		stop()
		<-done
	}
}

// run reads the news after a place until ctx is done. After a failure it goes on where it was.
func (h *hub) run(ctx context.Context, after string) {
	defer close(h.done)
	seen := newSeen(h.archive)
	for failed := false; ; {
		news, err := h.archive.Feed(ctx, after)
		var events []hubEvent
		if err == nil {
			events, err = seen.resolve(ctx, news)
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			h.lost.Add(1)
			if !failed {
				h.log.Warn("the news of the store cannot be read; walls stand still until it is back", "err", err)
			}
			failed = true
			if !rest(ctx, time.Second) {
				return
			}
			continue
		}
		failed = false
		if n := len(news); n > 0 {
			after = news[n-1].ID
			h.publish(events, after)
		}
	}
}

// publish hands events to the walls that may see them.
func (h *hub) publish(events []hubEvent, place string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.place = place
	h.ring = append(h.ring, events...)
	if over := len(h.ring) - hubRing; over > 0 {
		h.before = h.ring[over-1].id
		h.ring = slices.Delete(h.ring, 0, over)
	}
	for w := range h.walls {
		for _, e := range events {
			w.offer(e)
		}
	}
}

// position is the place of what was published last.
func (h *hub) position() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.place
}

// sees reports whether the user may know of the event.
func (e *hubEvent) sees(u *User) bool { return u.Agents == nil || e.known && u.Sees(e.agent) }

func (w *wall) offer(e hubEvent) {
	if !e.sees(w.user) {
		return
	}
	select {
	case w.queue <- e:
	default:
		w.lagged.Store(true)
	}
}

// fellBehind reports whether something was dropped, and empties the queue then: the wall loads everything anew.
func (w *wall) fellBehind() bool {
	if !w.lagged.Swap(false) {
		return false
	}
	for {
		select {
		case <-w.queue:
		default:
			return true
		}
	}
}

// rest waits; false: ctx was done before.
func rest(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

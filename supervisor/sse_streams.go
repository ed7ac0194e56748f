package supervisor

import (
	"context"
	"maps"
	"net/http"
	"sync"
)

// How many streams may be open at once.
const (
	maxStreams     = 1000
	maxUserStreams = 32 // a wall and some calls, in a few windows
)

// StreamStats is a snapshot of the streams of server-sent events.
type StreamStats struct {
	Open     int                      // now
	Refused  map[StreamRefusal]uint64 // since the start
	Lagged   uint64                   // times that a wall was too slow and was told to load anew
	FeedLost uint64                   // times that the news of the store could not be read
}

// StreamRefusal says why a stream was not opened.
type StreamRefusal string

// The refusals.
const (
	RefusedUser   StreamRefusal = "user_limit"  // the user has too many
	RefusedTotal  StreamRefusal = "total_limit" // all users together have
	RefusedClosed StreamRefusal = "closed"      // the server is closing
)

// streams counts who follows what, and ends all of them.
type streams struct {
	life context.Context // done with the server
	end  context.CancelFunc
	open sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	total   int
	byUser  map[string]int
	refused map[StreamRefusal]uint64
}

func newStreams() *streams {
	s := &streams{byUser: map[string]int{}, refused: map[StreamRefusal]uint64{}}
	s.life, s.end = context.WithCancel(context.Background())
	return s
}

// enter counts a stream in. leave counts it out and must be called.
func (s *streams) enter(u *User) (leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if why := s.fullLocked(u.Name); why != "" {
		s.refused[why]++
		return nil, tooManyStreams(why)
	}
	s.total++
	s.byUser[u.Name]++
	s.open.Add(1)
	return func() { s.leave(u.Name) }, nil
}

func (s *streams) fullLocked(user string) StreamRefusal {
	switch {
	case s.closed:
		return RefusedClosed
	case s.total >= maxStreams:
		return RefusedTotal
	case s.byUser[user] >= maxUserStreams:
		return RefusedUser
	}
	return ""
}

func tooManyStreams(why StreamRefusal) error {
	if why == RefusedUser {
		return &problem{Status: http.StatusTooManyRequests, Detail: "you follow too much at once", Place: string(why), Remedy: "close some of the windows"}
	}
	return &problem{Status: http.StatusServiceUnavailable, Detail: "this server can have no more streams now", Place: string(why), Remedy: "try again, or ask another node"}
}

func (s *streams) leave(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total--
	if s.byUser[user]--; s.byUser[user] == 0 {
		delete(s.byUser, user)
	}
	s.open.Done()
}

// close ends all streams and waits for them.
func (s *streams) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.end()
	s.open.Wait()
}

// Close ends every stream, and returns when their handlers and the reader of the news have. Other requests go on.
// http.Server.Shutdown waits for streams, so call Close before.
func (s *Server) Close() {
	s.api.streams.close()
	s.api.hub.close()
}

// Streams reads the figures of now.
func (s *Server) Streams() StreamStats {
	t, h := s.api.streams, s.api.hub
	t.mu.Lock()
	defer t.mu.Unlock()
	return StreamStats{Open: t.total, Refused: maps.Clone(t.refused), Lagged: h.lagged.Load(), FeedLost: h.lost.Load()}
}

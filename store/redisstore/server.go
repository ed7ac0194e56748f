package redisstore

import (
	"context"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// server notices that Redis was restarted or that another node took over. go-redis replaces broken connections without
// a word, so each new one asks whom it reached.
type server struct {
	mu    sync.Mutex
	runs  map[string]bool // run ids that were met: of this server, or of the nodes of a Cluster
	epoch uint64
}

// Epoch implements [store.Forgetful].
func (s *Store) Epoch() uint64 {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	return s.server.epoch
}

// met is told of every new connection. A user who may not ask INFO cannot know the server: then each connection counts
// as a new one, which costs repeated writes and no more.
func (v *server) met(ctx context.Context, c *redis.Conn) error {
	run := runID(c.Info(ctx, "server").Val())
	v.mu.Lock()
	defer v.mu.Unlock()
	if run != "" && v.runs[run] {
		return nil
	}
	if v.runs == nil || len(v.runs) > 1000 {
		v.runs = map[string]bool{}
	}
	v.runs[run] = true
	v.epoch++
	return nil
}

// runID finds the id that a Redis process makes for itself when it starts.
func runID(info string) string {
	_, rest, _ := strings.Cut(info, "\nrun_id:")
	id, _, _ := strings.Cut(rest, "\r")
	return id
}

package redisstore

import (
	"context"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// server notices that Redis was restarted or that another node took over. go-redis replaces broken connections without
// a word, so each new one asks whom it reached, and so does Ping.
type server struct {
	mu    sync.Mutex
	lives map[string]bool // that were met: of this server, or of the nodes of a Cluster
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
	life, _ := ask(ctx, c)
	v.note(life)
	return nil
}

// note counts lives that were not met before, and those that cannot be told apart.
func (v *server) note(life string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if life != "" && v.lives[life] {
		return
	}
	if v.lives == nil || len(v.lives) > 1000 {
		v.lives = map[string]bool{}
	}
	v.lives[life] = true
	v.epoch++
}

// ask finds out which life of which server answers.
func ask(ctx context.Context, c redis.Cmdable) (life string, err error) {
	var process, history *redis.StringCmd
	_, err = c.Pipelined(ctx, func(p redis.Pipeliner) error {
		process, history = p.Info(ctx, "server"), p.Info(ctx, "replication")
		return nil
	})
	return lifeOf(process.Val(), history.Val()), err
}

// lifeOf tells lives apart: a server that starts is another one, and a replica that becomes a master begins a history of
// its own. It has the writes that reached it, and nothing says which those are.
func lifeOf(process, history string) string {
	run := figure(process, "run_id")
	if run == "" {
		return ""
	}
	return run + " " + figure(history, "master_replid")
}

// figure finds a line name:value in an answer to INFO.
func figure(info, name string) string {
	_, rest, _ := strings.Cut(info, "\n"+name+":")
	value, _, _ := strings.Cut(rest, "\r")
	return value
}

// Ping reports whether the server answers and lets us in; of a Cluster, every master.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	return s.fail(ctx, "ping", s.eachMaster(ctx, func(ctx context.Context, c *redis.Client) error {
		life, err := ask(ctx, c)
		if err == nil && life != "" {
			s.server.note(life)
		}
		if denied(err) { // INFO is more than a user must be allowed
			err = c.Ping(ctx).Err()
		}
		return err
	}))
}

// eachMaster calls f for the server, or for the masters of a Cluster side by side, and returns the first error.
func (s *Store) eachMaster(ctx context.Context, f func(context.Context, *redis.Client) error) error {
	if c, ok := s.client.(*redis.ClusterClient); ok {
		return c.ForEachMaster(ctx, f)
	}
	return f(ctx, s.client.(*redis.Client))
}

package redisstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/trunkline/trunkline/store"
)

// Store is a [store.Store] on Redis. Safe for use by several goroutines.
type Store struct {
	// static
	opts    Options
	kept    store.Retention
	addr    string
	client  redis.UniversalClient
	blocked redis.UniversalClient // for reads that block
	keys    keys

	closed atomic.Bool
	server server

	secretMu sync.Mutex
	secret   []byte // of the caller index; nil: not known yet
}

var (
	_ store.Store     = (*Store)(nil)
	_ store.Forgetful = (*Store)(nil)
)

// Open prepares a store and connects when it is first used: a server that is down is not an error here, a URL that
// cannot be read is.
func Open(o Options) (*Store, error) {
	o = o.withDefaults()
	u, err := o.universal()
	if err != nil {
		return nil, err
	}
	talkTo(o.Log)
	s := &Store{opts: o, kept: store.Retention{Default: o.Retention, Agents: o.Retentions},
		addr: o.server(), keys: keys{o.Prefix}, secret: o.HMACKey}
	if len(s.secret) == 0 {
		s.secret = nil
	}
	b := *u
	u.OnConnect = s.server.met
	s.client = redis.NewUniversalClient(u)
	b.PoolSize, b.MaxActiveConns = o.Followers, o.Followers
	b.MaxRetries = -1 // Follow has a loop of its own
	s.blocked = redis.NewUniversalClient(&b)
	return s, nil
}

// Close frees the connections.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	err := s.client.Close()
	if err2 := s.blocked.Close(); err == nil {
		err = err2
	}
	return s.fail(context.Background(), "close", err)
}

// ready is what every method asks first. go-redis itself may serve a cancelled context from a warm connection.
func (s *Store) ready(ctx context.Context) error {
	if s.closed.Load() {
		return store.ErrClosed
	}
	return ctx.Err()
}

// callerSecret is the key of the caller index. Without a configured one, the first process to need it stores a random
// key and all others find that. Who may only read finds it too.
func (s *Store) callerSecret(ctx context.Context) ([]byte, error) {
	s.secretMu.Lock()
	defer s.secretMu.Unlock()
	if s.secret != nil {
		return s.secret, nil
	}
	key, err := s.client.Get(ctx, s.keys.secret()).Bytes()
	if errors.Is(err, redis.Nil) {
		fresh := make([]byte, 32)
		rand.Read(fresh) // never fails, see its documentation
		if err := s.client.SetNX(ctx, s.keys.secret(), fresh, 0).Err(); err != nil {
			return nil, s.fail(ctx, "store the key of the caller index", err)
		}
		key, err = s.client.Get(ctx, s.keys.secret()).Bytes()
	}
	if err != nil {
		return nil, s.fail(ctx, "read the key of the caller index", err)
	}
	s.secret = key
	return key, nil
}

// logger hands go-redis' own messages to slog. They repeat for each failed attempt what the caller learns once, so they
// are for debugging.
type logger struct {
	log atomic.Pointer[slog.Logger] // that of the store opened last
}

var (
	chatter    logger
	setChatter = sync.OnceFunc(func() { redis.SetLogger(&chatter) })
)

func talkTo(log *slog.Logger) {
	chatter.log.Store(log)
	setChatter()
}

// Printf implements the logger of go-redis.
func (l *logger) Printf(ctx context.Context, format string, v ...any) {
	l.log.Load().DebugContext(ctx, "go-redis: "+fmt.Sprintf(format, v...))
}

// slack is how long the keys of a running call, and index entries, outlive the retention: no call runs that long.
const slack = 72 * time.Hour

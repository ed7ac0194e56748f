package redisstore

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"
)

// Sentinel says who knows where the server is. User, password and database of the server itself are those of the URL; a
// rediss URL means that the Sentinels speak TLS too.
type Sentinel struct {
	Master    string   // the name that the Sentinels know it by
	Addresses []string // of the Sentinels, host:port
	Username  string   // at the Sentinels; "": none
	Password  string   // at the Sentinels; "": none. It is never printed
}

// String names the master and nothing secret.
func (s Sentinel) String() string { return s.Master + ", found by Sentinels" }

// GoString is String.
func (s Sentinel) GoString() string { return s.String() }

// arrange lays out how the servers belong together.
func (o Options) arrange(u *redis.UniversalOptions) error {
	switch {
	case o.Sentinel == nil && len(o.Cluster) == 0:
		return nil
	case o.Sentinel != nil && len(o.Cluster) > 0:
		return errors.New("redis is either a cluster or found by sentinels: keep one of the two")
	case o.Sentinel != nil && (o.Sentinel.Master == "" || len(o.Sentinel.Addresses) == 0):
		return errors.New("redis sentinel needs the name of the master and the addresses of the sentinels")
	case len(o.Cluster) > 0 && u.DB != 0:
		return errors.New("redis url names a database, and a cluster has only 0")
	}
	if o.Sentinel != nil {
		u.Addrs, u.MasterName = o.Sentinel.Addresses, o.Sentinel.Master
		u.SentinelUsername, u.SentinelPassword = o.Sentinel.Username, o.Sentinel.Password
	} else {
		u.Addrs = append(u.Addrs, o.Cluster...)
		u.IsClusterMode = true
	}
	if u.TLSConfig != nil && (o.TLS == nil || o.TLS.ServerName == "") {
		u.TLSConfig.ServerName = "" // not that of the URL: go-redis then takes the host that it dials
	}
	return nil
}

// lookAgain has the nodes of a Cluster asked who has which slots. A node that is gone does not say so, and go-redis by
// itself would go on trying it for a minute after a replica took over.
func (s *Store) lookAgain(ctx context.Context) {
	for _, client := range []redis.UniversalClient{s.client, s.blocked} {
		if c, ok := client.(*redis.ClusterClient); ok {
			c.ReloadState(ctx)
		}
	}
}

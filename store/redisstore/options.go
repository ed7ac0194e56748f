package redisstore

import (
	"cmp"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Options says which server to use and how. Only URL is required.
type Options struct {
	// URL is redis://, rediss:// (TLS) or unix://, with user, password and database as usual:
	// redis://user:password@host:6379/0. It is never printed. With Sentinel its host does not matter.
	URL string
	// Cluster are further nodes of a Cluster, host:port; any of them makes it one. URL is the first node. One that answers
	// is enough to find the others.
	Cluster []string
	// Sentinel finds the server; nil: it is at URL. Not with Cluster.
	Sentinel *Sentinel
	// Prefix begins every key; default "tl". Two installations on one server need two.
	Prefix string
	// Retention is how long a call is kept after its end; 0: for ever. A call that names its own expiry keeps that, but
	// should not outlive the retention: its places in the indexes do not.
	Retention time.Duration
	// Retentions are those of agents that have another. The indexes are kept as long as the longest.
	Retentions map[string]time.Duration
	// HMACKey is the secret of the caller index. Empty: the store makes one and keeps it in the database, so that all
	// nodes share it. Changing it hides older calls from searches by caller.
	HMACKey []byte
	// TLS adds certificates to a rediss URL; nil: those of the system. [Files] makes it. Nodes of a Cluster and what
	// Sentinels name are known by their own addresses, unless it has a ServerName.
	TLS *tls.Config
	// Timeout is how long one answer of the server is awaited; default 3 s. Failed commands are tried twice.
	Timeout time.Duration
	// Followers is how many reads may block at once, each on a connection of its own; default 256.
	Followers int
	// Log takes what go-redis has to say, at debug. go-redis has one logger for the whole process: the last store
	// opened sets it. nil: silent.
	Log *slog.Logger
}

// String names the server and nothing secret, however the options are printed.
func (o Options) String() string { return "redis at " + o.server() }

// GoString is String.
func (o Options) GoString() string { return o.String() }

// LogValue is String.
func (o Options) LogValue() slog.Value { return slog.StringValue(o.String()) }

func (o Options) server() string {
	parsed, err := redis.ParseURL(o.URL)
	switch {
	case err != nil:
		return "(unreadable address)"
	case o.Sentinel != nil:
		return o.Sentinel.String()
	case len(o.Cluster) > 0:
		return "the cluster of " + parsed.Addr
	}
	return parsed.Addr
}

func (o Options) withDefaults() Options {
	o.Prefix = cmp.Or(o.Prefix, "tl")
	o.Timeout = cmp.Or(o.Timeout, 3*time.Second)
	o.Followers = cmp.Or(o.Followers, 256)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// universal turns the options into those of a client.
func (o Options) universal() (*redis.UniversalOptions, error) {
	parsed, err := redis.ParseURL(o.URL)
	if err != nil {
		return nil, urlFault(o.URL)
	}
	u := &redis.UniversalOptions{
		Addrs:                 []string{parsed.Addr},
		DB:                    parsed.DB,
		Username:              parsed.Username,
		Password:              parsed.Password,
		TLSConfig:             mergedTLS(parsed.TLSConfig, o.TLS),
		DialTimeout:           o.Timeout,
		ReadTimeout:           o.Timeout,
		WriteTimeout:          o.Timeout,
		ContextTimeoutEnabled: true,
		MaxRetries:            1, // the writer has patience of its own; one repeat replaces connections that a restart broke
		DialerRetries:         1,
		DisableIdentity:       true, // servers before 7.2 refuse CLIENT SETINFO, and ACLs often do
		MaintNotificationsConfig: &maintnotifications.Config{
			Mode: maintnotifications.ModeDisabled,
		},
	}
	return u, o.arrange(u)
}

// urlFault explains an unreadable URL without quoting it: the messages of net/url and go-redis repeat what they parse,
// password included.
func urlFault(raw string) error {
	scheme, _, found := strings.Cut(raw, "://")
	switch {
	case raw == "":
		return errors.New("redis url is empty: want redis://[user:password@]host:port/database")
	case !found || scheme != "redis" && scheme != "rediss" && scheme != "unix":
		return errors.New("redis url must begin with redis://, rediss:// or unix://")
	}
	if _, err := url.Parse(raw); err != nil {
		return errors.New("redis url cannot be read: percent-encode special characters in the password, and check the port")
	}
	return errors.New("redis url names no valid database or option: want " + scheme + "://[user:password@]host:port/database")
}

// mergedTLS lays the configured certificates over what the URL asks for. A redis:// URL stays plain.
func mergedTLS(fromURL, configured *tls.Config) *tls.Config {
	if fromURL == nil || configured == nil {
		return fromURL
	}
	c := configured.Clone()
	c.ServerName = cmp.Or(c.ServerName, fromURL.ServerName)
	return c
}

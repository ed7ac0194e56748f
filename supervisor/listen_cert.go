package supervisor

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificate is a pair of files that is read again when one changes. Handshakes look: there is no goroutine, and the
// files are looked at once per interval at most.
type certificate struct {
	// Static.
	files [2]string // certificate, key
	every time.Duration
	log   *slog.Logger

	mu     sync.Mutex
	pair   *tls.Certificate
	seen   [2]stamp // of the files when they were last read, be it in vain
	looked time.Time
}

// stamp tells two states of a file apart without reading it.
type stamp struct {
	size     int64
	modified time.Time
}

// newCertificate reads the files for the first time, which must succeed.
func newCertificate(cert, key string, every time.Duration, log *slog.Logger) (*certificate, error) {
	c := &certificate{files: [2]string{cert, key}, every: every, log: log, looked: time.Now()}
	c.seen = c.stamps() // before they are read: a change in between is seen the next time
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("read the certificate and its key: %w", err)
	}
	c.pair = &pair
	return c, nil
}

// stamps are those of now; a file that is not there has none.
func (c *certificate) stamps() (all [2]stamp) {
	for i, name := range c.files {
		if info, err := os.Stat(name); err == nil {
			all[i] = stamp{info.Size(), info.ModTime()}
		}
	}
	return all
}

// get is for tls.Config.GetCertificate.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) >= c.every {
		c.looked = time.Now()
		c.rereadLocked()
	}
	return c.pair, nil
}

// rereadLocked takes the files when they have changed. It tries once for each state: a pair is often seen half written.
func (c *certificate) rereadLocked() {
	now := c.stamps()
	if now == c.seen {
		return
	}
	c.seen = now
	pair, err := tls.LoadX509KeyPair(c.files[0], c.files[1])
	if err != nil {
		c.log.Warn("supervisor.tls has changed and does not load: the certificate from before stays", "err", err)
		return
	}
	c.pair = &pair
	c.log.Info("the certificate of supervisor.tls was read again")
}

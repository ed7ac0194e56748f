package boltstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/trunkline/trunkline/store"
)

// Options says how to keep the file. The zero value works.
type Options struct {
	// Retention is how long a call is kept after its end; 0: for ever. A call that names its own expiry keeps that.
	Retention time.Duration
	// HMACKey is the secret of the caller index. Empty: the store makes one and keeps it in the file. Changing it hides
	// older calls from searches by caller.
	HMACKey []byte
	// ReadOnly opens an existing file for reading; several processes may do so while no server has it. Writing fails,
	// and Follow does not wait: nobody writes.
	ReadOnly bool
}

// lockPatience is how long Open waits for another process to let go of the file: long enough for one that is just
// ending, short enough that a person does not wonder.
const lockPatience = 700 * time.Millisecond

// format is the version of the layout. A file of another is refused.
const format = "1"

// LockedError says that another process has the file, and what to do.
type LockedError struct {
	Path string
	PID  int    // of the holder; 0: unknown
	Name string // of the holder's program; "": unknown
}

func (e *LockedError) Error() string {
	holder := "another process"
	switch {
	case e.Name != "":
		holder = fmt.Sprintf("process %d (%s)", e.PID, e.Name)
	case e.PID != 0:
		holder = fmt.Sprintf("process %d", e.PID)
	}
	return fmt.Sprintf("store file %s is in use by %s: stop it, or give this one a file of its own (store.path)", e.Path, holder)
}

// Store is a [store.Store] in a file. Safe for use by several goroutines.
type Store struct {
	// static
	db     *bbolt.DB
	opts   Options
	secret []byte // of the caller index

	hub hub

	mu     sync.Mutex
	leases map[string]time.Time // of running calls
}

var (
	_ store.Store   = (*Store)(nil)
	_ store.Batcher = (*Store)(nil)
)

// Open opens the file at path and creates it, mode 0600, unless it is to be read only. Errors: [LockedError] within a
// second; fs.ErrNotExist for a file to be read that is not there.
func Open(path string, o Options) (*Store, error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout: lockPatience, ReadOnly: o.ReadOnly, FreelistType: bbolt.FreelistMapType})
	if errors.Is(err, bolterrors.ErrTimeout) {
		pid, name := holder(path)
		return nil, &LockedError{path, pid, name}
	}
	if err != nil {
		return nil, fmt.Errorf("open store file %s: %w", path, err)
	}
	s := &Store{db: db, opts: o, secret: o.HMACKey, leases: map[string]time.Time{}}
	s.hub.init()
	if err := s.prepare(); err != nil {
		db.Close()
		return nil, fmt.Errorf("open store file %s: %w", path, err)
	}
	return s, nil
}

var buckets = [][]byte{bucketMeta, bucketEvents, bucketStart, bucketAgent, bucketCaller, bucketExpire, bucketLive, bucketSys}

// prepare makes what a new file lacks and reads what is kept in memory.
func (s *Store) prepare() error {
	if !s.opts.ReadOnly {
		if err := s.db.Update(create); err != nil {
			return err
		}
	}
	return s.db.View(func(tx *bbolt.Tx) error {
		for _, name := range buckets {
			if tx.Bucket(name) == nil {
				return errors.New("it is not a transcript store")
			}
		}
		sys := tx.Bucket(bucketSys)
		if v := string(sys.Get(keyVersion)); v != format {
			return fmt.Errorf("it has format %q, this program reads %q", v, format)
		}
		if len(s.secret) == 0 {
			s.secret = append([]byte(nil), sys.Get(keySecret)...)
		}
		return tx.Bucket(bucketLive).ForEach(func(id, lease []byte) error {
			s.leases[string(id)] = time.UnixMilli(int64(number(lease))).UTC()
			return nil
		})
	})
}

func create(tx *bbolt.Tx) error {
	for _, name := range buckets {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	sys := tx.Bucket(bucketSys)
	if sys.Get(keyVersion) != nil {
		return nil
	}
	secret := make([]byte, 32)
	rand.Read(secret) // never fails, see its documentation
	return errors.Join(sys.Put(keyVersion, []byte(format)), sys.Put(keySecret, secret))
}

// Ping reports whether the file can be read.
func (s *Store) Ping(ctx context.Context) error {
	return s.view(ctx, "ping the store", func(*bbolt.Tx) error { return nil })
}

// Close closes the file and wakes whoever follows a call.
func (s *Store) Close() error {
	s.hub.close()
	return s.db.Close()
}

func (s *Store) view(ctx context.Context, doing string, f func(*bbolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return fail(doing, s.db.View(f))
}

func (s *Store) update(ctx context.Context, doing string, f func(*bbolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return fail(doing, s.db.Update(f))
}

func fail(doing string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
		err = store.ErrClosed
	}
	return fmt.Errorf("%s: %w", doing, err)
}

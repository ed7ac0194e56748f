package boltstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
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
	// Retentions are those of agents that have another.
	Retentions map[string]time.Duration
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

// format is the version of the layout. A file of version 1, which had fewer indexes, is brought up to it when it is
// opened for writing; one of another is refused.
const (
	format       = "2"
	formatBefore = "1"
)

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
	db        *bbolt.DB
	opts      Options
	retention store.Retention
	secret    []byte // of the caller index

	hub  hub
	feed feed

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
	s := &Store{db: db, opts: o, retention: store.Retention{Default: o.Retention, Agents: o.Retentions},
		secret: o.HMACKey, leases: map[string]time.Time{}}
	s.hub.init()
	if err := s.prepare(); err != nil {
		db.Close()
		return nil, fmt.Errorf("open store file %s: %w", path, err)
	}
	return s, nil
}

var buckets = [][]byte{bucketMeta, bucketEvents, bucketStart, bucketOf(store.ByAgent), bucketOf(store.ByCaller),
	bucketOf(store.ByDialled), bucketOf(store.ByTag), bucketOf(store.ByEnd), bucketExpire, bucketLive,
	bucketOut, bucketGroups, bucketTaken, bucketDead, bucketAudit, bucketSys}

// prepare makes what a new file lacks and reads what is kept in memory.
func (s *Store) prepare() error {
	if !s.opts.ReadOnly {
		if err := s.db.Update(create); err != nil {
			return err
		}
		if err := s.db.Update(s.upgrade); err != nil {
			return err
		}
	}
	return s.db.View(s.recall)
}

// recall reads what is kept in memory, when this is a file of ours.
func (s *Store) recall(tx *bbolt.Tx) error {
	sys := tx.Bucket(bucketSys)
	if sys == nil {
		return errors.New("it is not a transcript store")
	}
	switch v := string(sys.Get(keyVersion)); v {
	case format:
	case formatBefore:
		return fmt.Errorf("it has format %q of an earlier version: 'trunkline serve' brings it up to format %q", v, format)
	default:
		return fmt.Errorf("it has format %q, this program reads %q", v, format)
	}
	for _, name := range buckets {
		if tx.Bucket(name) == nil {
			return errors.New("it is not a transcript store")
		}
	}
	s.secret = s.secretIn(sys)
	return tx.Bucket(bucketLive).ForEach(func(id, lease []byte) error {
		s.leases[string(id)] = time.UnixMilli(int64(number(lease))).UTC()
		return nil
	})
}

// secretIn is the configured secret, else that of the file.
func (s *Store) secretIn(sys *bbolt.Bucket) []byte {
	if len(s.secret) > 0 {
		return s.secret
	}
	return append([]byte(nil), sys.Get(keySecret)...)
}

func create(tx *bbolt.Tx) error {
	if sys := tx.Bucket(bucketSys); sys != nil && string(sys.Get(keyVersion)) > format {
		return nil // a file of the future stays as it is
	}
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

// upgrade puts the calls of a file of the version before into the indexes that this one has.
func (s *Store) upgrade(tx *bbolt.Tx) error {
	sys := tx.Bucket(bucketSys)
	if string(sys.Get(keyVersion)) != formatBefore {
		return nil
	}
	secret := s.secretIn(sys)
	err := tx.Bucket(bucketMeta).ForEach(func(id, packed []byte) error {
		fields, err := unpack(packed)
		if err != nil {
			return nil // it cannot be read under its id either
		}
		c := store.DecodeCall(maps.All(fields))
		return placeIn(tx, &c, store.Places(&c, secret))
	})
	return errors.Join(err, sys.Put(keyVersion, []byte(format)))
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

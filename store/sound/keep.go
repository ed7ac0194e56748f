package sound

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"filippo.io/age"

	"github.com/trunkline/trunkline/store"
)

// Options says where recordings are kept. Directory is required.
type Options struct {
	Directory  string       // on this machine; with S3 it holds what is not there yet
	S3         *S3          // nil: they stay in the directory
	Recipients []string     // public keys of age; empty: not encrypted
	Identity   string       // of age, to open what is encrypted; "": nobody can
	Log        *slog.Logger // nil: silent
}

// Keep is where recordings are. Safe for use by several goroutines. Static after New, but for what mu guards.
type Keep struct {
	uploading sync.Mutex // held by the one who uploads
	patience  time.Duration

	mu      sync.Mutex // guards the two below, and that no day is removed into which a file is moved
	current string     // name of what is being uploaded; "": nothing
	deleted bool       // it was deleted meanwhile

	dir        string
	bucket     *bucket // nil: none
	recipients []age.Recipient
	identities []age.Identity
	log        *slog.Logger
}

const (
	partDir = "part" // of calls that run
	keptDir = "kept" // without an end
	dayForm = "20060102"
	plain   = ".wav"
	sealed  = ".wav.age"
)

// New opens a place for recordings. Errors are faulty keys; the directory is made when it is needed, and a bucket is asked
// when something is to go there.
func New(o Options) (*Keep, error) {
	k := &Keep{dir: o.Directory, patience: uploadPatience, log: cmp.Or(o.Log, slog.New(slog.DiscardHandler))}
	var err error
	if len(o.Recipients) > 0 {
		if k.recipients, err = age.ParseRecipients(strings.NewReader(strings.Join(o.Recipients, "\n"))); err != nil {
			return nil, fmt.Errorf("recipients of recordings: %w", err)
		}
	}
	if o.Identity != "" {
		if k.identities, err = age.ParseIdentities(strings.NewReader(o.Identity)); err != nil {
			return nil, errors.New("identity of recordings is no secret key of age") // its text may be the key
		}
	}
	if o.S3 != nil {
		if k.bucket, err = openBucket(o.S3); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// suffix is that of new files.
func (k *Keep) suffix() string {
	if len(k.recipients) > 0 {
		return sealed
	}
	return plain
}

// part is the file of a call that runs.
func (k *Keep) part(callID string) (string, error) {
	return k.partAs(callID, k.suffix())
}

func (k *Keep) partAs(callID, suffix string) (string, error) {
	if err := store.ValidateCallID(callID); err != nil {
		return "", err
	}
	return filepath.Join(k.dir, partDir, fileName(callID)+suffix), nil
}

// fileName is a call id as a part of a path: it may hold slashes.
func fileName(callID string) string { return url.PathEscape(callID) }

// place moves the finished file to where it stays. Errors: fs.ErrNotExist when it is not there any more.
func (k *Keep) place(from, callID string, expires time.Time) (name string, err error) {
	name = dayOf(expires) + "/" + fileName(callID) + k.suffix()
	to := filepath.Join(k.dir, filepath.FromSlash(name))
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return "", err
	}
	if err := os.Rename(from, to); err != nil {
		return "", err
	}
	return name, nil
}

// dayOf is the directory that Sweep removes when expires is over: the day begins after it.
func dayOf(expires time.Time) string {
	if expires.IsZero() {
		return keptDir
	}
	return expires.UTC().Add(24*time.Hour - 1).Truncate(24 * time.Hour).Format(dayForm)
}

// validName refuses names that New did not make: they come from the record of a call.
func validName(name string) error {
	day, file, ok := strings.Cut(name, "/")
	_, err := time.Parse(dayForm, day)
	if !ok || err != nil && day != keptDir || strings.ContainsAny(file, "/\\") || !strings.HasSuffix(file, plain) && !strings.HasSuffix(file, sealed) {
		return fmt.Errorf("%w: no recording has the name %.80q", store.ErrNotFound, name)
	}
	return nil
}

// Recording is one that can be read from anywhere.
type Recording struct {
	io.ReadSeekCloser
	Modified time.Time
}

// Open opens a recording as 16 bit PCM. Errors: [store.ErrNotFound], and [ErrSealed].
func (k *Keep) Open(ctx context.Context, name string) (Recording, error) {
	if err := validName(name); err != nil {
		return Recording{}, err
	}
	f, err := k.find(ctx, name)
	if err != nil {
		return Recording{}, err
	}
	v, err := k.unseal(name, f)
	if err != nil {
		return Recording{}, errors.Join(err, f.close())
	}
	return Recording{v, f.modified}, nil
}

// file is where the bytes of a recording are.
type file struct {
	io.ReaderAt
	size     int64
	modified time.Time
	close    func() error
}

// find looks in the directory first: what is not uploaded yet is there.
func (k *Keep) find(ctx context.Context, name string) (file, error) {
	f, err := os.Open(filepath.Join(k.dir, filepath.FromSlash(name)))
	switch {
	case errors.Is(err, fs.ErrNotExist) && k.bucket != nil:
		return k.bucket.open(ctx, name)
	case errors.Is(err, fs.ErrNotExist):
		return file{}, fmt.Errorf("%w: there is no recording of it", store.ErrNotFound)
	case err != nil:
		return file{}, err
	}
	info, err := f.Stat()
	if err != nil {
		return file{}, errors.Join(err, f.Close())
	}
	return file{f, info.Size(), info.ModTime(), f.Close}, nil
}

// ErrSealed: the recording is encrypted, and there is no key here that opens it.
var ErrSealed = errors.New("recording is encrypted for another key; see recordings.identity")

func (k *Keep) unseal(name string, f file) (*view, error) {
	if !strings.HasSuffix(name, sealed) {
		return newView(f, f.size, f.close)
	}
	if len(k.identities) == 0 {
		return nil, ErrSealed
	}
	open, size, err := age.DecryptReaderAt(f, f.size, k.identities...)
	var wrong *age.NoIdentityMatchError
	if errors.As(err, &wrong) {
		return nil, ErrSealed
	}
	if err != nil {
		return nil, fmt.Errorf("decrypt a recording: %w", err)
	}
	return newView(open, size, f.close)
}

// Delete removes a recording. It may be repeated.
func (k *Keep) Delete(ctx context.Context, name string) error {
	if name == "" {
		return nil
	}
	if err := validName(name); err != nil {
		return err
	}
	k.mu.Lock()
	k.deleted = k.deleted || name == k.current
	k.mu.Unlock()
	if err := os.Remove(filepath.Join(k.dir, filepath.FromSlash(name))); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if k.bucket != nil {
		return k.bucket.remove(ctx, name)
	}
	return nil
}

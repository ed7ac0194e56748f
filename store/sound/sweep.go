package sound

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"
)

// Sweep removes the recordings whose day has come.
func (k *Keep) Sweep(ctx context.Context, now time.Time) error {
	today := now.UTC().Format(dayForm)
	days, err := k.days()
	errs := []error{err}
	for _, day := range days {
		if isDay(day) && day <= today {
			errs = append(errs, os.RemoveAll(filepath.Join(k.dir, day)))
		}
	}
	if k.bucket != nil {
		errs = append(errs, k.bucket.removeDays(ctx, today))
	}
	return errors.Join(errs...)
}

// Upload takes to the bucket what is finished; without one it does nothing. It may be repeated after an error.
func (k *Keep) Upload(ctx context.Context) error {
	if k.bucket == nil {
		return nil
	}
	k.uploading.Lock()
	defer k.uploading.Unlock()
	days, err := k.days()
	if err != nil {
		return err
	}
	for _, day := range days {
		if err := k.uploadDay(ctx, day); err != nil {
			return err
		}
	}
	return nil
}

// days are the directories that hold finished recordings.
func (k *Keep) days() (days []string, err error) {
	all, err := os.ReadDir(k.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, d := range all {
		if d.IsDir() && (isDay(d.Name()) || d.Name() == keptDir) {
			days = append(days, d.Name())
		}
	}
	return days, err
}

func isDay(name string) bool {
	_, err := time.Parse(dayForm, name)
	return err == nil
}

func (k *Keep) uploadDay(ctx context.Context, day string) error {
	files, err := os.ReadDir(filepath.Join(k.dir, day))
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := k.upload(ctx, day+"/"+f.Name()); err != nil {
			return err
		}
	}
	_ = os.Remove(filepath.Join(k.dir, day)) // it stays when a call was finished meanwhile
	return nil
}

// Left lists the calls whose recordings a process left behind that did not finish them. It must be asked before the first
// Begin.
func (k *Keep) Left() (callIDs []string, err error) {
	files, err := os.ReadDir(filepath.Join(k.dir, partDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, f := range files {
		if id, ok := callOf(f.Name()); ok {
			callIDs = append(callIDs, id)
		}
	}
	return callIDs, err
}

// Recover finishes such a recording: what was written before the end of its process is heard. An encrypted one needs the
// identity, because its last piece is not complete; without it this is [ErrSealed] and the file stays. name is empty when
// there is nothing to be heard.
func (k *Keep) Recover(callID string, expires time.Time) (name string, err error) {
	path, err := k.part(callID)
	if err != nil {
		return "", err
	}
	if len(k.recipients) > 0 {
		if n, err := k.reseal(path); err != nil || n == 0 {
			return "", err
		}
	}
	return k.place(callID, expires)
}

// Discard removes what a process left behind of a call that is not there any more.
func (k *Keep) Discard(callID string) error {
	path, err := k.part(callID)
	if err != nil {
		return err
	}
	return os.Remove(path)
}

// reseal encrypts anew what can be read of a file that has no end, and returns how much that is. A file of which nothing
// can is removed.
func (k *Keep) reseal(path string) (n int64, err error) {
	if len(k.identities) == 0 {
		return 0, ErrSealed
	}
	in, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	text, err := age.Decrypt(in, k.identities...)
	if err != nil {
		return 0, ErrSealed
	}
	whole := path + ".new"
	if n, err = k.seal(whole, text); err != nil {
		return 0, err
	}
	if n == 0 {
		return 0, errors.Join(os.Remove(whole), os.Remove(path))
	}
	return n, os.Rename(whole, path)
}

// seal encrypts text into a new file, up to the fault that ends it.
func (k *Keep) seal(path string, text io.Reader) (n int64, err error) {
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, err
	}
	defer out.Close()
	into, err := age.Encrypt(out, k.recipients...)
	if err != nil {
		return 0, err
	}
	if n, err = io.Copy(into, text); err != nil {
		k.log.Debug("end of a recording is lost", "err", err)
	}
	return n, errors.Join(into.Close(), out.Sync())
}

// callOf is the call of a file, whichever way it is kept.
func callOf(file string) (id string, ok bool) {
	base, found := strings.CutSuffix(file, sealed)
	if !found {
		if base, found = strings.CutSuffix(file, plain); !found {
			return "", false
		}
	}
	return unescape(base)
}

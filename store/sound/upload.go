package sound

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// uploadPatience is how long one file may take.
const uploadPatience = 10 * time.Minute

// Upload takes to the bucket what is finished; without one it does nothing. A file that cannot be uploaded stays, holds no
// other up, and is named in the error. It may be repeated.
func (k *Keep) Upload(ctx context.Context) error {
	if k.bucket == nil {
		return nil
	}
	k.uploading.Lock()
	defer k.uploading.Unlock()
	days, err := k.days()
	errs := []error{err}
	for _, day := range days {
		errs = append(errs, k.uploadDay(ctx, day))
	}
	return errors.Join(errs...)
}

func (k *Keep) uploadDay(ctx context.Context, day string) error {
	files, err := os.ReadDir(filepath.Join(k.dir, day))
	errs := []error{err}
	for _, f := range files {
		if ctx.Err() != nil {
			break
		}
		name := day + "/" + f.Name()
		if err := k.upload(ctx, name); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	_ = os.Remove(filepath.Join(k.dir, day)) // it stays when something is in it
	return errors.Join(append(errs, ctx.Err())...)
}

// upload moves a file from the directory to the bucket. One that is deleted while it is on its way comes to no bucket: it
// is removed there, again.
func (k *Keep) upload(ctx context.Context, name string) error {
	k.carry(name)
	path := filepath.Join(k.dir, filepath.FromSlash(name))
	bounded, cancel := context.WithTimeout(ctx, k.patience)
	err := k.bucket.put(bounded, name, path)
	cancel()
	if k.carry("") { // whatever came of it: the service may have it
		return k.bucket.remove(ctx, name)
	}
	if err == nil {
		err = os.Remove(path)
	}
	if errors.Is(err, fs.ErrNotExist) { // deleted before, or uploaded by a node that shares the directory
		return nil
	}
	return err
}

// carry notes what is being uploaded, and reports whether what was before is deleted.
func (k *Keep) carry(name string) (deleted bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	deleted = k.deleted
	k.current, k.deleted = name, false
	return deleted
}

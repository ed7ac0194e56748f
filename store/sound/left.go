package sound

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"filippo.io/age"
)

// Left lists the calls whose recordings a process left behind that did not finish them, whichever way it kept them. It must
// be asked before the first Begin.
func (k *Keep) Left() (callIDs []string, err error) {
	files, err := os.ReadDir(filepath.Join(k.dir, partDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, f := range files {
		if id, ok := callOf(f.Name()); ok && !slices.Contains(callIDs, id) {
			callIDs = append(callIDs, id)
		}
	}
	return callIDs, err
}

// Recover finishes such a recording: what was written before the end of its process is heard. It is kept as new ones are,
// encrypted or not. An encrypted one needs the identity, because its last piece is not complete; without it this is
// [ErrSealed] and the file stays. name is empty when there is nothing to be heard.
func (k *Keep) Recover(callID string, expires time.Time) (name string, err error) {
	for _, suffix := range []string{plain, sealed} {
		path, err := k.partAs(callID, suffix)
		if err != nil {
			return "", err
		}
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if suffix == plain && k.suffix() == plain {
			return k.place(path, callID, expires)
		}
		return k.remake(path, callID, expires)
	}
	return "", nil
}

// Discard removes what there is of a recording that is not finished: of a call that is not there any more, or that is to be
// forgotten while it runs. It may be repeated.
func (k *Keep) Discard(callID string) error {
	var errs []error
	for _, suffix := range []string{plain, sealed} {
		path, err := k.partAs(callID, suffix)
		if err != nil {
			return err
		}
		for _, p := range []string{path, path + remade} {
			if err := os.Remove(p); !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// remade is added to the name of a file that is to take the place of a part.
const remade = ".new"

// remake writes what can be read of a part anew, puts that where it stays, and removes the part.
func (k *Keep) remake(path, callID string, expires time.Time) (name string, err error) {
	in, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer in.Close()
	text, err := k.text(path, in)
	if err != nil {
		return "", err
	}
	n, err := k.rewrite(path+remade, text)
	if err != nil {
		return "", err
	}
	if n == 0 {
		return "", errors.Join(os.Remove(path+remade), os.Remove(path))
	}
	if name, err = k.place(path+remade, callID, expires); err != nil {
		return "", err
	}
	return name, os.Remove(path)
}

// text is what a file holds, up to the fault that ends it.
func (k *Keep) text(path string, in io.Reader) (io.Reader, error) {
	if !strings.HasSuffix(path, sealed) {
		return in, nil
	}
	if len(k.identities) == 0 {
		return nil, ErrSealed
	}
	text, err := age.Decrypt(in, k.identities...)
	if err != nil {
		return nil, ErrSealed
	}
	return text, nil
}

// rewrite writes text into a new file as new ones are kept, up to the fault that ends it.
func (k *Keep) rewrite(path string, text io.Reader) (n int64, err error) {
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, err
	}
	defer out.Close()
	var into io.WriteCloser = out
	if len(k.recipients) > 0 {
		if into, err = age.Encrypt(out, k.recipients...); err != nil {
			return 0, err
		}
	}
	if n, err = io.Copy(into, text); err != nil {
		k.log.Debug("end of a recording is lost", "err", err)
	}
	if into == io.WriteCloser(out) {
		return n, out.Sync()
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

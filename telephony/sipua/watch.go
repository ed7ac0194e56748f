package sipua

import (
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"
)

// watched is a value made of files, and made anew when they change. Somebody who needs
// the value looks: there is no goroutine, and files are looked at once per interval at
// most.
type watched[T any] struct {
	// Static.
	what  string
	every time.Duration
	log   *slog.Logger
	load  func(files []string) (T, error)
	files []string

	mu      sync.Mutex
	value   T
	loaded  []stamp // of the files when value was made
	failed  []stamp // of the files when they were last found to be bad
	checked time.Time
}

// stamp tells two states of a file apart without reading it.
type stamp struct {
	size     int64
	modified time.Time
}

// watch loads the files for the first time, which must succeed.
func watch[T any](what string, every time.Duration, log *slog.Logger, load func([]string) (T, error), files ...string) (*watched[T], error) {
	w := &watched[T]{what: what, every: every, log: log, load: load, files: files, checked: time.Now()}
	var err error
	if w.loaded, err = stamps(files); err == nil {
		w.value, err = load(files)
	}
	return w, err
}

// stamps are taken before the files are read: a change in between is seen the next time.
func stamps(files []string) (all []stamp, err error) {
	for _, f := range files {
		info, e := os.Stat(f)
		if e != nil {
			err = errors.Join(err, e)
			all = append(all, stamp{size: -1})
			continue
		}
		all = append(all, stamp{info.Size(), info.ModTime()})
	}
	return all, err
}

func same(a, b []stamp) bool {
	for i := range a {
		if i >= len(b) || a[i].size != b[i].size || !a[i].modified.Equal(b[i].modified) {
			return false
		}
	}
	return true
}

// get returns the value of now.
func (w *watched[T]) get() T {
	w.mu.Lock()
	defer w.mu.Unlock()
	if time.Since(w.checked) < w.every {
		return w.value
	}
	w.checked = time.Now()
	now, err := stamps(w.files)
	if err == nil && same(now, w.loaded) {
		return w.value
	}
	w.reloadLocked(now, err)
	return w.value
}

// reloadLocked takes the files as they are now, or keeps the old value and says so once
// for each state of the files: a pair is often seen half written.
func (w *watched[T]) reloadLocked(now []stamp, err error) {
	var value T
	if err == nil {
		value, err = w.load(w.files)
	}
	if err == nil {
		w.value, w.loaded, w.failed = value, now, nil
		w.log.Info(w.what+" read again", "files", w.files)
		return
	}
	if !same(now, w.failed) {
		w.failed = now
		w.log.Error(w.what+" cannot be read again; the old one is kept", "err", err)
	}
}

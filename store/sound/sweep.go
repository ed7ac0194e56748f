package sound

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
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

package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/trunkline/trunkline/store"
)

// CDR is a file that gets a line of JSON for each call that is over: its record. A crash can leave a call in it twice.
type CDR struct {
	Path  string
	Bytes int64 // size at which it is renamed, and a new one begun
	Files int   // renamed ones that stay
}

// Types are the events that a CDR takes.
func (CDR) Types() []string { return []string{store.EventEnded} }

// Deliver returns what a [Courier] delivers with. A line is on the disk when it is done.
func (f CDR) Deliver() Deliver {
	return func(_ context.Context, p *Parcel) error {
		line, err := json.Marshal(p.Record)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrRefused, err)
		}
		if err := f.append(append(line, '\n')); err != nil {
			return fmt.Errorf("write call detail record: %w", err)
		}
		return nil
	}
}

// append adds a line. A half line that a full disk or a crash left behind is ended first.
func (f CDR) append(line []byte) error {
	if err := f.rotate(int64(len(line))); err != nil {
		return err
	}
	file, err := os.OpenFile(f.Path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	if info, err := file.Stat(); err == nil && info.Size() > 0 {
		last := make([]byte, 1)
		if _, err := file.ReadAt(last, info.Size()-1); err == nil && last[0] != '\n' {
			line = append([]byte{'\n'}, line...)
		}
	}
	_, err = file.Write(line)
	return errors.Join(err, file.Sync(), file.Close())
}

// rotate makes room: the file is renamed by the time, and the oldest of the renamed ones go.
func (f CDR) rotate(more int64) error {
	info, err := os.Stat(f.Path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && (info.Size() == 0 || info.Size()+more <= f.Bytes) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := os.Rename(f.Path, f.Path+"."+time.Now().UTC().Format(stampForm)); err != nil {
		return err
	}
	old, err := f.renamed()
	for len(old) > f.Files && err == nil {
		err = os.Remove(old[0])
		old = old[1:]
	}
	return err
}

const stampForm = "20060102T150405.000000000"

// renamed lists the files that were full, the oldest first.
func (f CDR) renamed() (paths []string, err error) {
	all, err := os.ReadDir(filepath.Dir(f.Path))
	for _, e := range all {
		stamp, ok := strings.CutPrefix(e.Name(), filepath.Base(f.Path)+".")
		if _, err := time.Parse(stampForm, stamp); ok && err == nil {
			paths = append(paths, filepath.Join(filepath.Dir(f.Path), e.Name()))
		}
	}
	slices.Sort(paths)
	return paths, err
}

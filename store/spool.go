package store

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// spool is the local file that takes what the backend does not: JSON lines, appended at the end and read from the
// front, cut back to nothing once all of it is settled.
//
//	0 ────────── settled ─────────────── read ─────────────── size
//	   believed           taken by the           to be           append here
//	                      backend, which may     replayed
//	                      yet forget it
//
// What was written survives the death of the process at once and a power cut after the next sync, which the loop asks
// for at most once a second: the promise that Redis itself makes with "appendfsync everysec".
//
// A record that was replayed may be replayed again after a restart, because the positions are not kept: writes are
// idempotent. Owned by the writer's loop; not safe for use by several goroutines.
type spool struct {
	// static
	path string
	max  int64
	f    *os.File

	settled int64
	read    int64
	size    int64 // end of the last whole record
	taken   int   // lines between settled and read
	unread  int   // lines between read and size
	dirty   bool  // written since the last sync
	corrupt int   // torn last lines found when opening
	buf     bytes.Buffer
}

// maxLine is the longest line that is read: the biggest entry with every byte escaped as \u00XX, and some air.
const maxLine = 6*MaxEntryBytes + 64<<10

var errSpoolFull = errors.New("spool is full")

// openSpool opens or creates the file at path and takes it for this process alone. A last line without its newline is
// what a crash leaves behind: it is cut off and counted.
func openSpool(path string, max int64) (*spool, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	s := &spool{path: path, max: max, f: f}
	if err := lockFile(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("open spool %s: another process uses it: %w", path, err)
	}
	if err := s.recover(); err != nil {
		f.Close()
		return nil, fmt.Errorf("read spool %s: %w", path, err)
	}
	return s, nil
}

// recover counts the lines of an earlier process and cuts a torn one off the end.
func (s *spool) recover() error {
	var end int64
	chunk := make([]byte, 64<<10)
	for {
		n, err := s.f.ReadAt(chunk, end)
		s.unread += bytes.Count(chunk[:n], []byte{'\n'})
		if last := bytes.LastIndexByte(chunk[:n], '\n'); last >= 0 {
			s.size = end + int64(last) + 1
		}
		end += int64(n)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	if end == s.size {
		return nil
	}
	s.corrupt++
	return s.f.Truncate(s.size)
}

// append writes records behind the others, all or none of them. It writes at the position of the last good record and
// not at the end of the file: what a full disk cut short is overwritten by the next attempt.
func (s *spool) append(records []record) error {
	s.buf.Reset()
	for i := range records {
		if err := encodeLine(&s.buf, &records[i]); err != nil {
			return err
		}
	}
	if s.size+int64(s.buf.Len()) > s.max {
		return errSpoolFull
	}
	if _, err := s.f.WriteAt(s.buf.Bytes(), s.size); err != nil {
		return fmt.Errorf("write spool: %w", err)
	}
	s.size += int64(s.buf.Len())
	s.unread += len(records)
	s.dirty = true
	if s.buf.Cap() > 1<<20 {
		s.buf = bytes.Buffer{} // one huge entry must not hold its memory for ever
	}
	return nil
}

// stretch is a run of records at the front of the spool.
type stretch struct {
	records []record
	lines   int   // records and corrupt lines
	corrupt int   // lines that could not be read
	end     int64 // where the next stretch begins
}

// front reads at most n lines, or about maxLine bytes, from the front. It does not consume them.
func (s *spool) front(n int) (stretch, error) {
	st := stretch{end: s.read}
	r := bufio.NewReaderSize(io.NewSectionReader(s.f, s.read, s.size-s.read), 64<<10)
	for st.lines < n && st.end < s.size && st.end-s.read < maxLine {
		line, took, err := readLine(r)
		if err != nil {
			return st, fmt.Errorf("read spool: %w", err)
		}
		st.end += took
		st.lines++
		rec, err := decodeLine(line)
		if err != nil {
			st.corrupt++
			continue
		}
		st.records = append(st.records, rec)
	}
	return st, nil
}

// consume moves the front past lines that the backend took.
func (s *spool) consume(end int64, lines int) {
	s.read = end
	s.unread -= lines
	s.taken += lines
}

// settle gives up lines that were consumed. A spool with nothing else in it is cut back to zero bytes.
func (s *spool) settle(end int64, lines int) error {
	s.settled = end
	s.taken -= lines
	if s.settled < s.size {
		return nil
	}
	s.settled, s.read, s.size, s.taken, s.unread = 0, 0, 0, 0, 0
	if err := s.f.Truncate(0); err != nil {
		return fmt.Errorf("cut spool: %w", err)
	}
	return nil
}

// rewind goes back to the first line that is not settled.
func (s *spool) rewind() {
	s.read = s.settled
	s.unread += s.taken
	s.taken = 0
}

// empty reports whether there is nothing to replay.
func (s *spool) empty() bool { return s.read == s.size }

// sync makes what was written survive a power cut.
func (s *spool) sync() error {
	s.dirty = false
	return s.f.Sync()
}

// close releases the file, and removes it when nothing is left in it.
func (s *spool) close() error {
	var err error
	if s.dirty {
		err = s.sync()
	}
	if s.empty() {
		err = errors.Join(err, os.Remove(s.path))
	}
	return errors.Join(err, s.f.Close())
}

// readLine returns the next line and how many bytes of the file it took. A line longer than maxLine comes back empty.
func readLine(r *bufio.Reader) (line []byte, took int64, err error) {
	for {
		part, err := r.ReadSlice('\n')
		took += int64(len(part))
		if took <= maxLine {
			line = append(line, part...)
		} else {
			line = nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, took, err
		}
	}
}

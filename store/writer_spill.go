package store

import (
	"slices"
	"time"
)

const (
	syncEvery = time.Second // the spool is made safe against a power cut this often while it is written
	diskPause = time.Second // after the spool could not be written
)

// spill writes to the spool what must not wait in memory, the oldest first: what was confirmed and may be forgotten, what
// the sender has, what has to be repeated, what is pending.
func (l *loop) spill(now time.Time) {
	if l.spool == nil || now.Before(l.diskRetryAt) || !l.mustSpill(now) || !l.spillConfirmed(now) {
		return
	}
	if j := l.inflight; j != nil && len(j.records) > 0 && j.lines == 0 {
		if !l.toDisk(j.records, now) {
			return
		}
		j.end, j.lines = l.spool.size, len(j.records)
		l.unload(j.records, j.repeat)
	}
	if len(l.again) > 0 && l.toDisk(l.again, now) {
		l.again = nil
	}
	if len(l.pending) > 0 && l.toDisk(l.pending, now) {
		l.unload(l.pending, false)
		clear(l.pending)
		l.pending = l.pending[:0]
	}
}

// spillConfirmed puts a copy of what was confirmed lately before the first newer record that goes to disk, so that a
// replay has everything in order. It counts as consumed. Whenever there is such a thing in memory the spool has been read
// to its end: the records came by the direct way, which is open only then.
func (l *loop) spillConfirmed(now time.Time) bool {
	for i := range l.recent.kept {
		c := &l.recent.kept[i]
		if c.records == nil {
			continue
		}
		if !l.toDisk(c.records, now) {
			return false
		}
		l.recent.count -= len(c.records)
		c.lines, c.end, c.records = len(c.records), l.spool.size, nil
		l.spool.consume(c.end, c.lines)
		l.noteSpool()
	}
	return true
}

// unload takes records that are on disk now off the count of those in memory. Repeated ones were never on it.
func (l *loop) unload(records []record, repeat bool) {
	if !repeat {
		l.release(len(records))
	}
}

// mustSpill reports whether what is pending has to go through the spool: when the store does not take it, and when
// older records are there that the sender does not already have.
func (l *loop) mustSpill(now time.Time) bool {
	ahead := l.spool.read
	if j := l.inflight; j != nil && j.lines > 0 {
		ahead = j.end
	}
	return l.away || l.abandoned || ahead < l.spool.size || l.stalled(now)
}

// stalled reports whether the sender has been at its job for longer than Patience.
func (l *loop) stalled(now time.Time) bool {
	return l.inflight != nil && now.Sub(l.inflight.started) >= l.w.cfg.Patience
}

func (l *loop) toDisk(records []record, now time.Time) bool {
	if err := l.spool.append(records); err != nil {
		if !l.diskFailed {
			l.w.cfg.Log.Error("transcripts cannot be spooled, they wait in memory", "path", l.spool.path, "err", err)
		}
		l.diskFailed, l.diskRetryAt = true, now.Add(diskPause)
		return false
	}
	l.diskFailed = false
	l.w.mu.Lock()
	l.w.stats.Spooled += uint64(len(records))
	l.w.mu.Unlock()
	l.noteSpool()
	return true
}

// noteSpool publishes the size of the spool.
func (l *loop) noteSpool() {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	l.w.spooled, l.w.stats.SpoolBytes = l.spool.unread, l.spool.size
}

func (l *loop) sync(now time.Time) {
	if l.spool == nil || !l.spool.dirty || now.Sub(l.syncedAt) < syncEvery {
		return
	}
	l.syncedAt = now
	if err := l.spool.sync(); err != nil {
		l.w.cfg.Log.Error("the spool cannot be synced to disk", "path", l.spool.path, "err", err)
	}
}

// replayJob takes the front of the spool. A job without records is one of corrupt lines only.
func (l *loop) replayJob() *job {
	if l.spool == nil || l.spool.empty() {
		return nil
	}
	st, err := l.spool.front(l.w.cfg.Batch)
	if err != nil {
		l.forsakeSpool(err)
		return nil
	}
	return &job{records: st.records, replay: true, lines: st.lines, corrupt: st.corrupt, end: st.end}
}

// forsakeSpool goes on without a spool that the disk does not give back any more. The file is left for people to look at.
func (l *loop) forsakeSpool(err error) {
	l.w.cfg.Log.Error("the spool cannot be read, going on without it", "path", l.spool.path, "records", l.spool.unread, "err", err)
	l.w.mu.Lock()
	l.w.dropLocked(DropSpoolLost, l.spool.unread)
	l.w.spooled, l.w.stats.SpoolBytes = 0, 0
	l.w.mu.Unlock()
	l.spool.f.Close()
	l.spool = nil
	l.recent.kept = slices.DeleteFunc(l.recent.kept, func(c confirmed) bool { return c.records == nil })
}

// consume takes the lines of a job that went through off what is to be replayed.
func (l *loop) consume(j *job) {
	l.spool.consume(j.end, j.lines)
	if j.corrupt > 0 {
		l.w.cfg.Log.Error("spool lines could not be read", "path", l.spool.path, "lines", j.corrupt)
	}
	l.noteSpool()
}

func (l *loop) settleSpool(end int64, lines int) {
	if err := l.spool.settle(end, lines); err != nil {
		l.w.cfg.Log.Error("the spool was replayed and cannot be emptied", "path", l.spool.path, "err", err)
	}
	l.noteSpool()
}

// diskDue names the times at which the spool needs attention.
func (l *loop) diskDue(now time.Time, due func(time.Time)) {
	if l.inflight != nil && !l.stalled(now) {
		due(l.inflight.started.Add(l.w.cfg.Patience))
	}
	if l.spool.dirty {
		due(l.syncedAt.Add(syncEvery))
	}
	if l.diskFailed {
		due(later(now, l.diskRetryAt))
	}
}

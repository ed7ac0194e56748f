package store

import "maps"

// DropReason says why a [Writer] gave up a record.
type DropReason string

// The reasons.
const (
	DropQueueFull   DropReason = "queue_full"   // neither backend nor spool took lines for so long that the queue filled
	DropInvalid     DropReason = "invalid"      // the record is malformed
	DropUnknownCall DropReason = "unknown_call" // the call was never begun, was deleted or has expired
	DropConflict    DropReason = "conflict"     // another entry has its id
	DropClosed      DropReason = "closed"       // it came after Close, or Close ran out of time and there is no spool
	DropSpoolLost   DropReason = "spool_lost"   // the spool file can no longer be read
)

// Stats is a snapshot of a [Writer]. The counters count records: lines, and beginnings and ends of calls.
type Stats struct {
	Backlog    int    // accepted, not yet in the backend
	Away       bool   // the last write failed
	LiveCalls  int    // begun and not finished
	SpoolBytes int64  // size of the spool file
	Written    uint64 // taken by the backend
	Spooled    uint64 // written to the spool
	Replayed   uint64 // taken by the backend from the spool
	Corrupt    uint64 // spool lines that could not be read
	Errors     uint64 // failed attempts to write or renew
	Dropped    map[DropReason]uint64
}

// Stats reads the counters.
func (w *Writer) Stats() Stats {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.stats
	s.Backlog = w.held + w.spooled
	s.LiveCalls = len(w.live)
	s.Dropped = maps.Clone(w.stats.Dropped)
	return s
}

// dropLocked counts n records as lost. The loop logs them, at most once a second.
func (w *Writer) dropLocked(why DropReason, n int) {
	if n > 0 {
		w.stats.Dropped[why] += uint64(n)
		w.drops += uint64(n)
	}
}

func (w *Writer) drop(why DropReason, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dropLocked(why, n)
}

func (w *Writer) totalDropped() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.drops
}

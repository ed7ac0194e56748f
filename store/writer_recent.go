package store

import (
	"context"
	"time"
)

// Forgetful is a [Sink] whose server may lose writes that it confirmed, when it crashes soon after. Redis does: with
// "appendfsync everysec" it answers, and while an earlier sync is under way it puts off writing its log for up to two
// seconds; a failover loses what was not replicated. The writer keeps what was confirmed lately and writes it again
// when the server may have been another one meanwhile.
//
// What was never in the spool is forgotten with the process: only when both crash within seconds is a line lost.
type Forgetful interface {
	// Epoch changes whenever the server may have been restarted or replaced. Changing without need costs some repeated
	// writes and nothing else.
	Epoch() uint64
	// Ping reaches every server that may hold a write. Together with an epoch that stays the same it is the proof that all
	// of them are still those that confirmed: an answer to a write is none, since another server may have given it.
	Ping(ctx context.Context) error
}

const (
	settleTime = 3 * time.Second // that the servers have to stay the same after a write before the write is believed
	probeEvery = time.Second     // they are asked at most this often
)

// recent is what the backend confirmed and may still forget, oldest first. What is on disk is older than what is in
// memory. Owned by the loop.
type recent struct {
	kept  []confirmed
	count int // records in memory
	limit int // of count
	epoch uint64
	known bool // epoch was read

	probedAt time.Time // when the servers were last asked
}

// confirmed is the records of one job.
type confirmed struct {
	at      time.Time // when the answer came
	records []record  // nil when they are on disk
	lines   int       // of the spool, when they are on disk
	end     int64     // of these lines
}

func (r *recent) add(c confirmed) {
	r.kept = append(r.kept, c)
	r.count += len(c.records)
}

// changed reports whether the server may be another one than at the last call.
func (r *recent) changed(epoch uint64) bool {
	changed := r.known && epoch != r.epoch
	r.epoch, r.known = epoch, true
	return changed
}

// believe gives up what was confirmed long enough before the servers were last seen to be the same, and what there is no
// room for.
func (r *recent) believe(seen time.Time) (believed []confirmed) {
	for len(r.kept) > 0 && (r.kept[0].at.Add(settleTime).Before(seen) || r.count > r.limit) {
		believed = append(believed, r.kept[0])
		r.count -= len(r.kept[0].records)
		r.kept = r.kept[1:]
	}
	return believed
}

// flush gives up everything and returns what is in memory, in order.
func (r *recent) flush() (inMemory []record) {
	for _, c := range r.kept {
		inMemory = append(inMemory, c.records...)
	}
	r.kept, r.count = nil, 0
	return inMemory
}

// dueAt is when the oldest can be believed if the servers then answer; ok is false when there is nothing.
func (r *recent) dueAt() (at time.Time, ok bool) {
	if len(r.kept) == 0 {
		return time.Time{}, false
	}
	return later(r.kept[0].at.Add(settleTime+time.Millisecond), r.probedAt.Add(probeEvery)), true
}

// doubt reports whether the answer to a job must not be trusted, because the server has changed. A server that seems to
// be another one at every turn (it drops each connection, and may not be asked who it is) is trusted after a while: lines
// that arrive are worth more than protection from its crash.
func (l *loop) doubt(epoch uint64) bool {
	const most = 3
	if !l.recent.changed(epoch) {
		l.doubts = 0
		return false
	}
	l.doubts++
	return l.doubts <= most
}

// remember keeps what a job wrote until it can be believed.
func (l *loop) remember(j *job, now time.Time) {
	switch {
	case j.lines > 0:
		l.recent.add(confirmed{at: now, lines: j.lines, end: j.end})
	case len(j.records) > 0:
		l.recent.add(confirmed{at: now, records: j.records})
	case j.probe:
		l.recent.probedAt = j.started // the servers answered, so they were there after the job began
	}
	l.believe(l.recent.believe(l.recent.probedAt))
}

func (l *loop) believe(all []confirmed) {
	for _, c := range all {
		if c.lines > 0 && l.spool != nil {
			l.settleSpool(c.end, c.lines)
		}
	}
}

// recall has everything written again that the server may have forgotten: what is on disk by going back in the spool,
// what is in memory after that and before all newer records.
func (l *loop) recall() {
	l.again = append(l.recent.flush(), l.again...)
	if l.spool != nil {
		l.spool.rewind()
		l.noteSpool()
	}
}

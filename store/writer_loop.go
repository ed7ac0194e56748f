package store

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	reportEvery = time.Second // drops are logged at most this often
	renewBatch  = 32          // leases a job renews at most
)

// loop decides what goes where. Everything in it is owned by run.
//
//	          spool empty, store prompt
//	pending ─────────────────────────────► job ──► sender
//	   │                                    ▲
//	   │ store away or slow, spool in use   │ replay: front of the spool
//	   └──────────────► spool ──────────────┘
type loop struct {
	w       *Writer
	spool   *spool // nil: none
	jobs    chan *job
	results chan outcome
	sender  sync.WaitGroup

	pending  []record // in memory, before the sender
	inflight *job     // with the sender; nil: idle
	recent   recent   // confirmed, for a Forgetful sink
	doubts   int      // jobs in a row that were given back because the server had changed
	again    []record // confirmed, and perhaps forgotten: written once more, before what is pending

	closing, abandoned bool // copies of the writer's, taken with the queue

	away      bool // the last job failed
	awaySince time.Time
	backoff   time.Duration
	retryAt   time.Time // no job before this
	renewAt   time.Time // the next round of renewals
	toRenew   []string  // calls of this round that wait for their turn
	renewed   bool      // the last job was a renewal

	syncedAt    time.Time
	diskRetryAt time.Time // no write to the spool before this
	diskFailed  bool

	reported   uint64 // drops that were logged
	reportedAt time.Time
	detail     error // why the last record was refused
}

// job is one turn of the sender: leases to renew, records to write, or only a look whether the server is there.
type job struct {
	renew   []string
	records []record
	probe   bool
	started time.Time

	repeat bool // the records were confirmed before: what is refused now is not lost

	replay  bool  // the records were read from the front of the spool
	lines   int   // of the spool, when the records are its front: read from there, or copied there meanwhile
	end     int64 // of these lines
	corrupt int   // among them
}

func newLoop(w *Writer) (*loop, error) {
	l := &loop{w: w, jobs: make(chan *job, 1), results: make(chan outcome, 1), recent: recent{limit: w.cfg.Queue}}
	l.renewAt = time.Now().Add(w.cfg.RenewEvery)
	if w.cfg.Spool == "" {
		return l, nil
	}
	s, err := openSpool(w.cfg.Spool, w.cfg.SpoolBytes)
	if err != nil {
		return nil, err
	}
	l.spool = s
	l.noteSpool()
	w.stats.Corrupt = uint64(s.corrupt)
	if s.corrupt > 0 {
		w.cfg.Log.Warn("the spool ended in a torn line, which was cut off", "path", s.path)
	}
	if s.unread > 0 {
		w.cfg.Log.Info("replaying the spool of an earlier process", "path", s.path, "records", s.unread)
	}
	return l, nil
}

func (l *loop) run() {
	defer close(l.w.done)
	l.sender.Go(func() { l.w.send(l.jobs, l.results) })
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		now := time.Now()
		l.take()
		l.spill(now)
		l.sync(now)
		l.report(now)
		l.dispatch(now)
		if l.finished() {
			break
		}
		timer.Reset(l.wait(now))
		select {
		case <-l.w.wake:
		case o := <-l.results:
			l.settle(o, time.Now())
		case <-timer.C:
		}
	}
	l.end()
}

// take moves the queue behind what is pending.
func (l *loop) take() {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	l.pending = append(l.pending, l.w.queue...)
	clear(l.w.queue)
	l.w.queue = l.w.queue[:0]
	l.closing, l.abandoned = l.w.closed, l.w.abandoned
}

// release takes n records off the count of those in memory.
func (l *loop) release(n int) {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	l.w.held -= n
}

// dispatch gives the sender its next job when it is idle.
func (l *loop) dispatch(now time.Time) {
	if l.inflight != nil || l.abandoned || now.Before(l.retryAt) {
		return
	}
	if j := l.nextJob(now); j != nil {
		j.started = now
		l.inflight = j
		l.jobs <- j
	}
}

// nextJob takes leases and records in turns, the oldest first: a round of renewals for hundreds of calls must not hold
// lines up, nor the other way round. A probe is short and rare, and goes before records.
func (l *loop) nextJob(now time.Time) *job {
	if !now.Before(l.renewAt) {
		l.toRenew = l.w.liveIDs()
		l.renewAt = now.Add(l.w.cfg.RenewEvery)
	}
	if len(l.toRenew) > 0 && !(l.renewed && l.backlog()) {
		l.renewed = true
		n := min(len(l.toRenew), renewBatch)
		j := &job{renew: l.toRenew[:n:n]}
		l.toRenew = l.toRenew[n:]
		return j
	}
	l.renewed = false
	if at, ok := l.recent.dueAt(); ok && !now.Before(at) {
		return &job{probe: true}
	}
	if j := l.replayJob(); j != nil {
		return j
	}
	if len(l.again) > 0 {
		return &job{records: l.cut(&l.again), repeat: true}
	}
	if len(l.pending) > 0 {
		return &job{records: l.cut(&l.pending)}
	}
	return nil
}

// cut takes a batch off the front of a queue.
func (l *loop) cut(queue *[]record) []record {
	n := min(len(*queue), l.w.cfg.Batch)
	batch := slices.Clone((*queue)[:n])
	*queue = slices.Delete(*queue, 0, n)
	return batch
}

// settle takes the sender's answer.
func (l *loop) settle(o outcome, now time.Time) {
	j := l.inflight
	l.inflight = nil
	if o.err != nil {
		l.giveBack(j)
		l.failed(o.err, now)
		return
	}
	if o.forgetful && l.doubt(o.epoch) {
		l.giveBack(j) // who knows which server answered, and what it had forgotten
		return
	}
	if len(j.records) > 0 || !l.backlog() { // a full Redis renews leases and takes no lines: it is not back
		l.returned(now)
	}
	switch {
	case j.lines > 0:
		l.consume(j)
	case !j.repeat:
		l.release(len(j.records))
	}
	if !j.repeat {
		l.count(j, o)
	}
	switch {
	case o.forgetful:
		l.remember(j, now)
	case j.lines > 0:
		l.settleSpool(j.end, j.lines)
	}
}

func (l *loop) count(j *job, o outcome) {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	taken := len(j.records)
	for why, n := range o.dropped {
		l.w.dropLocked(why, n)
		taken -= n
	}
	if o.detail != nil {
		l.detail = o.detail
	}
	l.w.stats.Written += uint64(taken)
	l.w.stats.Corrupt += uint64(j.corrupt)
	if j.replay {
		l.w.stats.Replayed += uint64(taken)
	}
}

// giveBack keeps the job's records for the next attempt, after those that the server may come back without.
func (l *loop) giveBack(j *job) {
	switch {
	case j.lines > 0: // they are in the spool
	case j.repeat:
		l.again = append(j.records, l.again...)
	default:
		l.pending = append(j.records, l.pending...)
	}
	l.toRenew = append(j.renew, l.toRenew...)
	l.recall()
}

// failed lets the backend rest.
func (l *loop) failed(err error, now time.Time) {
	if !l.away {
		l.awaySince = now
		l.w.cfg.Log.Warn("the transcript store is away", "err", err, "spool", l.spool != nil)
	}
	cfg := &l.w.cfg
	l.backoff = min(max(cfg.RetryMin, 2*l.backoff), cfg.RetryMax)
	l.retryAt = now.Add(l.backoff)
	l.setAway(true)
	l.w.mu.Lock()
	l.w.stats.Errors++
	l.w.mu.Unlock()
}

func (l *loop) returned(now time.Time) {
	if l.away {
		l.w.cfg.Log.Info("the transcript store is back", "away", now.Sub(l.awaySince).Round(time.Millisecond), "backlog", l.w.Stats().Backlog)
	}
	l.backoff, l.retryAt = 0, time.Time{}
	l.setAway(false)
}

func (l *loop) setAway(away bool) {
	l.away = away
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	l.w.stats.Away = away
}

// report logs drops, summed up.
func (l *loop) report(now time.Time) {
	total := l.w.totalDropped()
	if total == l.reported || now.Sub(l.reportedAt) < reportEvery {
		return
	}
	l.w.cfg.Log.Error("transcript records were dropped", "new", total-l.reported,
		"total", fmt.Sprint(l.w.Stats().Dropped), "last", l.detail)
	l.reported, l.reportedAt = total, now
}

// finished reports whether a closing writer has nothing left to do.
func (l *loop) finished() bool {
	if !l.closing || l.inflight != nil {
		return false
	}
	return l.abandoned || !l.backlog()
}

func (l *loop) backlog() bool {
	return len(l.pending) > 0 || len(l.again) > 0 || l.spool != nil && !l.spool.empty()
}

// wait is the time until something is due by the clock.
func (l *loop) wait(now time.Time) time.Duration {
	next := now.Add(time.Hour)
	due := func(t time.Time) {
		if t.Before(next) {
			next = t
		}
	}
	if l.inflight == nil {
		due(l.jobAt(now))
	}
	if l.spool != nil {
		l.diskDue(now, due)
	}
	if l.w.totalDropped() != l.reported {
		due(l.reportedAt.Add(reportEvery))
	}
	return max(0, next.Sub(now))
}

// jobAt is when the idle sender can have its next job.
func (l *loop) jobAt(now time.Time) time.Time {
	at := l.renewAt
	if probe, ok := l.recent.dueAt(); ok && probe.Before(at) {
		at = probe
	}
	if l.backlog() || len(l.toRenew) > 0 {
		at = now
	}
	if at.Before(l.retryAt) {
		at = l.retryAt
	}
	return at
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// end joins the sender and gives up what is neither written nor spooled.
func (l *loop) end() {
	close(l.jobs)
	l.sender.Wait()
	l.w.drop(DropClosed, len(l.pending))
	l.reportedAt = time.Time{}
	l.report(time.Now())
	if l.spool == nil {
		return
	}
	if n := l.spool.unread; n > 0 {
		l.w.cfg.Log.Warn("transcript records wait in the spool for the next start", "path", l.spool.path, "records", n)
	}
	if err := l.spool.close(); err != nil {
		l.w.cfg.Log.Error("the spool was not closed cleanly", "path", l.spool.path, "err", err)
	}
}

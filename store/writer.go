package store

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

// WriterConfig sets up a [Writer]. The zero value works, without a spool.
type WriterConfig struct {
	Queue      int           // records held in memory at most; default 8192. Beginnings and ends of calls may use twice that
	Spool      string        // file that takes what the backend does not; "": none. It holds what callers said: mode 0600
	SpoolBytes int64         // size of the spool at most; default 1 GiB
	Batch      int           // records for one turn of the backend at most; default 256
	Patience   time.Duration // a write that takes longer is copied to the spool while it goes on; default 25 ms
	Timeout    time.Duration // one call of the backend; default 3 s
	Lease      time.Duration // what a renewal grants a running call; default [DefaultLease]
	RenewEvery time.Duration // default 10 s
	RetryMin   time.Duration // first pause after a failed write, doubled each time; default 100 ms
	RetryMax   time.Duration // longest pause; default 5 s
	Log        *slog.Logger  // nil: silent

	// Observe, when set, is told of every call of the backend: op is begin, append, finish, batch (instead of these three
	// where the backend is a [Batcher]), renew or ping. It is called from one goroutine and must not block.
	Observe func(op string, took time.Duration, err error)
}

func (c WriterConfig) withDefaults() WriterConfig {
	c.Queue = cmp.Or(c.Queue, 8192)
	c.SpoolBytes = cmp.Or(c.SpoolBytes, 1<<30)
	c.Batch = cmp.Or(c.Batch, 256)
	c.Patience = cmp.Or(c.Patience, 25*time.Millisecond)
	c.Timeout = cmp.Or(c.Timeout, 3*time.Second)
	c.Lease = cmp.Or(c.Lease, DefaultLease)
	c.RenewEvery = cmp.Or(c.RenewEvery, 10*time.Second)
	c.RetryMin = cmp.Or(c.RetryMin, 100*time.Millisecond)
	c.RetryMax = cmp.Or(c.RetryMax, 5*time.Second)
	c.Log = orDiscard(c.Log)
	if c.Observe == nil {
		c.Observe = func(string, time.Duration, error) {}
	}
	return c
}

// Writer is how the call path writes. Begin, Append and Finish never block and never fail: they put records into a
// queue and return. Two goroutines do the rest:
//
//   - the loop owns order, the spool file and the clock, and never touches the network;
//   - the sender does one job at a time with the backend, and may take as long as that takes.
//
// Records of a call reach the backend in the order in which they were given. While the backend is away, or slow beyond
// Patience, they go to the spool, and as long as the spool holds anything everything goes through it. The loop also
// renews the leases of running calls. Safe for use by several goroutines.
type Writer struct {
	// static
	sink   Sink
	cfg    WriterConfig
	ctx    context.Context // of the sender's calls; ends when Close gives up
	cancel context.CancelFunc
	wake   chan struct{} // one pending poke for the loop; never closed
	done   chan struct{} // closed by the loop when all is joined

	mu        sync.Mutex
	queue     []record // accepted, not yet seen by the loop
	held      int      // records in memory: in queue, with the loop, with the sender
	spooled   int      // lines in the spool that wait
	live      map[string]*liveCall
	strays    uint64 // sequence of the last id for a line of a call that is not live
	closed    bool
	abandoned bool // Close ran out of time
	drops     uint64
	stats     Stats
}

// liveCall is a call between Begin and Finish.
type liveCall struct {
	call *Call // replaced, never changed
	ids  IDs
}

// NewWriter starts a writer. It fails when the spool cannot be opened, which is a fault of the configuration or means
// that another process uses it. What an earlier process left in the spool is replayed first. The backend need not be
// there. The caller must Close the writer, and only then the backend.
func NewWriter(sink Sink, cfg WriterConfig) (*Writer, error) {
	cfg = cfg.withDefaults()
	ctx, cancel := context.WithCancel(context.Background())
	w := &Writer{
		sink: sink, cfg: cfg, ctx: ctx, cancel: cancel,
		wake: make(chan struct{}, 1), done: make(chan struct{}),
		live: map[string]*liveCall{}, stats: Stats{Dropped: map[DropReason]uint64{}},
		// Far above what a call's own ids count to, and different for each process that adds to the same call.
		strays: 1<<32 + rand.Uint64N(1<<62),
	}
	l, err := newLoop(w)
	if err != nil {
		cancel()
		return nil, err
	}
	go l.run()
	return w, nil
}

// Begin records that a call runs, with an entry of [KindCall], and keeps its lease until Finish. Repeated, it adds what
// became known (Answered) and writes no second entry.
func (w *Writer) Begin(c Call) {
	if c.Validate() != nil {
		w.drop(DropInvalid, 1)
		return
	}
	defer w.poke()
	w.mu.Lock()
	defer w.mu.Unlock()
	lc := w.live[c.ID]
	if lc != nil {
		c = merged(lc.call, &c)
		lc.call = &c
		w.putLocked(record{op: opBegin, callID: c.ID, call: &c})
		return
	}
	lc = &liveCall{call: &c}
	if !w.closed {
		w.live[c.ID] = lc
	}
	w.putLocked(record{op: opBegin, callID: c.ID, call: &c})
	w.putLocked(record{op: opEntry, callID: c.ID,
		entry: Entry{ID: lc.ids.Next(c.Started), Kind: KindCall, At: c.Started, Role: RoleSystem}})
}

// Append adds lines to the transcript of a call. An entry without an id gets one, and so does an entry whose id is not
// after those of the lines before it: it would take the place of another line.
func (w *Writer) Append(callID string, entries ...Entry) {
	now := time.Now()
	defer w.poke()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range entries {
		if ValidateCallID(callID) != nil || e.validateBody() != nil {
			w.dropLocked(DropInvalid, 1)
			continue
		}
		if e.ID == "" && e.At.IsZero() {
			e.At = now
		}
		e.ID = w.idLocked(callID, e.ID, now)
		w.putLocked(record{op: opEntry, callID: callID, entry: e})
	}
}

// idLocked is the id under which a line is written: the one it has when nothing speaks against it.
func (w *Writer) idLocked(callID, id string, now time.Time) string {
	if lc := w.live[callID]; lc != nil {
		return lc.ids.Keep(id, now)
	}
	if _, err := ParseID(id); err == nil {
		return id
	}
	w.strays++
	return ID{MS: uint64(max(0, now.UnixMilli())), Seq: w.strays}.String()
}

// Finish records the end of a call, with an entry of [KindEnd]. Fields that c leaves empty keep what Begin gave them; a
// zero Ended becomes now. Repeated, it adds fields and writes no second entry.
func (w *Writer) Finish(c Call) {
	if ValidateCallID(c.ID) != nil {
		w.drop(DropInvalid, 1)
		return
	}
	if c.Ended.IsZero() {
		c.Ended = time.Now()
	}
	defer w.poke()
	w.mu.Lock()
	defer w.mu.Unlock()
	if lc := w.live[c.ID]; lc != nil {
		delete(w.live, c.ID)
		c = merged(lc.call, &c)
		w.putLocked(record{op: opEntry, callID: c.ID, entry: endEntry(&c, lc.ids.Next(c.Ended))})
	}
	w.putLocked(record{op: opFinish, callID: c.ID, call: &c})
}

func endEntry(c *Call, id string) Entry {
	return Entry{ID: id, Kind: KindEnd, At: c.Ended, Role: RoleSystem, Text: c.Cause, Status: c.EndedBy,
		DurationMS: int(c.Duration().Milliseconds())}
}

func merged(old, changes *Call) Call {
	c := *old
	c.Merge(changes)
	return c
}

// putLocked queues a record or drops it. Beginnings and ends have room beyond that of plain lines: without them the
// lines that did get through would be refused.
func (w *Writer) putLocked(r record) {
	limit := w.cfg.Queue
	if r.op != opEntry || r.entry.Kind == KindCall || r.entry.Kind == KindEnd {
		limit *= 2
	}
	switch {
	case w.closed:
		w.dropLocked(DropClosed, 1)
	case w.held >= limit:
		w.dropLocked(DropQueueFull, 1)
	default:
		w.queue = append(w.queue, r)
		w.held++
	}
}

func (w *Writer) poke() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Close stops taking records, writes what is there and returns when both goroutines are gone. When ctx ends first
// what is left goes to the spool and is replayed by the next process; without a spool it is lost, and the error says how
// much. A call of the backend that hangs may delay the return by Timeout beyond ctx.
func (w *Writer) Close(ctx context.Context) error {
	w.mu.Lock()
	w.closed = true
	before := w.stats.Dropped[DropClosed]
	w.mu.Unlock()
	w.poke()
	select {
	case <-w.done:
	case <-ctx.Done():
		w.abandon()
		<-w.done
	}
	w.cancel()
	if lost := w.Stats().Dropped[DropClosed] - before; lost > 0 {
		return fmt.Errorf("close transcript writer: %d records lost", lost)
	}
	return nil
}

func (w *Writer) abandon() {
	w.mu.Lock()
	w.abandoned = true
	w.mu.Unlock()
	w.cancel()
	w.poke()
}

// liveIDs lists the calls to renew.
func (w *Writer) liveIDs() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	ids := make([]string, 0, len(w.live))
	for id := range w.live {
		ids = append(ids, id)
	}
	return ids
}

// liveCall is the record of a running call, or nil.
func (w *Writer) liveCall(id string) *Call {
	w.mu.Lock()
	defer w.mu.Unlock()
	if lc := w.live[id]; lc != nil {
		return lc.call
	}
	return nil
}

package store

import (
	"context"
	"log/slog"
	"time"
)

// DefaultLease is how long a running call stays alive in the store without a renewal. Begin grants one.
const DefaultLease = 30 * time.Second

// Sink is the half of a store that records calls. Every method may be repeated: a repeated write is success. An error
// that is not [Permanent] means try again later. A cancelled context may still leave the write done.
type Sink interface {
	// Begin records that the call runs and grants it [DefaultLease]. Repeated, it replaces the fields that c sets and
	// keeps the others, so that what is known later (Answered) can be added. The call is listed under the start, agent
	// and caller that Begin gave it.
	Begin(ctx context.Context, c Call) error
	// Append adds entries to a call that was begun. Entries may come late and out of order: each is stored at the place
	// of its id. Errors: [ErrNotFound], [ErrInvalid] (nothing is written), [Conflict] (the others are written).
	Append(ctx context.Context, callID string, entries ...Entry) error
	// Finish records the end of the call: fields that c sets replace those of Begin, also when Sweep closed the call
	// before. A zero Ended becomes now. Expires, when zero, is set from the backend's retention. Errors: [ErrNotFound].
	Finish(ctx context.Context, c Call) error
	// Renew extends the lease of a running call to now + lease. A call that Sweep closed as lost comes back to life; one
	// that was finished stays so. Errors: [ErrNotFound].
	Renew(ctx context.Context, callID string, lease time.Duration) error
}

// Batcher is a [Sink] that takes many writes at the price of one.
type Batcher interface {
	// Batch calls f once with a Sink whose writes are done together when f returns nil, and not at all otherwise. That
	// Sink must not be used afterwards; errors of its methods that are [Permanent] do not spoil the others.
	Batch(ctx context.Context, f func(Sink) error) error
}

// Reader is the half of a store that supervisors and the command line use.
type Reader interface {
	// Call returns the record of a call, or [ErrNotFound].
	Call(ctx context.Context, id string) (Call, error)
	// Entries returns the lines after the id after ("": from the first), in order, at most limit (0: all).
	Entries(ctx context.Context, id, after string, limit int) ([]Entry, error)
	// Follow is Entries that waits: it returns at once when there are lines after the given id, else when the next ones
	// are written. [ErrEnded] means that the call is over and has no more lines. A cancelled context is honoured within
	// two seconds.
	Follow(ctx context.Context, id, after string) ([]Entry, error)
	// List returns one page of calls, newest first.
	List(ctx context.Context, q Query) (Page, error)
}

// Store is a whole backend.
type Store interface {
	Sink
	Reader
	Labeller
	Feeder
	Outbox
	Auditor
	// Sweep closes the calls whose lease ran out before now as [CauseLost], and removes what has expired where the
	// backend does not do so by itself. closed are the calls that this sweep closed; they are valid also with an error.
	Sweep(ctx context.Context, now time.Time) (closed []string, err error)
	// Delete removes a call, its transcript and its places in every index. Deleting a running call removes what is
	// there so far; what is said afterwards begins a new record. Errors: [ErrNotFound].
	Delete(ctx context.Context, id string) error
	// Ping reports whether the backend answers.
	Ping(ctx context.Context) error
	// Close frees what the store holds. Methods that run, Follow included, return [ErrClosed] or finish.
	Close() error
}

// SweepEvery sweeps s each interval until ctx is done. It blocks; the caller owns the goroutine. Failures are logged and
// tried again at the next turn.
func SweepEvery(ctx context.Context, s Store, interval time.Duration, log *slog.Logger) {
	log = orDiscard(log)
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		closed, err := s.Sweep(ctx, time.Now())
		for _, id := range closed {
			log.Warn("call closed as lost: its process stopped renewing it", "call_id", id)
		}
		if err != nil && ctx.Err() == nil {
			log.Warn("sweeping the store failed", "err", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func orDiscard(log *slog.Logger) *slog.Logger {
	if log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return log
}

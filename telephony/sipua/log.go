package sipua

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// sipgoLog receives sipgo's log records. Their attributes hold whole datagrams and
// request lines, written at error level for every piece of junk from the network, so
// only the message text is passed on, at debug level and at most once a second.
type sipgoLog struct {
	counters *counters
	log      *slog.Logger
	throttle *throttle
	muted    *atomic.Bool // the user agent is closed: a goroutine of sipgo may outlive it
}

// Enabled implements slog.Handler. sipgo's debug records would cost a formatting each.
func (h *sipgoLog) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

// Handle implements slog.Handler.
func (h *sipgoLog) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == "failed to parse" {
		h.counters.malformed.Add(1)
	}
	if !h.muted.Load() && h.throttle.allow() {
		h.log.DebugContext(ctx, "sip library: "+r.Message)
	}
	return nil
}

// WithAttrs implements slog.Handler; attributes are dropped.
func (h *sipgoLog) WithAttrs([]slog.Attr) slog.Handler { return h }

// WithGroup implements slog.Handler.
func (h *sipgoLog) WithGroup(string) slog.Handler { return h }

// throttle lets one event through per interval.
type throttle struct {
	interval time.Duration // static
	next     atomic.Int64  // unix nanoseconds
}

func newThrottle(interval time.Duration) *throttle { return &throttle{interval: interval} }

func (t *throttle) allow() bool {
	now, next := time.Now().UnixNano(), t.next.Load()
	return now >= next && t.next.CompareAndSwap(next, now+int64(t.interval))
}

package simulator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/trunkline/trunkline/agent/realtime"
)

// DirectOptions say how a direct connection behaves. The zero value works.
type DirectOptions struct {
	// UpDelay and DownDelay give the time that each message of the client and of the server is under way; nil is
	// none. Messages never overtake each other. Each is called by one goroutine at a time.
	UpDelay, DownDelay func() time.Duration

	// Notice is the time after which the client notices a frozen connection, as its pings would; default 20 s.
	Notice time.Duration

	// Trace is told of every message when it is sent, by both sides at once; nil: nobody. It must not block and must not
	// keep Text.
	Trace func(Message)
}

// Message is one message of a direct connection.
type Message struct {
	FromServer bool
	Sent       time.Time
	Arrives    time.Time
	Text       []byte // the JSON
}

// Direct is a client's end of a session without a WebSocket and without a
// network between, for tests that hold very many calls, in fake time as well.
// Messages pass as JSON all the same: written and read by the client's own
// codec on this side, checked by the simulator's parser on the other.
//
//	Send ─ realtime.Encode ─► lane ─► Session.read … Session.run
//	Recv ◄ realtime.Decoder ─ lane ◄─────────────────────┘
//
// Send and Close may be called from anywhere, Recv from one goroutine.
type Direct struct {
	// Static.
	opts    DirectOptions
	dialect realtime.Dialect
	session *Session
	up      *lane
	down    *lane
	gone    chan struct{} // closed when the session's goroutines have ended
	closed  chan struct{} // closed by Close

	// Owned by Recv.
	decoder *realtime.Decoder

	once sync.Once // of Close

	// Guarded by mu.
	mu    sync.Mutex
	cause error // why the connection ended, as far as the client knows
}

// Direct connects a client to a new session, as an upgrade at the dialect's
// address would. The error is a *realtime.DialError when the faults refuse the
// upgrade or the server is closed, or says that ctx ended.
func (s *Server) Direct(ctx context.Context, opts DirectOptions) (*Direct, error) {
	if !s.enter() {
		return nil, &realtime.DialError{Address: "simulator", Err: errShut}
	}
	faults := s.currentFaults()
	if err := s.pause(ctx, faults.UpgradeDelay); err != nil {
		s.handlers.Done()
		return nil, &realtime.DialError{Address: "simulator", Err: err}
	}
	if p := s.refusal(faults); p != nil {
		s.handlers.Done()
		return nil, &realtime.DialError{Address: "simulator", Status: p.status, Code: p.code, RetryAfter: faults.RetryAfter,
			Err: errors.New(p.message)}
	}
	d := s.direct(opts)
	d.session = s.add(upgrade{path: "direct", model: directModel}, d, faults)
	go func() {
		defer s.handlers.Done()
		defer close(d.gone)
		d.session.run(s.ctx)
	}()
	return d, nil
}

// directModel is what the model of a direct session is called: one that has
// everything, reasoning too.
const directModel = "gpt-realtime-2"

func (s *Server) direct(opts DirectOptions) *Direct {
	opts.Notice = or(opts.Notice, 20*time.Second)
	d := &Direct{
		opts: opts, up: newLane(opts.UpDelay), down: newLane(opts.DownDelay),
		gone: make(chan struct{}), closed: make(chan struct{}),
	}
	if s.opts.Dialect == DialectPreview {
		d.dialect = realtime.DialectPreview
	}
	d.decoder = realtime.NewDecoder(d.dialect)
	if opts.Trace != nil {
		d.up.trace = func(due time.Time, data []byte) { opts.Trace(Message{false, time.Now(), due, data}) }
		d.down.trace = func(due time.Time, data []byte) { opts.Trace(Message{true, time.Now(), due, data}) }
	}
	return d
}

// Session is the other end.
func (d *Direct) Session() *Session { return d.session }

// Open begins the session: it waits for session.created, sends want and returns
// the session that the server confirms. The error is a *realtime.RefusedError,
// or says how the connection ended.
func (d *Direct) Open(ctx context.Context, want realtime.Session) (realtime.Session, error) {
	const id = "open-1"
	if err := d.Send(ctx, &realtime.SessionUpdate{EventID: id, Session: want}); err != nil {
		return realtime.Session{}, err
	}
	for {
		ev, err := d.Recv(ctx)
		if err != nil {
			return realtime.Session{}, fmt.Errorf("open session: %w", err)
		}
		switch ev := ev.(type) {
		case *realtime.SessionUpdated:
			return ev.Session, nil
		case *realtime.ErrorEvent:
			return realtime.Session{}, &realtime.RefusedError{Dialect: d.dialect, Err: &ev.Error}
		}
	}
}

// Send passes an event on and does not wait. The error is why the connection
// ended, or that ev cannot be encoded. What is sent on a connection that was
// lost, before Recv told so, is lost as well.
func (d *Direct) Send(_ context.Context, ev realtime.ClientEvent) error {
	if err := d.ended(); err != nil {
		return err
	}
	text, err := realtime.Encode(nil, d.dialect, ev)
	if err != nil {
		return err
	}
	return d.up.put(text)
}

// Recv waits for the next event of the server; what is no event is passed over.
// The error is why the connection ended: a *realtime.CloseError,
// realtime.ErrPingTimeout, realtime.ErrClosed, or the end of ctx, which ends
// the connection.
func (d *Direct) Recv(ctx context.Context) (realtime.ServerEvent, error) {
	if err := d.ended(); err != nil {
		return nil, err
	}
	for {
		p, ok := d.down.get(d.closed, ctx.Done())
		switch {
		case !ok:
			return nil, d.fail(or(context.Cause(ctx), realtime.ErrClosed))
		case p.end != nil:
			return nil, d.fail(p.end)
		}
		if ev, err := d.decoder.Decode(p.data); err == nil {
			return ev, nil
		}
	}
}

// fail notes the first cause of the end, returns it, and lets the server know.
func (d *Direct) fail(cause error) error {
	d.mu.Lock()
	if d.cause == nil {
		d.cause = cause
	}
	cause = d.cause
	d.mu.Unlock()
	d.up.finish(io.EOF)
	return cause
}

func (d *Direct) ended() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cause
}

// Close ends the connection with code 1000 and returns when the session's
// goroutines have ended.
func (d *Direct) Close(reason string) error {
	d.once.Do(func() {
		d.up.finish(websocket.CloseError{Code: websocket.StatusNormalClosure, Reason: reason})
		d.fail(realtime.ErrClosed)
		close(d.closed)
	})
	<-d.gone
	return nil
}

// Below is the session's side: Direct is its link.

func (d *Direct) read() (message, error) {
	p, ok := d.up.get(nil, nil)
	if !ok || p.end != nil {
		return message{}, p.end
	}
	return message{data: p.data}, nil
}

func (d *Direct) write(data []byte) error { return d.down.put(data) }

func (d *Direct) close(code websocket.StatusCode, why string) {
	if code == 0 {
		d.drop()
		return
	}
	d.down.finish(&realtime.CloseError{Code: int(code), Reason: shorten(why, 120), Verdict: verdictOf(code)})
	d.up.cut(io.EOF, time.Now())
}

func (d *Direct) drop() {
	d.down.finish(lost(io.ErrUnexpectedEOF))
	d.up.cut(io.EOF, time.Now())
}

func (d *Direct) freeze() {
	d.down.cut(realtime.ErrPingTimeout, time.Now().Add(d.opts.Notice))
	d.up.silence()
}

func (d *Direct) junk() { d.down.finish(lost(errJunk)) }

var errJunk = errors.New("received what is no WebSocket frame")

// lost is the end of a connection without a close frame (RFC 6455 section 7.4.1).
func lost(err error) *realtime.CloseError {
	return &realtime.CloseError{Code: 1006, Verdict: realtime.VerdictRetry, Err: err}
}

// verdictOf says what a close code means: the session is over, a fault that may
// pass, or a rule that was broken.
func verdictOf(code websocket.StatusCode) realtime.Verdict {
	switch code {
	case 1000:
		return realtime.VerdictEnded
	case 1001, 1005, 1006, 1011, 1012, 1013, 1014:
		return realtime.VerdictRetry
	}
	return realtime.VerdictFatal
}

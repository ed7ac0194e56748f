package realtime

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrOpenTimeout: the server did not begin or confirm the session in the time that Open was given.
var ErrOpenTimeout = errors.New("realtime: server did not confirm the session in time")

// RefusedError says that the server refused the session, of which nothing was applied then.
type RefusedError struct {
	Dialect Dialect // that this side speaks
	Err     *Error  // Err.Param names the member
}

// Error implements error.
func (e *RefusedError) Error() string {
	switch {
	case e.Err.wrongDialect():
		return fmt.Sprintf("session refused: the server does not speak the %q dialect (%s %s); configure this service with dialect %q",
			e.Dialect, e.Err.Code, e.Err.Param, e.Dialect.other())
	case e.Err.Param != "":
		return fmt.Sprintf("session refused because of %s: %v", e.Err.Param, e.Err)
	}
	return fmt.Sprintf("session refused: %v", e.Err)
}

// Unwrap returns the server's error.
func (e *RefusedError) Unwrap() error { return e.Err }

// verdict: the same session would be refused again, unless the server was only busy.
func (e *RefusedError) verdict() Verdict {
	if e.Err.Class() == Retryable {
		return VerdictRetry
	}
	return VerdictFatal
}

// defaultOpenTimeout bounds Open when the caller does not.
const defaultOpenTimeout = 5 * time.Second

// Open begins the session on a new connection: it waits for session.created, sends want and returns the session that the
// server confirms with session.updated. The caller compares the audio formats before any audio: some servers confirm an
// update and keep their own. It reads with Recv, so nobody else may; other events that come meanwhile are passed over.
//
// timeout bounds the whole, 5 s if not positive. The error is a *RefusedError, wraps ErrOpenTimeout or the end of ctx, or
// says how the connection ended. After an error the connection is of no use, and still has to be closed.
func Open(ctx context.Context, c *Conn, want Session, timeout time.Duration) (Session, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, orDefault(timeout, defaultOpenTimeout), ErrOpenTimeout)
	defer cancel()
	if err := awaitCreated(ctx, c); err != nil {
		return Session{}, err
	}
	got, err := update(ctx, c, want, "open-1")
	if c.opts.Dialect == DialectPreview && want.TurnDetection.IsNull() && aboutTurns(err) {
		// The first Azure servers want this instead of null.
		want.TurnDetection = Some(TurnDetection{Type: noTurns})
		got, err = update(ctx, c, want, "open-2")
	}
	return got, err
}

// aboutTurns reports that the turn detection was refused.
func aboutTurns(err error) bool {
	e, ok := errors.AsType[*RefusedError](err)
	return ok && strings.HasPrefix(e.Err.Param, "session.turn_detection")
}

func awaitCreated(ctx context.Context, c *Conn) error {
	for {
		ev, err := c.Recv(ctx)
		if err != nil {
			return fmt.Errorf("wait for session.created: %w", err)
		}
		switch ev := ev.(type) {
		case *SessionCreated:
			return nil
		case *ErrorEvent:
			return &RefusedError{Dialect: c.opts.Dialect, Err: &ev.Error}
		}
	}
}

func update(ctx context.Context, c *Conn, want Session, id string) (Session, error) {
	if err := c.Send(ctx, &SessionUpdate{EventID: id, Session: want}); err != nil {
		return Session{}, fmt.Errorf("send session.update: %w", err)
	}
	for {
		ev, err := c.Recv(ctx)
		if err != nil {
			return Session{}, fmt.Errorf("wait for session.updated: %w", err)
		}
		switch ev := ev.(type) {
		case *SessionUpdated:
			return ev.Session, nil
		case *ErrorEvent:
			// Many servers leave the id out. Nothing else was sent, so the error is about this update.
			if ev.Error.EventID == id || ev.Error.EventID == "" {
				return Session{}, &RefusedError{Dialect: c.opts.Dialect, Err: &ev.Error}
			}
		}
	}
}

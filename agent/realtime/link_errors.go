package realtime

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/coder/websocket"
)

// How a connection ends when it is not the server that ends it. Recv returns them, and so does Send from then on.
var (
	// ErrClosed: Close was called.
	ErrClosed = errors.New("realtime: connection was closed by this side")
	// ErrStalled: caller audio could not be sent for two seconds, so the link is dead although nothing says so.
	ErrStalled = errors.New("realtime: link is stalled, audio is waiting for more than 2s")
	// ErrWriteTimeout: one message could not be written within DialOptions.WriteTimeout.
	ErrWriteTimeout = errors.New("realtime: link is stalled, a message could not be written in time")
	// ErrPingTimeout: no pong came within DialOptions.PingTimeout.
	ErrPingTimeout = errors.New("realtime: server did not answer a ping in time")
	// ErrQueueFull: more control events are waiting than a working link ever has.
	ErrQueueFull = errors.New("realtime: link is stalled, too many events are waiting")
)

// Verdict is what the end of a connection means for the next attempt.
type Verdict uint8

const (
	// VerdictEnded: the session is over and nothing is wrong.
	VerdictEnded Verdict = iota
	// VerdictRetry: a fault of the network or the server; a new connection may work.
	VerdictRetry
	// VerdictFatal: a new connection would end in the same way.
	VerdictFatal
)

// String names the verdict for logs.
func (v Verdict) String() string {
	switch v {
	case VerdictRetry:
		return "retry"
	case VerdictFatal:
		return "fatal"
	}
	return "ended"
}

// CloseError is the end of a connection by the server or the network.
type CloseError struct {
	Code    int    // WebSocket close code; 1006 when there was no close frame (RFC 6455 §7.4.1)
	Reason  string // the server's text
	Verdict Verdict
	Err     error // what the socket said, when there was no close frame
}

// Error implements error.
func (e *CloseError) Error() string {
	switch {
	case e.Err != nil:
		return fmt.Sprintf("realtime: connection was lost: %v", e.Err)
	case e.Reason == "":
		return fmt.Sprintf("realtime: server closed the connection with code %d", e.Code)
	}
	return fmt.Sprintf("realtime: server closed the connection with code %d: %s", e.Code, e.Reason)
}

// Unwrap returns what the socket said, if anything.
func (e *CloseError) Unwrap() error { return e.Err }

// closeVerdict judges a close code as real servers use it.
func closeVerdict(code int) Verdict {
	switch code {
	case 1000:
		return VerdictEnded
	case 1001, 1005, 1006, 1011, 1012, 1013, 1014:
		return VerdictRetry // end of the session's life, restart, overload, network
	}
	return VerdictFatal // we broke a rule, or an application code of 4000 and more
}

// readError says how a read of the socket ended.
func readError(err error) *CloseError {
	if frame, ok := errors.AsType[websocket.CloseError](err); ok {
		code := int(frame.Code)
		return &CloseError{Code: code, Reason: frame.Reason, Verdict: closeVerdict(code)}
	}
	code := int(websocket.StatusAbnormalClosure)
	return &CloseError{Code: code, Verdict: closeVerdict(code), Err: err}
}

// DialError is a connection that did not come about.
type DialError struct {
	Address    string        // without credentials
	Status     int           // HTTP status of the refusal; 0 when no answer came
	Code       string        // the server's error code, if it sent one
	RetryAfter time.Duration // what the server asks for; 0 when it does not
	Err        error         // why no answer came, or what was wrong with it
}

// Error implements error. It never holds a credential.
func (e *DialError) Error() string {
	s := "realtime: connect to " + e.Address + ": "
	if e.Status == 0 || e.Status == http.StatusSwitchingProtocols {
		return s + e.Err.Error()
	}
	s += fmt.Sprintf("server answered %d %s", e.Status, http.StatusText(e.Status))
	if e.Code != "" {
		s += " (" + e.Code + ")"
	}
	return s
}

// Unwrap returns the cause.
func (e *DialError) Unwrap() error { return e.Err }

// verdict judges a refused upgrade. A redirect is fatal: it is not followed, because the request holds credentials.
func (e *DialError) verdict() Verdict {
	switch {
	case classes[e.Code] == Fatal:
		return VerdictFatal
	case e.Status == 0:
		return networkVerdict(e.Err)
	case e.Status == http.StatusRequestTimeout, e.Status == http.StatusTooManyRequests,
		e.Status >= http.StatusInternalServerError && e.Status != http.StatusNotImplemented:
		return VerdictRetry
	}
	return VerdictFatal
}

// IsFatal reports that another connection would end in the same way until somebody changes the configuration or the
// account: wrong key, wrong path, wrong dialect, no money, a broken rule.
func IsFatal(err error) bool { return verdictOf(err) == VerdictFatal }

// IsRetryable reports that err is a fault of the network or the server, so that another connection, or for a failed
// response another request, may succeed. DialError.RetryAfter says when.
func IsRetryable(err error) bool { return verdictOf(err) == VerdictRetry }

// verdictOf asks the outermost error that knows.
func verdictOf(err error) Verdict {
	if e, ok := errors.AsType[*RefusedError](err); ok {
		return e.verdict()
	}
	if e, ok := errors.AsType[*CloseError](err); ok {
		return e.Verdict
	}
	if e, ok := errors.AsType[*DialError](err); ok {
		return e.verdict()
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.verdict()
	}
	for _, stalled := range []error{ErrStalled, ErrWriteTimeout, ErrPingTimeout, ErrQueueFull, ErrOpenTimeout} {
		if errors.Is(err, stalled) {
			return VerdictRetry
		}
	}
	return VerdictEnded
}

func (e *Error) verdict() Verdict {
	switch {
	case e.Code == codeSessionExpired, e.Class() == Retryable:
		return VerdictRetry
	case e.Class() == Fatal, e.wrongDialect():
		return VerdictFatal
	}
	return VerdictEnded
}

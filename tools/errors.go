package tools

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Tell makes an error whose text the model reads, and may say to the caller: "there is no booking AB12". Any other error
// of a handler stays private. format and args are those of fmt.Errorf, so %w keeps the cause, and shows its text.
//
// A Tell that was wrapped again still tells only its own text.
func Tell(format string, args ...any) error {
	return &TellError{err: fmt.Errorf(format, args...)}
}

// TellError is an error made by [Tell].
type TellError struct{ err error }

// Error implements error; it is the text the model reads.
func (e *TellError) Error() string { return e.err.Error() }

// Unwrap gives the cause that %w kept, if any.
func (e *TellError) Unwrap() error { return errors.Unwrap(e.err) }

// ArgumentError says that the arguments do not fit the tool's schema: the model's fault. The handler did not run.
type ArgumentError struct {
	// Faults has one sentence part for each thing wrong, without any value that was sent.
	Faults []string
}

// Error implements error.
func (e *ArgumentError) Error() string { return "check arguments: " + strings.Join(e.Faults, "; ") }

func argumentFault(format string, args ...any) error {
	return &ArgumentError{Faults: []string{fmt.Sprintf(format, args...)}}
}

// PanicError is a panic of a handler, or a call of runtime.Goexit in it.
type PanicError struct {
	Value any
	Stack []byte
}

// Error implements error.
func (e *PanicError) Error() string { return fmt.Sprintf("handler panicked: %v", e.Value) }

// TimeoutError says that the tool gave no answer within its time. If Started is false the handler was never called;
// otherwise nobody knows what it did.
type TimeoutError struct {
	After   time.Duration
	Started bool
	Err     error // what the handler returned when its context ended, if it did
}

// Error implements error.
func (e *TimeoutError) Error() string {
	if !e.Started {
		return fmt.Sprintf("wait for the tool: still busy after %s", e.After)
	}
	return withCause(fmt.Sprintf("no answer within %s", e.After), e.Err)
}

// Unwrap gives the handler's error.
func (e *TimeoutError) Unwrap() error { return e.Err }

// CancelledError says that the context of the run ended first: the caller cut in, or the call is over. If Started is
// false the handler was never called; otherwise nobody knows what it did.
type CancelledError struct {
	Cause   error // why the context ended (context.Cause)
	Started bool
	Err     error // what the handler returned when its context ended, if it did
}

// Error implements error.
func (e *CancelledError) Error() string {
	return withCause(fmt.Sprintf("cancelled (%v)", e.Cause), e.Err)
}

// Unwrap gives the cause and the handler's error.
func (e *CancelledError) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Cause}
	}
	return []error{e.Cause, e.Err}
}

func withCause(text string, err error) string {
	if err == nil {
		return text
	}
	return text + ": " + err.Error()
}

var (
	// ErrStuck says that the tool was not started because too many of its earlier runs ignore their context and
	// still hold a goroutine.
	ErrStuck = errors.New("too many stuck runs")
	// ErrClosed says that the tool was not started because the registry is closed.
	ErrClosed = errors.New("registry closed")
	// ErrUnavailable says that the tool was not started because the server that does it cannot be reached.
	ErrUnavailable = errors.New("the server is not connected")
	// ErrUnknown says that the registry has no tool of that name.
	ErrUnknown = errors.New("unknown tool")
)

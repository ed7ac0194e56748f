package sipua

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Causes that a call's context is cancelled with; read them with context.Cause. A
// BYE from the peer is a *ByeError.
var (
	ErrCancelled     = errors.New("caller cancelled the call") // CANCEL came before the answer
	ErrNoACK         = errors.New("no ACK for the answer")     // 64·T1 passed after a 200
	errPanicked      = errors.New("internal error")            // it was recovered, and costs this call
	ErrShutdown      = errors.New("user agent is shutting down")
	ErrNoPRACK       = errors.New("no PRACK for a reliable response")      // 64·T1 passed after a 180
	ErrNoDescription = errors.New("ACK without an answer that can be met") // to the offer in our 200
	ErrExpired       = errors.New("session timer expired")                 // nobody refreshed the call (RFC 4028 §10)
	ErrGone          = errors.New("peer does not know the call any more")  // 481, 408 or silence to a request of ours
)

// errEnded is the cause once the handler has returned; nobody is left to see it.
var errEnded = errors.New("call handler returned")

// ErrState is returned by Dialog methods that do not fit the state of the call, such
// as Reject after Answer.
var ErrState = errors.New("call is not in a state for this")

// ErrDigit is returned by SendInfoDigit for what is no key.
var ErrDigit = errors.New("not a key")

// ErrClosed is returned by Serve after Close.
var ErrClosed = errors.New("user agent closed")

// ByeError is the cause when the peer hung up.
type ByeError struct {
	Reason      Reason // zero when the BYE gave none
	Transferred bool   // Refer had succeeded before: the peer talks to somebody else now
}

// Error implements error.
func (e *ByeError) Error() string {
	if e.Reason == (Reason{}) {
		return "caller hung up"
	}
	return fmt.Sprintf("caller hung up (%s %d)", e.Reason.Protocol, e.Reason.Cause)
}

// StatusError is returned by Bye when the peer answered with something other than
// success. The call is over all the same.
type StatusError struct {
	Method string
	Status int
	Reason string // the peer's own text
}

// Error implements error.
func (e *StatusError) Error() string { return fmt.Sprintf("%s answered with %d", e.Method, e.Status) }

// Reason says why a call ends (RFC 3326).
type Reason struct {
	Protocol string // "Q.850" or "SIP"
	Cause    int    // Q.850 cause 1–127, or a SIP status
	Text     string // optional, for people
}

// String is the header value, "" for the zero Reason.
func (r Reason) String() string {
	if r.Protocol == "" {
		return ""
	}
	s := fmt.Sprintf("%s;cause=%d", r.Protocol, r.Cause)
	if r.Text != "" {
		s += ";text=" + strconv.Quote(r.Text)
	}
	return s
}

// parseReason reads the first value of a Reason header. What it cannot read is
// absent, never an error: the header is advice.
func parseReason(value string) Reason {
	value = firstOf(value)
	protocol, params, _ := strings.Cut(value, ";")
	r := Reason{Protocol: strings.TrimSpace(protocol)}
	for _, param := range splitOutside(params, ';') {
		name, arg, _ := strings.Cut(strings.TrimSpace(param), "=")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "cause":
			r.Cause, _ = strconv.Atoi(strings.TrimSpace(arg))
		case "text":
			r.Text = unquote(arg)
		}
	}
	return r
}

package telephony

import (
	"errors"
	"fmt"
	"slices"

	"github.com/trunkline/trunkline/telephony/sipua"
)

// Party is who ended a call.
type Party uint8

// The three parties.
const (
	System Party = iota // limits, faults, shutdown
	Caller
	Agent // our side: the handler
)

var partyNames = [...]string{"system", "caller", "agent"}

// String is "system", "caller" or "agent".
func (p Party) String() string { return partyNames[min(int(p), len(partyNames)-1)] }

// Ended says how a call ended. It is the cause of a call's context and is compared with
// errors.Is against the Err values below, or read field by field.
type Ended struct {
	By   Party
	Text string // plain English, no personal data
	SIP  int    // the status that fits: of the refusal, or 200 for a call that took place
	Q850 int    // ITU-T Q.850 cause, 16 is normal
	err  error
}

// Error implements error.
func (e *Ended) Error() string { return fmt.Sprintf("call ended by %s: %s", e.By, e.Text) }

// Unwrap returns what lies behind, for errors.Is.
func (e *Ended) Unwrap() error { return e.err }

// Kinds of ends that a handler may want to tell apart.
var (
	ErrCancelled = errors.New("caller gave up before the answer")
	ErrHungUp    = errors.New("caller hung up")
	ErrNoMedia   = errors.New("no audio arrives from the caller")
	ErrTooLong   = errors.New("call length limit reached")
	ErrShutdown  = errors.New("service is shutting down")
	ErrNoACK     = errors.New("caller never confirmed the answer")
	ErrPanic     = errors.New("call handler panicked")

	ErrNoDescription = errors.New("caller's answer to our offer is missing or cannot be met")
	ErrNoPRACK       = errors.New("caller never confirmed the ringing")
	ErrExpired       = errors.New("session timer expired without a sign of life")
	ErrGone          = errors.New("caller's side does not know the call any more")

	ErrTransferred = errors.New("caller was transferred") // Call.Transfer succeeded
)

// endedBy translates the cause that signalling gives.
func endedBy(cause error) *Ended {
	var bye *sipua.ByeError
	switch {
	case errors.As(cause, &bye) && bye.Transferred:
		return endedByTransfer()
	case errors.As(cause, &bye):
		return &Ended{Caller, "hung up", 200, causeOf(bye.Reason), ErrHungUp}
	case errors.Is(cause, sipua.ErrCancelled):
		return &Ended{Caller, "gave up before the answer", 487, 16, ErrCancelled}
	case errors.Is(cause, sipua.ErrNoACK):
		return &Ended{System, "no ACK for the answer", 408, 102, ErrNoACK}
	case errors.Is(cause, sipua.ErrNoDescription):
		return &Ended{System, "no usable answer to our offer", 488, 88, ErrNoDescription}
	case errors.Is(cause, sipua.ErrNoPRACK):
		return &Ended{System, "ringing was never confirmed", 504, 102, ErrNoPRACK}
	case errors.Is(cause, sipua.ErrExpired):
		return &Ended{System, "session timer expired", 200, 102, ErrExpired}
	case errors.Is(cause, sipua.ErrGone):
		return &Ended{System, "the caller's side has no such call", 200, 41, ErrGone}
	case errors.Is(cause, sipua.ErrShutdown):
		return &Ended{System, "service is shutting down", 503, 41, ErrShutdown}
	}
	return &Ended{System, "signalling failed", 500, 41, cause}
}

// endings are the causes that end a call, besides a *sipua.ByeError.
var endings = []error{sipua.ErrCancelled, sipua.ErrShutdown, sipua.ErrNoACK, sipua.ErrNoDescription, sipua.ErrNoPRACK, sipua.ErrExpired, sipua.ErrGone}

// endsCall reports whether an error of the dialog means that the call is over.
func endsCall(err error) bool {
	var bye *sipua.ByeError
	return errors.As(err, &bye) || slices.ContainsFunc(endings, func(end error) bool { return errors.Is(err, end) })
}

func causeOf(r sipua.Reason) int {
	if r.Protocol == "Q.850" && r.Cause > 0 && r.Cause < 128 {
		return r.Cause
	}
	return 16
}

func endedByMedia() *Ended  { return &Ended{System, "no audio from the caller", 200, 41, ErrNoMedia} }
func endedByLength() *Ended { return &Ended{System, "call length limit reached", 200, 16, ErrTooLong} }
func endedByPanic() *Ended  { return &Ended{System, "internal error", 500, 41, ErrPanic} }

func endedByTransfer() *Ended { return &Ended{Agent, "transferred", 200, 16, ErrTransferred} }

func endedByUs(by Party, text string) *Ended { return &Ended{By: by, Text: text, SIP: 200, Q850: 16} }

func refusedBy(by Party, status int, text string) *Ended {
	return &Ended{By: by, Text: text, SIP: status, Q850: q850(status)}
}

// q850 maps a SIP status to a cause (RFC 3398 §8.2.6.1).
func q850(status int) int {
	switch status {
	case 403, 603:
		return 21 // call rejected
	case 404, 604:
		return 1 // unallocated number
	case 408:
		return 102 // timer expired
	case 480:
		return 18 // no user responding
	case 484:
		return 28 // number incomplete
	case 486, 600:
		return 17 // user busy
	case 488, 606:
		return 88 // incompatible destination
	case 500, 502, 503:
		return 41 // temporary failure
	}
	return 31 // normal, unspecified
}

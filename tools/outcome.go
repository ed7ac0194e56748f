package tools

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Status says in one word how a run ended. The words are stable: they are in transcripts and metrics.
type Status string

// The ways a run can end.
const (
	StatusOK        Status = "ok"
	StatusToolError Status = "tool_error" // the handler failed, or the tool was refused
	StatusInvalid   Status = "invalid"    // the arguments do not fit; the handler did not run
	StatusTimeout   Status = "timeout"
	StatusCancelled Status = "cancelled"
	StatusPanic     Status = "panic"
	StatusUnknown   Status = "unknown"   // there is no such tool
	StatusDuplicate Status = "duplicate" // the same call is running: nothing was done
)

// Effect is something the agent must do because of a tool, at the right moment.
type Effect string

const (
	// NoEffect is the effect of nearly all tools.
	NoEffect Effect = ""
	// HangUp asks the agent to end the call when the last word has been played to the caller.
	HangUp Effect = "hang_up"
	// HandOff asks the agent to go on as the profile that Outcome.Target names.
	HandOff Effect = "hand_off"
	// PutThrough asks the agent to leave the caller to the one that Outcome.Target names, who is on the line.
	PutThrough Effect = "put_through"
	// Note asks the agent to write Outcome.Reason into the record for supervisors, under the tag Outcome.Target if any.
	Note Effect = "note"
	// Escalate is a Note that somebody must look at.
	Escalate Effect = "escalate"
)

// Outcome is the result of one run. There is always exactly one.
type Outcome struct {
	// Output is what the model gets: a JSON text of at most MaxResult bytes.
	Output string
	Status Status
	// Err is the whole error, for logs and records only; nil when Status is ok. Run has logged it already if Ref is set.
	Err error
	// Ref joins what the model read ("the tool failed (ref 1f0c9a2e)") to the log; empty when nothing was hidden.
	Ref string
	// Effect says what else is to be done, Reason and Target to whom or with what. See the effects.
	Effect Effect
	Reason string
	Target string
	// Duration is how long Run took, waiting included.
	Duration time.Duration
	// Arguments are the arguments as they may be recorded: redacted, compact. Empty for an unknown tool, since nobody
	// knows what to redact.
	Arguments string
	// ResultBytes is the size of the result before wrapping and cutting.
	ResultBytes int
	// Attempts is how often the work was tried: 0 if it was not started, 2 after a webhook's retry.
	Attempts int
}

// outcome turns a handler's answer into an Outcome. This is the only place where errors become words for the model.
func (t *tool) outcome(c *Call, rep reply, err error) Outcome {
	o := Outcome{Attempts: rep.attempts, Err: err}
	if err == nil {
		o.Status, o.Effect, o.Reason, o.Target, o.ResultBytes = StatusOK, rep.effect, rep.reason, rep.target, len(rep.text)
		o.Output = rep.output(t.settings.maxResult)
		return o
	}
	o.Err = fmt.Errorf("run tool %s: %w", t.name, err)
	var text string
	if o.Status, text = verdict(t.name, err); text == "" {
		o.Ref = randomHex(4)
		text = hiddenText(err, o.Ref)
		logHidden(c, o)
	}
	o.ResultBytes = len(text)
	o.Output = faultOutput(text, t.settings.maxResult)
	return o
}

// verdict gives the status of an error and its text for the model; an empty text means that the error is private.
//
// Our own errors are told by their exact type, because a handler may return, wrapped, the Err of a tool that it ran.
func verdict(name string, err error) (Status, string) {
	switch e := err.(type) {
	case *TimeoutError:
		return StatusTimeout, timeoutText(e)
	case *CancelledError:
		return StatusCancelled, cancelledText(e)
	case *ArgumentError:
		return StatusInvalid, argumentText(name, e)
	case *PanicError:
		return StatusPanic, ""
	}
	var tell *TellError
	if errors.As(err, &tell) {
		return StatusToolError, tell.Error()
	}
	return StatusToolError, ""
}

// timeoutText does not let the model report success, nor repeat a booking that may exist.
func timeoutText(e *TimeoutError) string {
	if !e.Started {
		return fmt.Sprintf("the tool is busy; after %s it was not started and nothing was done", e.After)
	}
	return fmt.Sprintf("no answer within %s; do not assume it happened", e.After)
}

func cancelledText(e *CancelledError) string {
	if !e.Started {
		return "stopped before it was started; nothing was done"
	}
	return "stopped before it gave an answer; do not assume it happened"
}

func hiddenText(err error, ref string) string {
	if errors.Is(err, ErrStuck) || errors.Is(err, ErrClosed) || errors.Is(err, ErrUnavailable) {
		return fmt.Sprintf("the tool is not available at the moment; nothing was done (ref %s)", ref)
	}
	return fmt.Sprintf("the tool failed (ref %s)", ref)
}

// logHidden writes what the model may not read. The stack of a panic is not part of its error text.
func logHidden(c *Call, o Outcome) {
	attrs := []any{"ref", o.Ref, "status", string(o.Status), "err", o.Err}
	var panicked *PanicError
	if errors.As(o.Err, &panicked) {
		attrs = append(attrs, "stack", string(panicked.Stack))
	}
	c.Logger().Error("tool failed", attrs...)
}

// unknownOutcome answers for a tool that is not in the registry.
func (r *Registry) unknownOutcome(name string) Outcome {
	text := "there is no tool of that name; the tools are: " + orNone(r.Names())
	return Outcome{
		Status: StatusUnknown, Err: fmt.Errorf("run tool %s: %w", madeUp(name), ErrUnknown),
		Output: faultOutput(text, DefaultMaxResult), ResultBytes: len(text),
	}
}

// reply is a handler's answer below the types.
type reply struct {
	text     string // a JSON text if json is true, plain text otherwise
	json     bool
	effect   Effect
	reason   string
	target   string
	attempts int // set by handlers that try more than once
}

// jsonReply makes an answer of any Go value. A string is plain text, which can be cut without showing its quotes.
func jsonReply(v any) (reply, error) {
	text, err := marshal(v)
	if err != nil {
		return reply{}, fmt.Errorf("encode result: %w", err)
	}
	return jsonTextReply(text), nil
}

// jsonTextReply makes an answer of a JSON text in its shortest form.
func jsonTextReply(text []byte) reply {
	text = bytes.ToValidUTF8(text, []byte("\uFFFD")) // a MarshalJSON method may write anything
	var s string
	if text[0] == '"' && json.Unmarshal(text, &s) == nil {
		return reply{text: s}
	}
	return reply{text: string(text), json: true}
}

// output is the JSON text for the model, at most limit bytes.
func (p reply) output(limit int) string {
	if p.json {
		whole := p.text
		if c := whole[0]; c != '{' && c != '[' {
			whole = `{"result":` + whole + `}`
		}
		if len(whole) <= limit {
			return whole
		}
	}
	return wrap("result", p.text, limit)
}

func faultOutput(text string, limit int) string { return wrap("error", text, limit) }

package tools

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

const (
	// DefaultTimeout is how long a tool may take when it does not say.
	DefaultTimeout = 10 * time.Second
	// DefaultMaxResult is how many bytes of output go to the model when the tool does not say. Every later turn of
	// the conversation is billed for them again.
	DefaultMaxResult = 8 << 10

	maxTimeout   = 10 * time.Minute
	minMaxResult = 64 // room for the wrapper and the mark of a cut
	maxMaxResult = 1 << 20
)

// Interrupt is what happens to a running tool when the caller cuts in.
type Interrupt int

const (
	// Cancel ends the tool's context. It is the default, right for look-ups: nobody waits for the answer any more.
	Cancel Interrupt = iota
	// Finish lets the tool run on. It is right for anything that changes the world.
	Finish
)

// String implements fmt.Stringer.
func (i Interrupt) String() string {
	switch i {
	case Cancel:
		return "cancel"
	case Finish:
		return "finish"
	}
	return fmt.Sprintf("Interrupt(%d)", int(i))
}

// Option changes how a tool runs. A value out of range is refused when the tool is added.
type Option func(*settings) error

// settings are the options of one tool. Static after construction.
type settings struct {
	timeout     time.Duration
	maxResult   int
	interrupt   Interrupt
	effects     Effects
	concurrency int // 0: no limit
	redact      []string
	schema      json.RawMessage
	closers     []func() // called by Registry.Close
}

func newSettings(opts []Option) (settings, error) {
	s := settings{timeout: DefaultTimeout, maxResult: DefaultMaxResult}
	var errs []error
	for _, o := range opts {
		errs = append(errs, o(&s))
	}
	return s, errors.Join(errs...)
}

// Timeout is how long a run may take, waiting for [Concurrency] included; more than 0, at most 10 minutes. After it the
// model is told that there was no answer and that it must not assume anything.
func Timeout(d time.Duration) Option {
	return func(s *settings) error {
		if d <= 0 || d > maxTimeout {
			return fmt.Errorf("timeout %s is not above 0 and at most %s", d, maxTimeout)
		}
		s.timeout = d
		return nil
	}
}

// MaxResult is how many bytes the output may have, wrapper and mark included; 64 to 1 MiB. A longer result is cut between
// two characters and marked as cut.
func MaxResult(n int) Option {
	return func(s *settings) error {
		if n < minMaxResult || n > maxMaxResult {
			return fmt.Errorf("largest result of %d bytes is not within %d to %d", n, minMaxResult, maxMaxResult)
		}
		s.maxResult = n
		return nil
	}
}

// Redact names arguments, at any depth, whose values never reach a log or a transcript. The handler gets them. With
// Redact, members that the schema does not know are withheld too: a model that misspells "card" must not leak it.
func Redact(fields ...string) Option {
	return func(s *settings) error {
		s.redact = append(s.redact, fields...)
		return nil
	}
}

// OnInterrupt says what happens when the caller cuts in while the tool runs. The agent acts on it, see [Info].
func OnInterrupt(i Interrupt) Option {
	return func(s *settings) error {
		if i != Cancel && i != Finish {
			return fmt.Errorf("%s is neither cancel nor finish", i)
		}
		s.interrupt = i
		return nil
	}
}

// Concurrency is how many runs of the tool, over all phone calls, may be in its handler at once; at least 1. Others
// wait, within their Timeout. Without it there is no limit.
func Concurrency(n int) Option {
	return func(s *settings) error {
		if n < 1 {
			return fmt.Errorf("concurrency %d is below 1", n)
		}
		s.concurrency = n
		return nil
	}
}

// Parameters gives the JSON Schema of the arguments for a handler that takes a map. It must describe an object, use no
// $ref, and is refused for a struct, whose fields are the schema.
func Parameters(schema json.RawMessage) Option {
	return func(s *settings) error {
		s.schema = schema
		return nil
	}
}

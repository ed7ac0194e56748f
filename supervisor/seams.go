package supervisor

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/trunkline/trunkline/store"
)

// Archive is where calls are read and remarked on. A [store.Store] is one.
type Archive interface {
	store.Reader
	store.Labeller
	store.Feeder
	store.Auditor
	// Append adds notes to a transcript.
	Append(ctx context.Context, callID string, entries ...store.Entry) error
	// Delete removes a call with all that belongs to it, its recording included.
	Delete(ctx context.Context, id string) error
	// Ping reports whether the store answers.
	Ping(ctx context.Context) error
}

// ErrElsewhere is what [Live] says of a call that this process does not hold: another node does, or it is over.
var ErrElsewhere = errors.New("the call does not run on this node")

// ErrRefused is wrapped by what [Live] cannot do now; its text is for people.
var ErrRefused = errors.New("not possible now")

// Live acts on the calls that run in this process. Every method may be refused with [ErrElsewhere] or [ErrRefused].
type Live interface {
	// Holds reports whether the call runs in this process, so that the other methods may help.
	Holds(callID string) bool
	// Hangup ends the call politely: what the agent is saying is said to its end.
	Hangup(ctx context.Context, callID, by string) error
	// Targets are the names of where the call may be transferred to; nil: nowhere.
	Targets(callID string) []string
	// Transfer puts the caller through to one of Targets. It returns when that has come about or has failed.
	Transfer(ctx context.Context, callID, target, by string) error
	// Tell gives the agent a note, which the caller does not hear; the agent heeds it from its next answer on.
	Tell(ctx context.Context, callID, text, by string) error
	// Silence takes the model off the call: it hears the caller and answers no more, until it is put back with off false.
	Silence(ctx context.Context, callID string, off bool, by string) error
	// Silenced reports whether the model is off the call.
	Silenced(callID string) bool
}

// Recording is the sound of a call: WAV, two channels, the caller left and the agent right.
type Recording struct {
	io.ReadSeekCloser
	Modified time.Time
}

// Recordings holds the sound of calls.
type Recordings interface {
	// Open returns the recording of a call, or [store.ErrNotFound] when there is none (any more, or yet).
	Open(ctx context.Context, callID string) (Recording, error)
}

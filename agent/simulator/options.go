package simulator

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// The two dialects of the Realtime API.
const (
	DialectGA      = "ga"      // what the services speak today
	DialectPreview = "preview" // api-version 2024-10-01-preview and the beta that followed
)

// Options say how a Server behaves. The zero value works: GA, the default
// script, no key, ten times faster than real time.
type Options struct {
	Dialect string  // DialectGA (default) or DialectPreview
	Seed    bool    // preview only: refuse what later versions of the preview added
	Script  *Script // nil: DefaultScript

	// Answer, if not nil, is asked before the script what the model does in a response; nil leaves it to the script.
	// It is called by each session's goroutine and must not block. Its answers are not validated: clips that do not
	// exist are not said.
	Answer func(Prompt) *Answer

	// RequireKey is the key a client must show, as `Authorization: Bearer` or `api-key`. "" accepts everybody.
	RequireKey string

	CallerClips []Clip // more clips to recognise
	AgentClips  []Clip // more clips to say

	Speed              float64       // answers leave so many times faster than they are spoken; default 10
	Delta              time.Duration // audio in an ordinary delta; default 200 ms
	EvenDeltas         bool          // all deltas alike; by default some have 1, 159, 161 or 4000 bytes
	Latency            time.Duration // from the end of a turn to the first output; default 0
	TranscriptionDelay time.Duration // from the end of a turn to its transcription; default 100 ms
	SessionLife        time.Duration // until session_expired; default 60 min, preview 30 min

	KeepSessions int           // ended sessions whose records are kept; default 100
	KeepAudio    time.Duration // audio kept of each direction of a session; default 10 min, negative none

	Log      *slog.Logger      // nil: silent
	Observer func(Observation) // told what happens, in order, by each session's goroutine; must not block; may be nil
}

// Prompt is what a response has to go by.
type Prompt struct {
	Session      string   // its id
	Trigger      string   // client, turn, idle or out_of_band
	Instructions string   // of this response
	Pending      bool     // the caller's last turn has no answer yet
	Heard        string   // its words
	Outputs      []string // of tools, since the last answer
	Context      []string // what the client put into the conversation in writing, in order
}

// ErrOptions is what every error of New is.
var ErrOptions = errors.New("bad simulator options")

func (o Options) withDefaults() (Options, error) {
	o.Dialect = or(o.Dialect, DialectGA)
	if o.Script == nil {
		o.Script = DefaultScript()
	}
	o.Speed = or(o.Speed, 10)
	o.Delta = or(o.Delta, 200*time.Millisecond)
	o.TranscriptionDelay = or(o.TranscriptionDelay, 100*time.Millisecond)
	o.KeepSessions = or(o.KeepSessions, 100)
	o.KeepAudio = max(0, or(o.KeepAudio, 10*time.Minute))
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Observer == nil {
		o.Observer = func(Observation) {}
	}
	life := time.Hour
	if o.Dialect == DialectPreview {
		life = 30 * time.Minute
	}
	o.SessionLife = or(o.SessionLife, life)
	return o, o.check()
}

func (o *Options) check() error {
	switch {
	case o.Dialect != DialectGA && o.Dialect != DialectPreview:
		return fmt.Errorf("%w: dialect %q is neither %q nor %q", ErrOptions, o.Dialect, DialectGA, DialectPreview)
	case o.Seed && o.Dialect != DialectPreview:
		return fmt.Errorf("%w: Seed belongs to the dialect %q", ErrOptions, DialectPreview)
	case o.Speed < 0 || o.Delta < time.Millisecond || o.Latency < 0 || o.TranscriptionDelay < 0 || o.SessionLife < 0:
		return fmt.Errorf("%w: a speed or time is negative, or a delta shorter than 1 ms", ErrOptions)
	case o.KeepSessions < 0:
		return fmt.Errorf("%w: KeepSessions %d is negative", ErrOptions, o.KeepSessions)
	}
	if err := o.Script.Validate(append(append([]Clip(nil), o.CallerClips...), o.AgentClips...)...); err != nil {
		return fmt.Errorf("%w: %w", ErrOptions, err)
	}
	return nil
}

// or is v, or other when v is the zero value.
func or[T comparable](v, other T) T {
	var zero T
	if v == zero {
		return other
	}
	return v
}

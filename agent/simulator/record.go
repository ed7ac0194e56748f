package simulator

import (
	"maps"
	"slices"
	"time"
)

// maxRecorded bounds each list of a record. What comes later is counted in
// Record.Dropped, not kept.
const maxRecorded = 50_000

// Record is what the simulator saw and did in one session.
type Record struct {
	ID      string
	Dialect string
	Model   string // or deployment
	Path    string // of the upgrade, without the query
	Started time.Time
	Ended   time.Time // zero while the session lives
	End     string    // why it ended, in words

	Events       []ClientEvent // every client event but appends, in order
	Appends      int           // input_audio_buffer.append
	EarlyAppends int           // those before the first session.updated
	LongestGap   time.Duration // between two appends
	InputBytes   int64         // audio received
	InputLost    int           // samples that nobody committed within ten minutes, without turn detection
	Input        []byte        // its first Options.KeepAudio, as the client coded it

	Spoken      []SpokenItem
	Truncations []Truncation
	Violations  []Violation    // every refused event
	Errors      map[string]int // error events sent, by their code; "" is null
	Turns       []Turn
	Calls       []Call
	Responses   []ResponseRecord
	Dropped     int // entries that the lists above had no room for
}

// ClientEvent is one event of the client.
type ClientEvent struct {
	At      time.Time
	Type    string
	EventID string
}

// SpokenItem is an assistant message with audio.
type SpokenItem struct {
	ItemID     string
	ResponseID string
	Text       string // what the whole item would say
	Bytes      int    // of audio sent
	Audio      []byte // the same, as far as Options.KeepAudio allows
}

// Truncation is an accepted conversation.item.truncate.
type Truncation struct {
	ItemID     string
	AudioEndMS int // as asked
	SentMS     int // audio sent for the item, before
}

// Violation is a client event that was refused.
type Violation struct {
	At      time.Time
	Event   string // its type, "" when there was none
	EventID string
	Code    string // "" where the service sends null
	Param   string
	Message string
}

// Turn is a committed user item with audio.
type Turn struct {
	ItemID  string
	StartMS int // in appended audio
	EndMS   int
	Clips   []string // recognised
	Text    string   // their words; "" when nothing was recognised
	Idle    bool     // made by the idle timeout
}

// Call is a function call in the conversation.
type Call struct {
	ItemID     string
	ResponseID string
	CallID     string
	Name       string
	Arguments  string
	Output     string
	Answered   bool // an output was accepted
	Deleted    bool // the client took the item away
	Replayed   bool // made by the client, from an earlier session
}

// ResponseRecord is one response.
type ResponseRecord struct {
	ID      string
	Trigger string // client, turn, idle or out_of_band
	Status  string // in_progress until response.done
	Reason  string
}

// snapshot is a copy that the session no longer writes to. Audio only grows,
// so the copy may share it.
func (r *Record) snapshot() Record {
	c := *r
	c.Events = slices.Clone(r.Events)
	c.Spoken = slices.Clone(r.Spoken)
	c.Truncations = slices.Clone(r.Truncations)
	c.Violations = slices.Clone(r.Violations)
	c.Errors = maps.Clone(r.Errors)
	c.Turns = slices.Clone(r.Turns)
	c.Calls = slices.Clone(r.Calls)
	c.Responses = slices.Clone(r.Responses)
	c.Input = slices.Clip(r.Input)
	for i := range c.Spoken {
		c.Spoken[i].Audio = slices.Clip(c.Spoken[i].Audio)
	}
	return c
}

// note appends to a list of the record, within bounds.
func note[T any](r *Record, list *[]T, v T) {
	if len(*list) >= maxRecorded {
		r.Dropped++
		return
	}
	*list = append(*list, v)
}

// Observation is something that happened in a session, for a terminal or a log.
type Observation struct {
	At      time.Time
	Session string
	Kind    ObservationKind
	Text    string // words, arguments, output, or a message
	Name    string // clip, tool, or error code
	ItemID  string
}

// ObservationKind is the kind of an Observation.
type ObservationKind string

// What an observer is told.
const (
	ObserveOpened    ObservationKind = "opened"    // Text: model
	ObserveUpdated   ObservationKind = "updated"   // a session.update was applied
	ObserveSpeech    ObservationKind = "speech"    // the caller began to speak
	ObserveHeard     ObservationKind = "heard"     // Text: words; Name: clips
	ObserveSays      ObservationKind = "says"      // the model begins to say Text
	ObserveCalls     ObservationKind = "calls"     // Name: tool; Text: arguments
	ObserveOutput    ObservationKind = "output"    // Text: the tool's output
	ObserveCancelled ObservationKind = "cancelled" // Text: reason
	ObserveTruncated ObservationKind = "truncated" // Text: milliseconds
	ObserveViolation ObservationKind = "violation" // Name: code; Text: message
	ObserveEnded     ObservationKind = "ended"     // Text: why
)

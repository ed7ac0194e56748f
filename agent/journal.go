package agent

import (
	"time"

	"github.com/trunkline/trunkline/store"
)

// Journal takes the transcript of a call, line by line. It never blocks: it is called from the conversation loop.
type Journal interface {
	Append(callID string, entries ...store.Entry)
}

// Timing is the way of one answer to the caller's ear. A step that was not seen is zero.
type Timing struct {
	Detect time.Duration // caller stopped speaking → speech_stopped received
	Think  time.Duration // speech_stopped received → first audio delta received
	Play   time.Duration // first audio delta received → its first frame on the wire
	Total  time.Duration // caller stopped speaking → first frame on the wire
}

// Observer counts what the operator watches. All methods may be called from any goroutine and must not block.
type Observer interface {
	Turn(agent string, t Timing)
	Tool(name, status string, took time.Duration)
	// RealtimeError counts a fault of the model's side by its kind.
	RealtimeError(kind string)
	// Happened counts one of the occurrences below.
	Happened(agent string, what Occurrence)
	// Session follows the open connections to the model: +1 opened, -1 closed.
	Session(agent string, change int)
}

// Occurrence is something worth counting that is no fault.
type Occurrence string

// What can happen in a conversation.
const (
	Interrupted Occurrence = "interrupted" // the caller spoke over the agent
	Resumed     Occurrence = "resumed"     // the agent was held by a noise and went on
	Reconnected Occurrence = "reconnected" // a lost connection was replaced
	Rotated     Occurrence = "rotated"     // a connection was replaced before its end
	Muted       Occurrence = "muted"       // an answer brought no sound and was given up
	Converted   Occurrence = "converted"   // the server spoke another format than it confirmed
	Filled      Occurrence = "filled"      // the filler was heard
	Prompted    Occurrence = "prompted"    // a silent caller was asked
	HandedOff   Occurrence = "handed_off"  // another profile took over
	FellBack    Occurrence = "fell_back"   // the fallback was used
	Escalated   Occurrence = "escalated"   // a person has to look at the call
	PutThrough  Occurrence = "put_through" // the caller talks to somebody who was asked
)

// nobody is the Observer of a Setup without one.
type nobody struct{}

func (nobody) Turn(string, Timing)                {}
func (nobody) Tool(string, string, time.Duration) {}
func (nobody) RealtimeError(string)               {}
func (nobody) Happened(string, Occurrence)        {}
func (nobody) Session(string, int)                {}

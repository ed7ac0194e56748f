package phone

import (
	"fmt"
	"time"

	"github.com/trunkline/trunkline/telephony/media"
	"github.com/trunkline/trunkline/transcode"
)

// Side says who ended a call.
type Side string

// The ends of a call.
const (
	Nobody Side = ""       // it never began
	Us     Side = "phone"  // the script ended, or hung up, or its context did
	Far    Side = "far"    // BYE from the other side
	NoOne  Side = "nobody" // the media stopped coming; we hung up
)

// Report is what a phone saw of a call. Times are from the INVITE on unless they say
// otherwise.
type Report struct {
	CallID string
	Law    transcode.Law
	PTime  time.Duration // of the packets we sent
	Asked  string        // of a call that was taken: the user part that was called

	Ringing  time.Duration // until the first 180 or 183; 0 if there was none
	Answered time.Duration // until the 200; 0 if there was none
	Ended    time.Duration // until the end was known

	Turns     []Turn    // one for each Say and SayOver, in order
	BargeIns  []BargeIn // one for each SayOver, in order
	StepsDone int       // steps of the script that were completed
	EndedBy   Side
	ByeReason string // Reason header of the far end's BYE

	Transfers []string // URIs that the far end asked us to call instead (REFER), in order

	Media media.Stats // packets, loss, jitter, both ways

	// What was said, law bytes of the clips only, and what was heard, 20 ms frames
	// from the answer on, silence included. Nil when CallOptions.DropAudio was set.
	SentAudio, ReceivedAudio []byte
	// SHA-256 in hex: of all clips' bytes, and of all received frames that are not
	// nothing but the law's silence byte.
	SentHash, ReceivedHash string
}

// Turn is one thing we said, and how long the answer took.
type Turn struct {
	Length   time.Duration // of the clip
	Answered bool          // the agent spoke after it
	Latency  time.Duration // from our last audible frame to the agent's first
}

// BargeIn is one interruption of the agent.
type BargeIn struct {
	Heard   time.Duration // how long the agent had spoken when we began
	Quiet   bool          // it fell silent
	Silence time.Duration // from the first frame of ours to the end of its last audible one
}

// CallError is a call that was refused or not answered.
type CallError struct {
	Status int    // SIP status code; 408 when nobody answered at all
	Reason string // its text
	Err    error  // what the SIP stack said, if it was not a response
}

// Error names the status.
func (e *CallError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("call failed: %d %s: %v", e.Status, e.Reason, e.Err)
	}
	return fmt.Sprintf("call failed: %d %s", e.Status, e.Reason)
}

// Unwrap gives the stack's error.
func (e *CallError) Unwrap() error { return e.Err }

// EventKind names what an Event tells.
type EventKind string

// The kinds of events. Ringing may be missing when the answer came right behind it.
const (
	Ringing  EventKind = "ringing"
	Answered EventKind = "answered"
	Heard    EventKind = "heard"   // the agent began to speak
	Silent   EventKind = "silent"  // the agent has been quiet for a while
	Saying   EventKind = "saying"  // we began to speak
	Said     EventKind = "said"    // our clip is over
	Pressed  EventKind = "pressed" // digits were sent
	Rekeyed  EventKind = "rekeyed" // the far end took new keys; Detail is the suite
	OnHold   EventKind = "hold"    // the far end agreed to be on hold
	Resumed  EventKind = "resumed"
	Referred EventKind = "referred" // the far end asked us to call somebody else
	Ended    EventKind = "ended"
)

// Event is something that happened in a call.
type Event struct {
	Kind   EventKind
	At     time.Duration // since the INVITE
	Detail string        // digits, who hung up, a status, a URI
}

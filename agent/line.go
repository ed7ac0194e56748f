package agent

import (
	"context"
	"time"

	"github.com/trunkline/trunkline/tools"
	"github.com/trunkline/trunkline/transcode"
)

// CallInfo is what is known of a call when it arrives.
type CallInfo struct {
	ID        string // ours; names the call in the journal
	SIPCallID string
	Trunk     string
	Caller    string // as the trunk claims it; "" when withheld
	Dialled   string
	Forwarded string // the number that was called first, when the call was passed on; "": it was not
	// Verification is what the trunk says of Caller: "passed", "failed" or "none", and the attestation, as in "passed A"; "":
	// nothing.
	Verification string

	Node    string // which machine took the call
	Started time.Time
	Headers map[string]string // SIP headers that the trunk's configuration lets through, by their canonical names
}

// Line is the phone side of a call, as the agent sees it. A call that ended is told by the context given to
// Conversation.Run, whose cause says how.
type Line interface {
	// Law is the caller's G.711 law, in both directions.
	Law() transcode.Law
	// Attach gives the caller's audio to sink: a gapless series of 20 ms frames (160 bytes), in order, from any
	// goroutine but never two at once. sink must not block and must not keep the slice. nil stops it.
	Attach(sink func(frame []byte))
	// Player is the way to the caller's ear.
	Player() Player
	// Digits are the keys the caller pressed: 0-9 * # A-D, and ! for a hook flash (RFC 4733).
	Digits() <-chan rune
	// Held tells that the caller has put us on hold (true) or has come back. It is a level: only the latest state waits.
	// While held no audio of the player leaves; it goes on where it stopped.
	Held() <-chan bool
	// Transfer sends the caller to target and returns when that is done, or why it was not. After an error the call goes on.
	Transfer(ctx context.Context, target string) error
	// SendDigits presses keys at the other end: 0-9 * # A-D. It returns when they wait to be sent.
	SendDigits(ctx context.Context, keys string) error
	// Record says that the call may be recorded from now on, or (false) that nothing may be kept of what is heard. It is
	// false to begin with.
	Record(on bool)
	// Consult asks somebody whether they take the caller, who stays where they are meanwhile. After nil the caller is
	// connected to them as soon as the conversation is over; after an error nothing has changed.
	Consult(ctx context.Context, q tools.Consultation) error
}

// Player queues audio for the caller and knows what of it has really been written to RTP. It never blocks.
// Ids are the agent's own: one for each content part that speaks.
type Player interface {
	// Play queues a copy of audio, of any length, behind what is queued and returns how many bytes there was room for.
	Play(id uint64, audio []byte) int
	// End says that no more audio of id will come; its last partial frame is padded.
	End(id uint64)
	// Hold stops the voice within one frame and keeps what is queued; Hold(false) goes on with the next sample.
	Hold(on bool)
	// Flush drops everything unsent; when it returns nothing more of it leaves.
	Flush()
	// Status tells what has become of id.
	Status(id uint64) PlayStatus
	// Queued is the number of bytes unsent, over all ids.
	Queued() int
	// Changed is signalled when the first frame of an id was written and when the queue ran empty. It is a level:
	// a signal may stand for several changes.
	Changed() <-chan struct{}
}

// PlayStatus is what has become of one id's audio, in bytes of that audio (8 bytes a millisecond, padding not counted).
type PlayStatus struct {
	Sent  int
	First time.Time // when its first frame was written; zero when none was
}

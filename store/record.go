package store

import (
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of what a backend takes. They are far above what a call produces and keep one bad record from harming others.
const (
	MaxNameBytes  = 256     // call ids, agent names, entry kinds
	MaxEntryBytes = 4 << 20 // all text of one entry
)

// Kinds of entries.
const (
	KindCall       = "call"        // the call came in
	KindTurn       = "turn"        // something was said
	KindToolCall   = "tool_call"   // the model asked for a tool
	KindToolResult = "tool_result" // what came of it
	KindInterrupt  = "interrupt"   // the caller spoke over the agent
	KindDTMF       = "dtmf"        // the caller pressed a key
	KindNote       = "note"        // a supervisor, the system or the agent remarked something; an agent's Status is its tag
	KindEscalation = "escalation"  // the agent wants a person to look at the call; Text says why
	KindHold       = "hold"        // the caller put us on hold (Status "on") or came back ("off")
	KindSession    = "session"     // the connection to the model was replaced; Status says why
	KindHandOff    = "hand_off"    // another agent profile, named by Text, took over
	KindTransfer   = "transfer"    // the caller was put through to somebody, named by Text; Status says how it went
	KindUsage      = "usage"       // tokens of one response, and what they cost
	KindError      = "error"       // something failed
	KindEffect     = "effect"      // a tool changes the world: Status "begun" before, and how it ended behind
	KindEnd        = "end"         // the call is over
)

// Role says whose line an entry is.
type Role string

// The roles.
const (
	RoleCaller Role = "caller"
	RoleAgent  Role = "agent"
	RoleSystem Role = "system"
	// RoleSupervisor wrote a note, or told the agent something: Status "told".
	RoleSupervisor Role = "supervisor"
)

// CauseLost is the cause of a call that Sweep closed: its process died or lost the store for longer than a lease.
const CauseLost = "lost"

// Call is the record of one call. Times are kept to the millisecond, in UTC; zero means not yet. Text that is not valid
// UTF-8 is stored with U+FFFD in place of what is broken.
type Call struct {
	ID        string // made by us: letters, digits and marks, at most [MaxNameBytes], no braces, blanks or control characters
	SIPCallID string // Call-ID header, RFC 3261 §20.8
	Trunk     string // name in the configuration
	Agent     string // name in the configuration, at most [MaxNameBytes]
	Caller    string // as the trunk gave it: a number or a SIP user; a claim, not a proof
	Dialled   string // the number that was called
	Direction string // "out": a call of ours, Dialled whom we called and Caller what we showed; "": they called us
	Forwarded string // who passed the call on, the number that was called first at the front; "": nobody
	// Verification is what the trunk said of Caller: "passed", "failed" or "none", and the attestation, as in "passed A"
	// (STIR/SHAKEN); "": nothing.
	Verification string
	SRTP         string // suite that the audio began with (RFC 4568); "": it was plain RTP
	Node         string // host or pod that held the call
	Codec        string // PCMU or PCMA
	Model        string // Realtime model

	Started  time.Time // INVITE
	Answered time.Time // 200 OK
	Ended    time.Time // zero while the call runs
	Expires  time.Time // the record is gone after this; zero: the backend's retention decides at Finish, or it stays

	Cause   string // in words
	Code    int    // SIP status or Q.850 cause; 0: none
	EndedBy string // who hung up

	Turns         int   // lines said by either side
	Interruptions int   // times the caller spoke over the agent
	SetupMS       int   // INVITE to 200 OK
	LatencyP50MS  int   // caller stops → first audio of the answer on the wire, median
	LatencyP95MS  int   // the same, 95th percentile
	FramesIn      int64 // 20 ms audio frames from the phone
	FramesOut     int64 // 20 ms audio frames to the phone
	FramesLost    int64 // frames from the phone that never came
	MOSCaller     int   // how the caller sounds here, in hundredths of a mean opinion score (100 to 440); 0: not known
	MOSAgent      int   // how we sound there, by the far end's reports
	JitterMS      int   // of the caller's audio
	RTTMS         int   // network round trip to the far end; 0: not known
	TokensIn      int64 // model tokens, all kinds
	TokensOut     int64
	TokensCached  int64 // of TokensIn, those that the service had in its cache
	CostMicros    int64 // millionths of the currency that the prices are in; 0: no prices
	Reconnects    int   // lost connections to the model that were replaced
	Rotations     int   // connections to the model that were replaced before their end
	ToolCalls     int
	ToolFailures  int

	Tags Tags // what the agent and supervisors sorted the call under
}

// Live reports whether the call still runs as far as the store knows.
func (c *Call) Live() bool { return c.Ended.IsZero() }

// Duration is the time from the answer to the end, or 0 for a call that was not answered or still runs.
func (c *Call) Duration() time.Duration {
	if c.Answered.IsZero() || c.Ended.IsZero() {
		return 0
	}
	return c.Ended.Sub(c.Answered)
}

// Validate reports what keeps a backend from storing the call, as an [ErrInvalid].
func (c *Call) Validate() error {
	if err := ValidateCallID(c.ID); err != nil {
		return err
	}
	if ms := c.Started.UnixMilli(); ms <= 0 || c.Started.Year() > 9999 {
		return invalid("call %s starts at %v", c.ID, c.Started)
	}
	if len(c.Agent) > MaxNameBytes || !validName(c.Agent) {
		return invalid("agent name %q", clip(c.Agent))
	}
	return nil
}

// validName reports whether a name can stand in a key of every backend.
func validName(name string) bool { return utf8.ValidString(name) && !strings.ContainsRune(name, 0) }

// ValidateCallID refuses, with [ErrInvalid], ids that would break a key name: the id stands between the braces of a
// Redis Cluster hash tag and before a NUL in the embedded file.
func ValidateCallID(id string) error {
	if id == "" || len(id) > MaxNameBytes {
		return invalid("call id of %d bytes", len(id))
	}
	for i := range len(id) {
		if c := id[i]; c <= ' ' || c >= 0x7F || c == '{' || c == '}' {
			return invalid("call id %q", clip(id))
		}
	}
	return nil
}

// Entry is one line of a transcript. Which fields are used depends on the kind; empty ones take no space.
type Entry struct {
	ID     string    // see [ID]; a [Writer] fills it in when it is empty
	Kind   string    // one of the Kind constants
	At     time.Time // to the millisecond; zero: the time in the id
	Role   Role
	Author string // of a supervisor's note: who wrote it, as the sign-in knows them
	ItemID string // Realtime conversation item

	Text  string // what was said, pressed, noted or went wrong
	Heard string // of an agent's line: what of Text the caller heard
	CutMS int    // of an interrupted line: audio that was heard, in milliseconds

	Tool      string // tool name
	CallID    string // Realtime call_id of a function call (not the id of the phone call)
	Arguments string // JSON, after redaction
	Result    string // JSON or text, after redaction

	Status     string // completed, interrupted, timeout, …
	DurationMS int    // how long a tool ran or a call lasted
	LatencyMS  int    // of an agent's line: from the end of the caller's speech to its first audio
	DetectMS   int    // the first step of that: until the service noticed that the caller had stopped
	ThinkMS    int    // the second: until the first audio arrived
	PlayMS     int    // the third: until it was on the wire

	TokensIn, TokensOut, TokensCached int   // of one response
	CostMicros                        int64 // millionths of the currency that the prices are in
}

// Validate reports what keeps a backend from storing the entry, as an [ErrInvalid].
func (e *Entry) Validate() error {
	if _, err := ParseID(e.ID); err != nil {
		return err
	}
	return e.validateBody()
}

func (e *Entry) validateBody() error {
	if e.Kind == "" || len(e.Kind) > MaxNameBytes {
		return invalid("entry kind %q", clip(e.Kind))
	}
	if n := e.size(); n > MaxEntryBytes {
		return invalid("entry of %d bytes, at most %d", n, MaxEntryBytes)
	}
	return nil
}

func (e *Entry) size() int {
	return len(e.Role) + len(e.Author) + len(e.ItemID) + len(e.Text) + len(e.Heard) + len(e.Tool) + len(e.CallID) +
		len(e.Arguments) + len(e.Result) + len(e.Status)
}

// Finish ends the record as [Sink].Finish promises: what end sets replaces what was there, also an end that Sweep wrote;
// a zero Ended becomes now unless the call was ended before; the expiry follows from retention (0: none) unless the call
// has one.
func (c *Call) Finish(end *Call, now time.Time, retention time.Duration) {
	c.Revive()
	c.Merge(end)
	if c.Ended.IsZero() {
		c.Ended = time.UnixMilli(now.UnixMilli()).UTC()
	}
	if c.Expires.IsZero() && retention > 0 {
		c.Expires = c.Ended.Add(retention)
	}
}

// Lose ends the record of a call whose lease ran out.
func (c *Call) Lose(leaseEnd time.Time, retention time.Duration) {
	c.Finish(&Call{Ended: leaseEnd, Cause: CauseLost, EndedBy: string(RoleSystem)}, leaseEnd, retention)
}

// Revive undoes Lose and reports whether there was something to undo.
func (c *Call) Revive() bool {
	if c.Live() || c.Cause != CauseLost {
		return false
	}
	c.Ended, c.Expires, c.Cause, c.Code, c.EndedBy = time.Time{}, time.Time{}, "", 0, ""
	return true
}

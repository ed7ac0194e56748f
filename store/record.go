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
	KindSilence    = "silence"     // a supervisor took the model off the call (Status "on") or put it back ("off")
	KindRecording  = "recording"   // the recording was begun, paused or resumed, or not begun, as Status says
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
// UTF-8 is stored with U+FFFD in place of what is broken. The JSON names are what programs read, of the command line and over HTTP.
type Call struct {
	ID        string `json:"id"`                   // made by us: letters, digits and marks, at most [MaxNameBytes], no braces, blanks or control characters
	SIPCallID string `json:"sip_call_id,omitzero"` // Call-ID header, RFC 3261 §20.8
	Trunk     string `json:"trunk,omitzero"`       // name in the configuration
	Agent     string `json:"agent,omitzero"`       // name in the configuration, at most [MaxNameBytes]
	Caller    string `json:"caller,omitzero"`      // as the trunk gave it: a number or a SIP user; a claim, not a proof
	Dialled   string `json:"dialled,omitzero"`     // the number that was called
	Direction string `json:"direction,omitzero"`   // "out": a call of ours, Dialled whom we called and Caller what we showed; "": they called us
	Forwarded string `json:"forwarded,omitzero"`   // who passed the call on, the number that was called first at the front; "": nobody
	// Verification is what the trunk said of Caller: "passed", "failed" or "none", and the attestation, as in "passed A"
	// (STIR/SHAKEN); "": nothing.
	Verification string `json:"verification,omitzero"`
	SRTP         string `json:"srtp,omitzero"`      // suite that the audio began with (RFC 4568); "": it was plain RTP
	Node         string `json:"node,omitzero"`      // host or pod that held the call
	Recording    string `json:"recording,omitzero"` // name under which the sound of the call is kept; "": it is not
	Codec        string `json:"codec,omitzero"`     // PCMU or PCMA
	Model        string `json:"model,omitzero"`     // Realtime model

	Started  time.Time `json:"started"`           // INVITE
	Answered time.Time `json:"answered,omitzero"` // 200 OK
	Ended    time.Time `json:"ended,omitzero"`    // zero while the call runs
	Expires  time.Time `json:"expires,omitzero"`  // the record is gone after this; zero: the backend's retention decides at Finish, or it stays

	Cause   string `json:"cause,omitzero"`    // in words
	Code    int    `json:"code,omitzero"`     // SIP status or Q.850 cause; 0: none
	EndedBy string `json:"ended_by,omitzero"` // who hung up

	Turns         int   `json:"turns"`                          // lines said by either side
	Interruptions int   `json:"interruptions"`                  // times the caller spoke over the agent
	SetupMS       int   `json:"setup_ms,omitzero"`              // INVITE to 200 OK
	LatencyP50MS  int   `json:"latency_p50_ms,omitzero"`        // caller stops → first audio of the answer on the wire, median
	LatencyP95MS  int   `json:"latency_p95_ms,omitzero"`        // the same, 95th percentile
	FramesIn      int64 `json:"frames_in"`                      // 20 ms audio frames from the phone
	FramesOut     int64 `json:"frames_out"`                     // 20 ms audio frames to the phone
	FramesLost    int64 `json:"frames_lost"`                    // frames from the phone that never came
	MOSCaller     int   `json:"mos_caller_hundredths,omitzero"` // how the caller sounds here, in hundredths of a mean opinion score (100 to 440); 0: not known
	MOSAgent      int   `json:"mos_agent_hundredths,omitzero"`  // how we sound there, by the far end's reports
	JitterMS      int   `json:"jitter_ms"`                      // of the caller's audio
	RTTMS         int   `json:"rtt_ms,omitzero"`                // network round trip to the far end; 0: not known
	TokensIn      int64 `json:"tokens_in"`                      // model tokens, all kinds
	TokensOut     int64 `json:"tokens_out"`
	TokensCached  int64 `json:"tokens_cached,omitzero"` // of TokensIn, those that the service had in its cache
	CostMicros    int64 `json:"cost_micros,omitzero"`   // millionths of the currency that the prices are in; 0: no prices
	Reconnects    int   `json:"reconnects,omitzero"`    // lost connections to the model that were replaced
	Rotations     int   `json:"rotations,omitzero"`     // connections to the model that were replaced before their end
	ToolCalls     int   `json:"tool_calls"`
	ToolFailures  int   `json:"tool_failures"`

	Tags Tags `json:"tags,omitzero"` // what the agent and supervisors sorted the call under
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
	ID     string    `json:"id"`          // see [ID]; a [Writer] fills it in when it is empty
	Kind   string    `json:"kind"`        // one of the Kind constants
	At     time.Time `json:"at,omitzero"` // to the millisecond; zero: the time in the id
	Role   Role      `json:"role,omitzero"`
	Author string    `json:"author,omitzero"`  // of a supervisor's note: who wrote it, as the sign-in knows them
	ItemID string    `json:"item_id,omitzero"` // Realtime conversation item

	Text  string `json:"text,omitzero"`   // what was said, pressed, noted or went wrong
	Heard string `json:"heard,omitzero"`  // of an agent's line: what of Text the caller heard
	CutMS int    `json:"cut_ms,omitzero"` // of an interrupted line: audio that was heard, in milliseconds

	Tool      string `json:"tool,omitzero"`      // tool name
	CallID    string `json:"call_id,omitzero"`   // Realtime call_id of a function call (not the id of the phone call)
	Arguments string `json:"arguments,omitzero"` // JSON, after redaction
	Result    string `json:"result,omitzero"`    // JSON or text, after redaction

	Status      string `json:"status,omitzero"`       // completed, interrupted, timeout, …
	DurationMS  int    `json:"duration_ms,omitzero"`  // how long a tool ran or a call lasted
	Attempts    int    `json:"attempts,omitzero"`     // how often a tool was tried: 0 not at all, 2 after a webhook's retry
	ResultBytes int    `json:"result_bytes,omitzero"` // size of a tool's result before it was cut
	LatencyMS   int    `json:"latency_ms,omitzero"`   // of an agent's line: from the end of the caller's speech to its first audio
	DetectMS    int    `json:"detect_ms,omitzero"`    // the first step of that: until the service noticed that the caller had stopped
	ThinkMS     int    `json:"think_ms,omitzero"`     // the second: until the first audio arrived
	PlayMS      int    `json:"play_ms,omitzero"`      // the third: until it was on the wire

	TokensIn     int   `json:"tokens_in,omitzero"`     // of one response
	TokensOut    int   `json:"tokens_out,omitzero"`    // of one response
	TokensCached int   `json:"tokens_cached,omitzero"` // of one response
	CostMicros   int64 `json:"cost_micros,omitzero"`   // millionths of the currency that the prices are in
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

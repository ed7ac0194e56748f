package export

import (
	"time"

	"github.com/trunkline/trunkline/store"
)

// Call and Entry are the records as JSON, everywhere: in exports, in the API and on the command line. Others depend on
// the names, so they stand here and not on the records: the conversions below compile only as long as every field of a
// record has its name. Times are RFC 3339 in UTC, to the millisecond; what is not known is left out.

// Call is a [store.Call] in JSON.
type Call struct {
	ID        string `json:"id"`
	SIPCallID string `json:"sip_call_id,omitzero"`
	Trunk     string `json:"trunk,omitzero"`
	Agent     string `json:"agent,omitzero"`
	Caller    string `json:"caller,omitzero"`
	Dialled   string `json:"dialled,omitzero"`
	Direction string `json:"direction,omitzero"`
	Forwarded string `json:"forwarded,omitzero"`

	Verification string `json:"verification,omitzero"`
	SRTP         string `json:"srtp,omitzero"`

	Node  string `json:"node,omitzero"`
	Codec string `json:"codec,omitzero"`
	Model string `json:"model,omitzero"`

	Started  time.Time `json:"started"`
	Answered time.Time `json:"answered,omitzero"`
	Ended    time.Time `json:"ended,omitzero"`
	Expires  time.Time `json:"expires,omitzero"`

	Cause   string `json:"cause,omitzero"`
	Code    int    `json:"code,omitzero"`
	EndedBy string `json:"ended_by,omitzero"`

	Turns         int   `json:"turns"`
	Interruptions int   `json:"interruptions"`
	SetupMS       int   `json:"setup_ms,omitzero"`
	LatencyP50MS  int   `json:"latency_p50_ms,omitzero"`
	LatencyP95MS  int   `json:"latency_p95_ms,omitzero"`
	FramesIn      int64 `json:"frames_in"`
	FramesOut     int64 `json:"frames_out"`
	FramesLost    int64 `json:"frames_lost"`
	MOSCaller     int   `json:"mos_caller_hundredths,omitzero"`
	MOSAgent      int   `json:"mos_agent_hundredths,omitzero"`
	JitterMS      int   `json:"jitter_ms"`
	RTTMS         int   `json:"rtt_ms,omitzero"`
	TokensIn      int64 `json:"tokens_in"`
	TokensOut     int64 `json:"tokens_out"`
	TokensCached  int64 `json:"tokens_cached,omitzero"`
	CostMicros    int64 `json:"cost_micros,omitzero"`
	Reconnects    int   `json:"reconnects,omitzero"`
	Rotations     int   `json:"rotations,omitzero"`
	ToolCalls     int   `json:"tool_calls"`
	ToolFailures  int   `json:"tool_failures"`

	Tags store.Tags `json:"tags,omitzero"`
}

// Entry is a [store.Entry] in JSON.
type Entry struct {
	ID     string     `json:"id"`
	Kind   string     `json:"kind"`
	At     time.Time  `json:"at,omitzero"`
	Role   store.Role `json:"role,omitzero"`
	Author string     `json:"author,omitzero"`
	ItemID string     `json:"item_id,omitzero"`

	Text  string `json:"text,omitzero"`
	Heard string `json:"heard,omitzero"`
	CutMS int    `json:"cut_ms,omitzero"`

	Tool      string `json:"tool,omitzero"`
	CallID    string `json:"call_id,omitzero"`
	Arguments string `json:"arguments,omitzero"`
	Result    string `json:"result,omitzero"`

	Status     string `json:"status,omitzero"`
	DurationMS int    `json:"duration_ms,omitzero"`
	LatencyMS  int    `json:"latency_ms,omitzero"`
	DetectMS   int    `json:"detect_ms,omitzero"`
	ThinkMS    int    `json:"think_ms,omitzero"`
	PlayMS     int    `json:"play_ms,omitzero"`

	TokensIn     int   `json:"tokens_in,omitzero"`
	TokensOut    int   `json:"tokens_out,omitzero"`
	TokensCached int   `json:"tokens_cached,omitzero"`
	CostMicros   int64 `json:"cost_micros,omitzero"`
}

// CallOf is the record as JSON takes it.
func CallOf(c *store.Call) Call {
	out := Call(*c)
	for _, at := range []*time.Time{&out.Started, &out.Answered, &out.Ended, &out.Expires} {
		*at = datable(*at)
	}
	return out
}

// EntryOf is the line as JSON takes it.
func EntryOf(e *store.Entry) Entry {
	out := Entry(*e)
	out.At = datable(out.At)
	return out
}

// EntriesOf are the lines as JSON takes them; never nil.
func EntriesOf(entries []store.Entry) []Entry {
	out := make([]Entry, len(entries))
	for i := range entries {
		out[i] = EntryOf(&entries[i])
	}
	return out
}

// CallsOf are the records as JSON takes them; never nil.
func CallsOf(calls []store.Call) []Call {
	out := make([]Call, len(calls))
	for i := range calls {
		out[i] = CallOf(&calls[i])
	}
	return out
}

// datable drops a time that RFC 3339 has no form for, so that one broken record does not make its list unreadable.
func datable(t time.Time) time.Time {
	if t = t.UTC(); t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}
	}
	return t
}

package main

import (
	"encoding/json"
	"io"
	"slices"
	"time"

	"github.com/trunkline/trunkline/store"
)

// callJSON and entryJSON are what --json prints. Scripts depend on the names, so they stand here and not on the records:
// the conversions below compile only as long as every field of a record has its name. Times are RFC 3339; what is not
// known is left out.
type callJSON struct {
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

	Tags store.Tags `json:"-"` // see callLine
}

// callLine is a call as it is printed: its tags are a list.
type callLine struct {
	callJSON
	Tags []string `json:"tags,omitempty"`
}

func lineOf(c *store.Call) callLine { return callLine{callJSON(*c), slices.Collect(c.Tags.All())} }

type entryJSON struct {
	ID     string     `json:"id"`
	Kind   string     `json:"kind"`
	At     time.Time  `json:"at"`
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

// printCallsJSON prints each call as one line.
func printCallsJSON(w io.Writer, calls ...store.Call) error {
	enc := json.NewEncoder(w)
	for _, c := range calls {
		if err := enc.Encode(lineOf(&c)); err != nil {
			return err
		}
	}
	return nil
}

// printEntriesJSON prints each entry as one line.
func printEntriesJSON(w io.Writer, entries ...store.Entry) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false) // arguments and results are JSON already and are read by people too
	for _, e := range entries {
		if err := enc.Encode(entryJSON(e)); err != nil {
			return err
		}
	}
	return nil
}

package supervisor

import (
	"cmp"
	"slices"
	"time"

	"github.com/trunkline/trunkline/store"
)

// poorMOS is the mean opinion score, in hundredths, below which a call is hard to understand.
const poorMOS = 310

// States of a running call.
const (
	stateRinging  = "ringing"
	stateTalking  = "talking"
	stateHold     = "hold"
	stateSilenced = "silenced"
)

// pageStates are in the order of the counts on top of the wall.
var pageStates = []string{stateTalking, stateRinging, stateHold, stateSilenced}

// Warnings of a call.
const (
	warnEscalated = "escalated"
	warnTool      = "tool"
	warnReconnect = "reconnect"
	warnError     = "error"
	warnQuality   = "quality"
)

// pageCard is a running call as the wall shows it, folded from its lines. Owned by one stream or one request.
type pageCard struct {
	Call     store.Call
	State    string
	Since    time.Time // the clock on the card counts from here
	Role     store.Role
	Words    string   // that were said last
	Warnings []string // sorted

	after string // id of the last line that was folded
	held  bool
	off   bool // the model is off the call, as the transcript says
}

// fold takes what happened since the last time.
func (c *pageCard) fold(call store.Call, entries []store.Entry, silenced bool) {
	c.Call = call
	for i := range entries {
		c.line(&entries[i])
		c.after = entries[i].ID
	}
	if call.ToolFailures > 0 {
		c.warn(warnTool)
	}
	if call.Reconnects > 0 {
		c.warn(warnReconnect)
	}
	if worst := min(cmp.Or(call.MOSCaller, 500), cmp.Or(call.MOSAgent, 500)); worst < poorMOS {
		c.warn(warnQuality)
	}
	c.Since = call.Answered
	switch {
	case call.Answered.IsZero():
		c.State, c.Since = stateRinging, call.Started
	case silenced || c.off:
		c.State = stateSilenced
	case c.held:
		c.State = stateHold
	default:
		c.State = stateTalking
	}
}

func (c *pageCard) line(e *store.Entry) {
	switch e.Kind {
	case store.KindTurn:
		if words := cmp.Or(e.Heard, e.Text); words != "" {
			c.Role, c.Words = e.Role, words
		}
	case store.KindHold:
		c.held = e.Status == "on"
	case store.KindSilence:
		c.off = e.Status == "on"
	case store.KindEscalation:
		c.warn(warnEscalated)
	case store.KindToolResult:
		if store.Failed(e.Status) {
			c.warn(warnTool)
		}
	case store.KindSession:
		if e.Status == "lost" {
			c.warn(warnReconnect)
		}
	case store.KindError:
		c.warn(warnError)
	}
}

func (c *pageCard) warn(what string) {
	if at, there := slices.BinarySearch(c.Warnings, what); !there {
		c.Warnings = slices.Insert(c.Warnings, at, what)
	}
}

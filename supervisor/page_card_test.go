package supervisor

import (
	"slices"
	"testing"
	"time"

	"github.com/trunkline/trunkline/store"
)

func TestCardSaysHowTheCallIs(t *testing.T) {
	now := time.Unix(1000, 0)
	answered := store.Call{Started: now, Answered: now.Add(time.Second)}
	on, off := store.Entry{Kind: store.KindHold, Status: "on"}, store.Entry{Kind: store.KindHold, Status: "off"}
	for name, tc := range map[string]struct {
		call     store.Call
		lines    []store.Entry
		silenced bool
		state    string
		since    time.Time
	}{
		"ringing":       {store.Call{Started: now}, nil, false, stateRinging, now},
		"talking":       {answered, nil, false, stateTalking, answered.Answered},
		"held":          {answered, []store.Entry{on}, false, stateHold, answered.Answered},
		"held and back": {answered, []store.Entry{on, off}, false, stateTalking, answered.Answered},
		"off elsewhere": {answered, []store.Entry{{Kind: store.KindSilence, Status: "on"}}, false, stateSilenced, answered.Answered},
		"put back":      {answered, []store.Entry{{Kind: store.KindSilence, Status: "on"}, {Kind: store.KindSilence, Status: "off"}}, false, stateTalking, answered.Answered},
		"off the call":  {answered, []store.Entry{on}, true, stateSilenced, answered.Answered},
	} {
		var c pageCard
		c.fold(tc.call, tc.lines, tc.silenced)
		if c.State != tc.state || !c.Since.Equal(tc.since) {
			t.Errorf("%s: %s since %v", name, c.State, c.Since)
		}
	}
}

func TestCardWarns(t *testing.T) {
	var c pageCard
	call := store.Call{Answered: time.Unix(1, 0), MOSCaller: 430}
	c.fold(call, []store.Entry{said(store.RoleAgent, "Hello"), {ID: "1-1", Kind: store.KindToolResult, Status: "ok"}}, false)
	if len(c.Warnings) != 0 || c.Words != "Hello" || c.Role != store.RoleAgent {
		t.Errorf("of nothing: %+v", c)
	}
	call.MOSAgent = 240
	c.fold(call, []store.Entry{{ID: "1-2", Kind: store.KindToolResult, Status: "timeout"}, {ID: "1-3", Kind: store.KindEscalation},
		{ID: "1-4", Kind: store.KindSession, Status: "lost"}, {ID: "1-5", Kind: store.KindSession, Status: "lost"}, {ID: "1-6", Kind: store.KindError}}, false)
	if want := []string{warnError, warnEscalated, warnQuality, warnReconnect, warnTool}; !slices.Equal(c.Warnings, want) {
		t.Errorf("warns of %v", c.Warnings)
	}
	if c.after != "1-6" || c.Words != "Hello" {
		t.Errorf("goes on behind %s, says %q", c.after, c.Words)
	}
	c.fold(call, []store.Entry{{ID: "1-7", Kind: store.KindTurn, Role: store.RoleAgent, Text: "Now or never", Heard: "Now"}}, false)
	if c.Words != "Now" {
		t.Errorf("shows %q, of which the caller heard less", c.Words)
	}
}

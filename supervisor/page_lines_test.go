package supervisor

import (
	"testing"
	"time"

	"github.com/trunkline/trunkline/store"
)

func TestLineShowsWhatWasNotHeard(t *testing.T) {
	for name, tc := range map[string]struct {
		entry   store.Entry
		cut     bool
		unheard string
	}{
		"heard to the end":           {said(store.RoleAgent, "Good day."), false, ""},
		"cut":                        {store.Entry{Kind: store.KindTurn, Role: store.RoleAgent, Text: "It is on Friday at ten.", Heard: "It is on", Status: "interrupted"}, true, "Friday at ten."},
		"cut before its first sound": {store.Entry{Kind: store.KindTurn, Role: store.RoleAgent, Text: "It is", Status: "interrupted"}, true, "It is"},
		"redacted in one of them":    {store.Entry{Kind: store.KindTurn, Role: store.RoleAgent, Text: "Card [card].", Heard: "Card four"}, true, "Card [card]."},
		"an agent of long ago":       {store.Entry{Kind: store.KindTurn, Role: store.RoleAgent, Text: "Good day."}, false, ""},
		"the caller":                 {store.Entry{Kind: store.KindTurn, Role: store.RoleCaller, Text: "Hello"}, false, ""},
	} {
		l := newPageFold(&store.Call{}).add(tc.entry)
		if l.Cut != tc.cut || l.Unheard != tc.unheard {
			t.Errorf("%s: cut %v, not heard %q", name, l.Cut, l.Unheard)
		}
	}
}

func TestLinesOfOneToolCallAreOne(t *testing.T) {
	start := time.Unix(1000, 0)
	f := newPageFold(&store.Call{Started: start, Answered: start.Add(time.Second)})
	f.add(store.Entry{Kind: store.KindCall})
	call := f.add(store.Entry{ID: "1-1", Kind: store.KindToolCall, Tool: "find", CallID: "a", At: start.Add(3 * time.Second)})
	if call.Offset != 2000 || call.Done != nil {
		t.Errorf("at %d ms, done %v", call.Offset, call.Done)
	}
	f.add(store.Entry{Kind: store.KindUsage})
	if l := f.add(store.Entry{Kind: store.KindEffect, CallID: "a", Status: "begun"}); l != call || l.Effect != "begun" {
		t.Errorf("the effect stands alone: %+v", l)
	}
	if l := f.add(store.Entry{ID: "1-2", Kind: store.KindToolResult, CallID: "a", Status: "ok"}); l != call || l.ID != "1-1" || l.Done.Status != "ok" {
		t.Errorf("the result stands alone: %+v", l)
	}
	if l := f.add(store.Entry{ID: "1-3", Kind: store.KindToolResult, CallID: "b", Status: "ok"}); l == nil || l.ID != "1-3" {
		t.Errorf("a result without its call is gone: %+v", l)
	}
	if len(f.lines) != 2 {
		t.Errorf("%d lines", len(f.lines))
	}
}

package supervisor

import (
	"strings"
	"time"

	"github.com/trunkline/trunkline/store"
)

// pageLine is one line of a transcript as a page shows it.
type pageLine struct {
	store.Entry
	Offset int // milliseconds from the answer, where a recording begins

	// Of an agent's line that was cut.
	Cut     bool
	Unheard string // what of Text the caller did not hear

	// Of a tool call.
	Done   *store.Entry // its result; nil: it runs
	Effect string       // how its change of the world went; "": it has none
}

// Hot reports whether the line wants a supervisor's eye.
func (l *pageLine) Hot() bool { return l.Kind == store.KindEscalation || l.Kind == store.KindError }

// pageFold turns entries into lines: what belongs to one tool call becomes one. Owned by one request.
type pageFold struct {
	answered time.Time
	lines    []*pageLine
	tools    map[string]*pageLine // by the model's id of the function call
}

func newPageFold(call *store.Call) *pageFold {
	from := call.Answered
	if from.IsZero() {
		from = call.Started
	}
	return &pageFold{answered: from, tools: map[string]*pageLine{}}
}

// add folds an entry and returns the line that it made or changed; nil when it shows nowhere.
func (f *pageFold) add(e store.Entry) *pageLine {
	switch e.Kind {
	case store.KindUsage, store.KindCall:
		return nil // the head of the page has it
	case store.KindToolResult:
		if l := f.tools[e.CallID]; l != nil {
			l.Done = &e
			return l
		}
	case store.KindEffect:
		if l := f.tools[e.CallID]; l != nil {
			l.Effect = e.Status
			return l
		}
	}
	l := f.line(e)
	f.lines = append(f.lines, l)
	return l
}

func (f *pageFold) line(e store.Entry) *pageLine {
	l := &pageLine{Entry: e, Offset: max(0, int(e.At.Sub(f.answered).Milliseconds()))}
	switch e.Kind {
	case store.KindToolCall:
		f.tools[e.CallID] = l
	case store.KindToolResult: // of a call that is not there
		l.Done = &e
	case store.KindTurn:
		l.cut()
	}
	return l
}

// cut finds what of an agent's line the caller did not hear.
func (l *pageLine) cut() {
	if l.Role != store.RoleAgent || l.Heard == l.Text || l.Heard == "" && l.Status != "interrupted" {
		return
	}
	l.Cut = true
	l.Unheard = l.Text
	if rest, ok := strings.CutPrefix(l.Text, l.Heard); ok {
		l.Unheard = strings.TrimSpace(rest)
	}
}

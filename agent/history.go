package agent

import (
	"slices"
	"strings"

	"github.com/trunkline/trunkline/store"
)

// historyBytes bounds what a new session is told of the call: its beginning is left out first.
const historyBytes = 16 << 10

// history is what was said so far, in words for the model that takes over: a session cannot be given the audio, and
// assistant items in writing would make it answer in writing. It is what the caller heard, not what was said.
// "" when nothing was said yet.
//
// Words that have not come over a lost connection never will: the caller is asked for them, if that was the last turn.
func (s *scribe) history(pending []string, lost bool) string {
	past := slices.Clone(s.past)
	for i, l := range s.lines {
		line := recount(&l.entry, l.whole)
		if lost && !l.whole && l.entry.Role == store.RoleCaller && !answered(s.lines[i+1:]) {
			line = "(What the caller said last was lost with the connection. Ask them to say it again.)"
		}
		past = append(past, line)
	}
	for _, tool := range pending {
		past = append(past, "(You called "+tool+"; its result is not there yet.)")
	}
	var b strings.Builder
	left := historyBytes
	first := len(past)
	for first > 0 && left >= len(past[first-1]) {
		left -= len(past[first-1])
		first--
	}
	for _, line := range past[first:] {
		if line != "" {
			b.WriteString(line + "\n")
		}
	}
	if b.Len() == 0 {
		return ""
	}
	head := "This phone call is already under way. So far, as the caller heard it"
	if first > 0 {
		head += " (the beginning is left out)"
	}
	return head + ":\n" + b.String() + "Go on from there without greeting again. If your last words were cut off, finish them briefly."
}

// answered reports whether the agent speaks in one of the lines.
func answered(lines []*line) bool {
	return slices.ContainsFunc(lines, func(l *line) bool { return l.entry.Kind == store.KindTurn && l.entry.Role == store.RoleAgent })
}

// remember keeps an entry for the history.
func (s *scribe) remember(e *store.Entry) {
	line := recount(e, true)
	if line == "" {
		return
	}
	s.past = append(s.past, line)
	s.pastBytes += len(line)
	for s.pastBytes > historyBytes && len(s.past) > 1 {
		s.pastBytes -= len(s.past[0])
		s.past = s.past[1:]
	}
}

// recount is one entry in words for the model; "" when it has nothing to say. Of an agent's line that is still being
// played the caller will hear the rest.
func recount(e *store.Entry, whole bool) string {
	switch e.Kind {
	case store.KindTurn:
		text := e.Text
		if e.Role == store.RoleCaller {
			return prefixed("Caller: ", text)
		}
		if whole {
			text = e.Heard
		}
		if e.Status == "interrupted" && text != "" {
			text += " (interrupted by the caller)"
		}
		return prefixed("You: ", text)
	case store.KindToolCall:
		return "(You called " + e.Tool + " with " + e.Arguments + ".)"
	case store.KindToolResult:
		return "(" + e.Tool + " returned " + e.Result + ")"
	case store.KindDTMF:
		if e.Status == keySecret {
			return "(The caller pressed a key.)"
		}
		return "(The caller pressed the key " + e.Text + ".)"
	case store.KindNote:
		if e.Status == noteTold {
			return "(Note: " + e.Text + ")"
		}
	}
	return ""
}

func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

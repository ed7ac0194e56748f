package configs

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// variables are the names that a prompt may hold as {{NAME}}, besides header.NAME. The agent fills them in for each call.
var variables = []string{"caller", "dialled", "forwarded", "verification", "now", "date", "time", "weekday", "agent", "language"}

// Variables are the names that a prompt may hold as {{NAME}}, besides header.NAME, in no particular order.
func Variables() []string { return slices.Clone(variables) }

// variablePlace is what counts as a variable; other text in double braces is text.
var variablePlace = regexp.MustCompile(`\{\{\s*([A-Za-z][A-Za-z0-9_.-]*)\s*\}\}`)

// texts checks the variables of everything the agent is given to say or to do.
func (k *checker) texts(a *Agent, key string) {
	for _, t := range []struct{ name, text string }{
		{"instructions", a.Instructions}, {"greeting", a.Greeting}, {"idle.ask", a.Idle.Ask}, {"idle.goodbye", a.Idle.Goodbye},
		{"max_duration_notice", a.MaxDurationNotice},
	} {
		k.variables(t.text, join(key, t.name))
	}
}

// variables reports each unknown name of a text once, all of them.
func (k *checker) variables(text, key string) {
	if k.spoilt(key) {
		return
	}
	seen := map[string]bool{}
	for _, m := range variablePlace.FindAllStringSubmatchIndex(text, -1) {
		name := text[m[2]:m[3]]
		problem := k.unknownVariable(name)
		if problem == "" || seen[name] {
			continue
		}
		seen[name] = true
		at, line := k.placeIn(text[:m[0]], key)
		k.faultAt(at, key, "holds {{%s}}%s, %s", clipped(name), line, problem)
	}
}

// placeIn is where the text of a setting goes on after before, and the number of the line in words when the place is only
// that of the whole text: a file of its own has lines that can be pointed to.
func (k *checker) placeIn(before, key string) (Where, string) {
	at, breaks := k.marks.find(key), strings.Count(before, "\n")
	switch {
	case at.File != "" && at.Line == 0:
		at.Line, at.Column = breaks+1, len(before)-strings.LastIndexByte(before, '\n')
	case breaks > 0:
		return at, fmt.Sprintf(" in its line %d", breaks+1)
	}
	return at, ""
}

// unknownVariable says what is wrong with a name; "" for a good one.
func (k *checker) unknownVariable(name string) string {
	header, isHeader := strings.CutPrefix(name, "header.")
	switch {
	case !isHeader && slices.Contains(variables, name):
		return ""
	case isHeader && slices.ContainsFunc(k.headerNames, func(have string) bool { return strings.EqualFold(have, header) }):
		return ""
	case isHeader:
		return "a header that no trunk lets through" + orElseText(didYouMean(header, k.headerNames), "; list it in trunks[].headers")
	}
	return "which is no variable" + orElseText(didYouMean(name, variables), "; there is "+list(append(slices.Clone(variables), "header.NAME"), "and"))
}

func orElseText(text, def string) string {
	if text == "" {
		return def
	}
	return text
}

func clipped(name string) string {
	const most = 60
	if len(name) > most {
		return name[:most] + "…"
	}
	return name
}

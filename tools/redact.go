package tools

import (
	"slices"
	"strings"
)

const (
	redacted    = "[redacted]"
	maxRecorded = 8 << 10 // of arguments, in transcripts and logs
)

// recorded returns arguments as they may be written down: compact, redacted, of bounded size.
//
// A tool with Redact withholds everything that it cannot place: text that is not a JSON object, and members that the
// schema does not know, names included. What the caller said may be anywhere in them.
func (t *tool) recorded(arguments string) string {
	secret := len(t.settings.redact) > 0
	switch {
	case strings.TrimSpace(arguments) == "":
		return "{}"
	case len(arguments) > maxArguments && secret:
		return redacted
	case len(arguments) > maxArguments:
		return cut(arguments, maxRecorded)
	}
	v, err := decodeNumbers([]byte(arguments))
	if err != nil || !isMap(v) {
		if secret {
			return redacted
		}
		return cut(arguments, maxRecorded)
	}
	if secret {
		v = t.redactValue(v)
	}
	text, err := marshal(v)
	if err != nil {
		return redacted
	}
	return cut(string(text), maxRecorded)
}

func isMap(v any) bool {
	_, ok := v.(map[string]any)
	return ok
}

// redactValue returns a copy of v without its secrets.
func (t *tool) redactValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return t.redactMembers(v)
	case []any:
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = t.redactValue(e)
		}
		return list
	}
	return v
}

func (t *tool) redactMembers(v map[string]any) map[string]any {
	m := make(map[string]any, len(v))
	for name, e := range v {
		switch {
		case slices.Contains(t.settings.redact, name):
			m[name] = redacted
		case t.params.known[name]:
			m[name] = t.redactValue(e)
		case !t.params.closed:
			m[name] = redacted
		default:
			m["[unknown]"] = redacted
		}
	}
	return m
}

package redact

import (
	"encoding/json"
	"strings"
)

// value redacts arguments or a result: strings and numbers one by one when it is JSON, which it stays; text as text.
func (c *Call) value(text string) string {
	if text == "" {
		return text
	}
	if !json.Valid([]byte(text)) {
		return c.Text(text)
	}
	var b strings.Builder
	done := 0
	for i := 0; i < len(text); {
		end := literal(text, i)
		if end == i {
			i++
			continue
		}
		if with, changed := c.literal(text[i:end]); changed {
			b.WriteString(text[done:i])
			b.WriteString(with)
			done = end
		}
		i = end
	}
	if done == 0 {
		return text
	}
	b.WriteString(text[done:])
	return b.String()
}

// literal returns the end of the string or number that begins at i of valid JSON, or i.
func literal(text string, i int) int {
	switch c := text[i]; {
	case c == '"':
		for i++; text[i] != '"'; i++ {
			if text[i] == '\\' {
				i++
			}
		}
		return i + 1
	case c == '-', '0' <= c && c <= '9':
		for i < len(text) && strings.IndexByte("+-.eE0123456789", text[i]) >= 0 {
			i++
		}
	}
	return i
}

// literal redacts one string or number. A number that has to go becomes a string.
func (c *Call) literal(text string) (string, bool) {
	if text[0] != '"' {
		with := c.Text(text)
		return `"` + with + `"`, with != text
	}
	var s string
	if json.Unmarshal([]byte(text), &s) != nil {
		return text, false
	}
	redact := c.Text
	if nested := strings.TrimSpace(s); nested != "" && (nested[0] == '{' || nested[0] == '[') {
		redact = c.value // JSON in a string stays JSON
	}
	with := redact(s)
	if with == s {
		return text, false
	}
	quoted, err := json.Marshal(with)
	return string(quoted), err == nil
}

package tools

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// marshal is json.Marshal without the escapes for HTML: a model reads & more easily than \u0026.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// wrap returns {"member":"text"}, at most limit bytes long; text that does not fit is cut between two characters and
// marked.
func wrap(member, text string, limit int) string {
	frame := len(`{"":""}`) + len(member)
	if len(text) <= limit { // otherwise it cannot fit
		if s := quote(text); frame+len(s)-2 <= limit {
			return `{"` + member + `":` + s + `}`
		}
	}
	mark := fmt.Sprintf(" …[cut, %d bytes in all]", len(text))
	return `{"` + member + `":` + quote(cutQuoted(text, limit-frame-len(mark))+mark) + `}`
}

// quote writes s as a JSON string. Strings always marshal; bytes that are not UTF-8 become U+FFFD.
func quote(s string) string {
	b, _ := marshal(s)
	return string(b)
}

// cutQuoted returns the longest start of s, whole characters only, that needs at most room bytes inside a JSON string.
func cutQuoted(s string, room int) string {
	for i, c := range s {
		_, size := utf8.DecodeRuneInString(s[i:])
		if room -= quotedLen(c, size); room < 0 {
			return s[:i]
		}
	}
	return s
}

// quotedLen is how many bytes encoding/json needs for a character of the given size: 2 for \n and the like, 6 for \u….
func quotedLen(c rune, size int) int {
	switch {
	case strings.ContainsRune("\"\\\n\r\t\b\f", c):
		return 2
	case c < ' ', c == '\u2028', c == '\u2029', c == utf8.RuneError && size == 1:
		return 6
	}
	return size
}

// cut returns s, or its start of at most n bytes in whole characters with a mark behind it.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

package realtime

import (
	"bytes"
	"reflect"
	"strings"
)

// What a server says that nobody reads is no error, but it should be seen: a figure that grows after an update of the
// server is the first sign of a protocol that moved on.

// readMembers are the members at the top of an event that are read, and those that are known to be of no use.
var readMembers = func() map[string]bool {
	names := map[string]bool{"event_id": true, "obfuscation": true}
	for field := range reflect.TypeFor[wireEvent]().Fields() {
		if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "" {
			names[name] = true
		}
	}
	return names
}()

// countUnread counts the members at the top of msg that nobody reads. msg is well-formed JSON.
func countUnread(msg []byte) (n int64) {
	depth, key := 0, false
	for i := 0; i < len(msg); i++ {
		switch msg[i] {
		case '{', '[':
			depth++
			key = depth == 1
		case '}', ']':
			depth--
		case ',':
			key = depth == 1
		case '"':
			end := i + 1 + stringLen(msg[i+1:])
			if key && !readMembers[string(msg[i+1:end])] {
				n++
			}
			i, key = end, false
		}
	}
	return n
}

// stringLen is the length of a string up to its closing quote.
func stringLen(text []byte) int {
	for i := 0; ; i++ {
		n := bytes.IndexAny(text[i:], `"\`)
		if n < 0 {
			return len(text)
		}
		if i += n; text[i] == '"' {
			return i
		}
		i++ // over the character after the backslash
		if i >= len(text) {
			return len(text)
		}
	}
}

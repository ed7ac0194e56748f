package realtime

import "bytes"

// An audio delta is some 20 times a second and 2 KB, nearly all of it base64. The scan below walks over the members of the
// top-level object once and notes where the values lie:
//
//	{"type":"response.output_audio.delta","event_id":"event_7","response_id":"resp_1",
//	 "item_id":"item_2","output_index":0,"content_index":0,"delta":"/v7+…"}
//
// It understands flat objects of plain strings, small integers, true, false and null, in any order and with any white
// space. At anything else (an escape, a member twice, a nested value, another event) it gives up, and encoding/json reads
// the message instead: the scan may decline, but what it accepts it must read as encoding/json would.

// audioSpan is an audio delta inside the message it came in.
type audioSpan struct {
	responseID, itemID, delta []byte
	outputIndex, contentIndex int
	unread                    int64 // other members that nobody knows
}

// scanAudio finds an audio delta of either dialect in msg.
func scanAudio(msg []byte) (span audioSpan, ok bool) {
	s := scanner{text: msg}
	if !s.next('{') {
		return span, false
	}
	var seen member
	for {
		key, ok := s.plain()
		if !ok || !s.next(':') || !s.member(key, &span, &seen) {
			return span, false
		}
		if s.next(',') {
			continue
		}
		return span, s.next('}') && s.end() && seen&(memberType|memberDelta) == memberType|memberDelta
	}
}

// member is a set of the members that were seen.
type member uint8

const (
	memberType member = 1 << iota
	memberResponse
	memberItem
	memberOutput
	memberContent
	memberDelta
	memberOther // may come more than once: nobody looks at them
)

func memberOf(key []byte) member {
	switch string(key) {
	case "type":
		return memberType
	case "response_id":
		return memberResponse
	case "item_id":
		return memberItem
	case "output_index":
		return memberOutput
	case "content_index":
		return memberContent
	case "delta":
		return memberDelta
	}
	return memberOther
}

// scanner walks over JSON text.
type scanner struct {
	text []byte
	at   int
}

// member reads the value of one member; false means that this is no plain audio delta.
func (s *scanner) member(key []byte, span *audioSpan, seen *member) (ok bool) {
	m := memberOf(key)
	if *seen&m != 0 && m != memberOther {
		return false
	}
	*seen |= m
	switch m {
	case memberType:
		return s.audioType()
	case memberResponse:
		span.responseID, ok = s.plain()
	case memberItem:
		span.itemID, ok = s.plain()
	case memberOutput:
		span.outputIndex, ok = s.index()
	case memberContent:
		span.contentIndex, ok = s.index()
	case memberDelta:
		span.delta, ok = s.raw()
	default:
		// encoding/json folds the case of names: a "Delta" would be a delta.
		ok = lower(key) && s.skip()
		if !readMembers[string(key)] {
			span.unread++
		}
	}
	return ok
}

func (s *scanner) audioType() bool {
	name, ok := s.plain()
	return ok && (string(name) == "response.output_audio.delta" || string(name) == "response.audio.delta")
}

// space passes over white space.
func (s *scanner) space() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return
		}
	}
}

// next passes over c, if c is next.
func (s *scanner) next(c byte) bool {
	s.space()
	if s.at < len(s.text) && s.text[s.at] == c {
		s.at++
		return true
	}
	return false
}

func (s *scanner) end() bool {
	s.space()
	return s.at == len(s.text)
}

// plain reads a string of printable ASCII without escapes.
func (s *scanner) plain() ([]byte, bool) {
	v, ok := s.raw()
	for _, c := range v {
		if c < ' ' || c > '~' {
			return nil, false
		}
	}
	return v, ok
}

// raw reads a string without escapes and leaves the rest to whoever decodes it: the two searches run at memory speed.
func (s *scanner) raw() ([]byte, bool) {
	if !s.next('"') {
		return nil, false
	}
	n := bytes.IndexByte(s.text[s.at:], '"')
	if n < 0 {
		return nil, false
	}
	v := s.text[s.at : s.at+n]
	s.at += n + 1
	return v, bytes.IndexByte(v, '\\') < 0
}

// index reads a number of at most nine digits.
func (s *scanner) index() (n int, ok bool) {
	s.space()
	start := s.at
	for s.at < len(s.text) && '0' <= s.text[s.at] && s.text[s.at] <= '9' && s.at-start < 10 {
		n = n*10 + int(s.text[s.at]-'0')
		s.at++
	}
	digits := s.at - start
	return n, digits > 0 && digits < 10 && (digits == 1 || s.text[start] != '0')
}

// skip passes over a value that nobody wants.
func (s *scanner) skip() (ok bool) {
	s.space()
	switch rest := s.text[s.at:]; {
	case len(rest) > 0 && rest[0] == '"':
		_, ok = s.plain()
	case bytes.HasPrefix(rest, []byte("null")), bytes.HasPrefix(rest, []byte("true")):
		s.at, ok = s.at+4, true
	case bytes.HasPrefix(rest, []byte("false")):
		s.at, ok = s.at+5, true
	default:
		_, ok = s.index()
	}
	return ok
}

func lower(key []byte) bool {
	for _, c := range key {
		if (c < 'a' || c > 'z') && c != '_' {
			return false
		}
	}
	return true
}

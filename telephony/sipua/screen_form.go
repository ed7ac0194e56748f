package sipua

import (
	"mime"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// singleHeaders may occur once (RFC 3261 §20, table 2). Two that disagree leave open what
// was meant, and two elements on the path would choose differently.
var singleHeaders = [...]string{"from", "to", "call-id", "cseq", "max-forwards", "content-length", "content-type"}

// repeats reports whether a header that may occur once occurs twice.
func repeats(req *sip.Request) bool {
	for _, name := range singleHeaders {
		if len(req.GetHeaders(name)) > 1 {
			return true
		}
	}
	return false
}

// screenValues looks at the values of a request whose headers are all there.
//
// Max-Forwards is not among them: a value of 0 forbids forwarding, we are the end of the
// path, and RFC 3261 §8.2 has a UAS not look at it. 483 is a proxy's answer (§16.3).
func screenValues(req *sip.Request) *refusal {
	if len(req.Recipient.Headers) > 0 { // RFC 3261 §19.1.1: not allowed there, and somebody's attempt to inject headers
		return refuse(sip.StatusBadRequest, "Headers In Request-URI")
	}
	if req.IsInvite() && !takesDescription(req) {
		return refuse(406, "Not Acceptable")
	}
	return nil
}

// takesDescription reports whether the peer takes the only kind of body that we send. No
// Accept header means that it does, an empty one that it takes none (RFC 3261 §20.1).
func takesDescription(req *sip.Request) bool {
	accepts := headerValues(req, "accept", "")
	for _, line := range accepts {
		for _, one := range splitOutside(line, ',') {
			switch kind, _, _ := mime.ParseMediaType(one); kind {
			case "application/sdp", "application/*", "*/*":
				return true
			}
		}
	}
	return len(accepts) == 0
}

// tidyParams removes the white space that may stand around the marks of parameters
// (RFC 3261 §25.1, SEMI and EQUAL), outside of quotes: sipgo would take it for a part of
// the name, so that a tag is not found.
func tidyParams(s string) string {
	if !strings.ContainsAny(s, " \t") {
		return s
	}
	var b strings.Builder
	quoted := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quoted && c == '\\' && i+1 < len(s):
			b.WriteByte(c)
			i++
			c = s[i]
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\t') && besideMark(s, i):
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// besideMark reports whether the white space at i has a mark as its next neighbour.
func besideMark(s string, i int) bool {
	before, after := strings.TrimRight(s[:i], " \t"), strings.TrimLeft(s[i:], " \t")
	return before != "" && strings.ContainsRune(";=", rune(before[len(before)-1])) || after != "" && strings.ContainsRune(";=", rune(after[0]))
}

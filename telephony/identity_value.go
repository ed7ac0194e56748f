package telephony

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/trunkline/trunkline/telephony/sipua"
)

// maxValues bounds how many addresses of one header are read.
const maxValues = 32

// value is one element of a header that holds addresses, in the form of RFC 3325 §9.1,
// RFC 5806 §4 or RFC 7044 §5. Package sipua reads what makes up a dialog and is strict;
// these headers were written by every exchange on the way, and each of their four kinds of
// parameters says something:
//
//	"Bob" <sip:+4930123;npdi@pbx;cause=302?Reason=Q.850>;reason=no-answer
//	 name      user     │         params      headers     header parameters
//	                    └ parameters of the user part, which is a tel URI in disguise
type value struct {
	name    string
	uri     sipua.URI // User keeps its parameters
	params  string    // of the URI
	headers string    // of the URI, still escaped
	header  string    // parameters of the header
}

// readValues takes header lines apart. What cannot be read is left out.
func readValues(lines []string) []value {
	var all []value
	for _, line := range lines {
		for len(all) < maxValues && line != "" {
			var one string
			one, line = cutOutside(line, ',')
			if v, ok := readValue(one); ok {
				all = append(all, v)
			}
		}
	}
	return all
}

// readValue reads a name-addr or an addr-spec (RFC 3261 §20.10).
func readValue(s string) (v value, ok bool) {
	before, rest := cutOutside(s, '<')
	if rest == "" {
		return readBare(strings.TrimSpace(s))
	}
	inside, after, closed := strings.Cut(rest, ">")
	if !closed {
		return value{}, false
	}
	if v, ok = readURI(strings.TrimSpace(inside)); !ok {
		return value{}, false
	}
	v.name = unquote(before)
	_, v.header = cutOutside(after, ';')
	return v, true
}

// readBare reads an address without <>: its parameters are those of the header, but for
// what stands before the @.
func readBare(s string) (value, bool) {
	at := strings.LastIndexByte(s, '@') + 1
	end := strings.IndexByte(s[at:], ';')
	if end < 0 {
		return readURI(s)
	}
	v, ok := readURI(s[:at+end])
	v.header = s[at+end+1:]
	return v, ok
}

// readURI reads sip:, sips: and tel: addresses.
func readURI(s string) (value, bool) {
	scheme, rest, ok := strings.Cut(s, ":")
	scheme = strings.ToLower(scheme)
	switch {
	case !ok:
		return value{}, false
	case scheme == "tel":
		return value{uri: sipua.URI{Scheme: scheme, User: rest}}, rest != ""
	case scheme != "sip" && scheme != "sips":
		return value{}, false
	}
	var v value
	rest, v.headers, _ = strings.Cut(rest, "?")
	user, host, has := cutLast(rest, '@')
	if !has {
		user, host = "", rest
	}
	user, _, _ = strings.Cut(user, ":") // a password
	host, v.params, _ = strings.Cut(host, ";")
	v.uri = sipua.URI{Scheme: scheme, User: user, Host: bareHost(host)}
	return v, v.uri.Host != ""
}

// bareHost is a host without its port.
func bareHost(s string) string {
	if strings.HasPrefix(s, "[") {
		host, _, _ := strings.Cut(s, "]")
		return host + "]"
	}
	host, _, _ := strings.Cut(s, ":")
	return host
}

// userParams are the parameters in the user part: ";npdi;rn=+1…" without the first ;.
func userParams(user string) string {
	_, params, _ := strings.Cut(user, ";")
	return params
}

// param looks for a parameter in "a=1;b" and is blind to the case of its name.
func param(list, name string) (value string, ok bool) {
	for list != "" {
		var one string
		one, list = cutOutside(list, ';')
		key, text, _ := strings.Cut(one, "=")
		if strings.EqualFold(strings.TrimSpace(key), name) {
			return unquote(text), true
		}
	}
	return "", false
}

// cutOutside cuts s at the first sep that is not inside of quotes or <brackets>.
func cutOutside(s string, sep byte) (before, after string) {
	quoted, bracket := false, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"' && !bracket:
			quoted = !quoted
		case quoted:
		case c == sep && !bracket:
			return s[:i], s[i+1:]
		case c == '<':
			bracket = true
		case c == '>':
			bracket = false
		}
	}
	return s, ""
}

func cutLast(s string, sep byte) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// unquote removes the quotes around a text and the escapes inside them (RFC 3261 §25.1).
func unquote(s string) string {
	s = strings.TrimSpace(s)
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	var b strings.Builder
	for i := 1; i < len(s)-1; i++ {
		if s[i] == '\\' && i+2 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// maxName bounds a display name, in characters: it is the caller's own text.
const maxName = 64

// displayName makes a caller's text fit to be shown: no control characters, no endless
// length, valid UTF-8.
func displayName(s string) string { return shown(s, maxName) }

// shown cleans text of the caller's side and cuts it after most characters.
func shown(s string, most int) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "")))
	for i := range s {
		if most--; most < 0 {
			s = s[:i]
			break
		}
	}
	return strings.TrimRightFunc(s, unicode.IsSpace)
}

// maxUser bounds a number, or a name in the place of one, in bytes.
const maxUser = 128

// readable reports whether a user part can be shown as it is.
func readable(s string) bool {
	return len(s) <= maxUser && utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0
}

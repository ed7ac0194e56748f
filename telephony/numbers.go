package telephony

import (
	"strings"

	"github.com/trunkline/trunkline/telephony/sipua"
)

// identity is who calls whom, as far as the trunk lets us know.
type identity struct {
	caller, name string // "" when withheld
	dialled      string
}

func identify(r *sipua.Request, trunk *Trunk) identity {
	id := identity{dialled: dialled(r)}
	caller := r.From
	if !trunk.DistrustIdentity {
		if asserted := asserted(r); asserted != nil {
			caller = *asserted
		}
	}
	if withheld(r, caller) {
		return id
	}
	id.caller, id.name = number(caller.URI), displayName(caller.Display)
	return id
}

// dialled is the number in the Request-URI; registered trunks put it into To and leave
// the user part of the Request-URI empty.
func dialled(r *sipua.Request) string {
	if n := number(r.RequestURI); n != "" {
		return n
	}
	return number(r.To.URI)
}

// asserted is the first usable P-Asserted-Identity (RFC 3325 §9.1), a telephone number
// before a name.
func asserted(r *sipua.Request) *sipua.Address {
	var first *sipua.Address
	for _, line := range r.Headers("P-Asserted-Identity") {
		for _, a := range sipua.ParseAddresses(line) {
			if isNumber(number(a.URI)) {
				return &a
			}
			if first == nil && number(a.URI) != "" {
				first = &a
			}
		}
	}
	return first
}

// withheld reports whether the caller asked to stay unknown (RFC 3323 §4.1, §4.2). An
// asserted identity does not undo the wish.
func withheld(r *sipua.Request, caller sipua.Address) bool {
	for _, line := range r.Headers("Privacy") {
		for value := range strings.SplitSeq(line, ";") {
			switch strings.ToLower(strings.TrimSpace(value)) {
			case "id", "user", "header":
				return true
			}
		}
	}
	uri := caller.URI
	return strings.EqualFold(uri.User, "anonymous") || strings.EqualFold(uri.Host, "anonymous.invalid")
}

// number reads the number, or name, out of an address.
func number(uri sipua.URI) string {
	return normalise(uri.User)
}

// normalise brings a user part into one form: escapes undone, parameters such as
// ";npdi;rn=+1…" cut, visual separators (RFC 3966 §5.1.1) removed, "00CC…" written as
// "+CC…". Digits without a prefix stay as they are: whether they are national cannot
// be known here. What is not a telephone number stays unchanged.
func normalise(user string) string {
	number, params, _ := strings.Cut(unescape(user), ";")
	bare := strings.Map(dropSeparator, number)
	if !isNumber(bare) {
		return number
	}
	if context := phoneContext(params); context != "" && !strings.HasPrefix(bare, "+") {
		bare = context + bare
	}
	if international, ok := strings.CutPrefix(bare, "00"); ok && len(international) >= 8 && len(international) <= 15 && international[0] != '0' {
		bare = "+" + international
	}
	return bare
}

func dropSeparator(r rune) rune {
	switch r {
	case '-', '.', '(', ')', ' ':
		return -1
	}
	return r
}

// isNumber accepts what a telephone can dial, with one leading plus.
func isNumber(s string) bool {
	digits := strings.TrimPrefix(s, "+")
	return digits != "" && len(digits) <= 32 && strings.Trim(digits, "0123456789*#") == ""
}

// phoneContext is the "+CC" that completes a local number (RFC 3966 §5.1.5); a domain
// name as context says nothing about the number.
func phoneContext(params string) string {
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(param, "=")
		if strings.EqualFold(name, "phone-context") && strings.HasPrefix(value, "+") {
			if context := strings.Map(dropSeparator, value); isNumber(context) {
				return context
			}
		}
	}
	return ""
}

// unescape undoes %XX (RFC 3261 §19.1.2) for printable ASCII; anything else in an
// escape has no business in a number and stays as it is.
func unescape(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c, ok := escaped(s[i:]); ok {
			b.WriteByte(c)
			i += 2
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func escaped(s string) (byte, bool) {
	if len(s) < 3 || s[0] != '%' {
		return 0, false
	}
	hi, lo := unhex(s[1]), unhex(s[2])
	c := hi<<4 | lo
	return c, hi < 16 && lo < 16 && c > ' ' && c < 0x7f
}

func unhex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 0xff
}

// maxName bounds a display name, in characters: it is the caller's own text.
const maxName = 64

// displayName makes a caller's text fit to be shown: no control characters, no endless
// length, valid UTF-8.
func displayName(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if runes := []rune(s); len(runes) > maxName {
		s = string(runes[:maxName])
	}
	return strings.TrimSpace(s)
}

// mask hides a number but for its last four digits, for the log.
func mask(number string) string {
	if len(number) <= 4 {
		return strings.Repeat("*", len(number))
	}
	if !isNumber(number) {
		return "(name)"
	}
	return strings.Repeat("*", len(number)-4) + number[len(number)-4:]
}

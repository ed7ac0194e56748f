package telephony

import (
	"fmt"
	"strings"
)

// Numbers says how a trunk writes telephone numbers, so that each has one form in routes
// and records: "+" and the digits of E.164. What is not such a number keeps its form:
// extensions, short codes, emergency numbers (112, 911) and names.
//
// The zero value knows of no country: "+49…" and "0049…" are numbers of E.164, and digits
// without such a beginning stay as they are.
type Numbers struct {
	Country       string // calling code of the trunk's country: "49", "1"; "": numbers without a code stay as they are
	International string // what is dialled before a calling code; default "00", and "011" with Country "1"

	// National is what is dialled before a number of the country and is no part of it: "0"
	// in most of Europe. "": there is none, as in Italy, whose zero is part of the number;
	// "1" with Country "1", where it is left out as often as not.
	National string

	// MinLength and MaxLength bound the digits of a national number, without Country and
	// National. Default 6 to 13, 8 to 11 where National is "", and 10 with Country "1".
	MinLength, MaxLength int

	// Bare says that digits without any beginning, 8 to 15 of them, are E.164 whose plus was
	// left out ("4930123456", as Vonage writes).
	Bare bool
}

// maxE164 is the length of the longest telephone number (ITU-T E.164 §6.2.1), minE164 that
// of the shortest that has a plus when it is written in full.
const (
	minE164 = 8
	maxE164 = 15
)

func (n Numbers) withDefaults() Numbers {
	nanp := n.Country == "1"
	least, most := 6, 13
	switch {
	case nanp:
		least, most = 10, 10
	case n.National == "":
		least, most = minE164, 11 // shorter ones are short codes, longer ones have a calling code
	}
	if nanp && n.National == "" {
		n.National = "1"
	}
	if n.MinLength <= 0 {
		n.MinLength = least
	}
	if n.MaxLength <= 0 {
		n.MaxLength = max(most, n.MinLength)
	}
	if n.International == "" {
		n.International = "00"
		if nanp {
			n.International = "011"
		}
	}
	return n
}

// check says what is wrong with the settings of field.
func (n Numbers) check(field string) (errs []error) {
	wrong := func(name, what string) {
		errs = append(errs, &ConfigError{field + "." + name, what})
	}
	if n.Country != "" && (!digits(n.Country) || len(n.Country) > 3 || n.Country[0] == '0') {
		wrong("country", fmt.Sprintf("%q is no calling code of one to three digits", n.Country))
	}
	for name, prefix := range map[string]string{"international": n.International, "national": n.National} {
		if prefix != "" && (!digits(prefix) || len(prefix) > 5) {
			wrong(name, fmt.Sprintf("%q is no prefix of one to five digits", prefix))
		}
	}
	if n.National != "" && n.Country == "" {
		wrong("national", "is set without country")
	}
	if n.MinLength < 0 || n.MaxLength < 0 || n.MaxLength > maxE164 || n.MaxLength > 0 && n.MinLength > n.MaxLength {
		wrong("length", fmt.Sprintf("must be between 1 and %d, the smaller number first", maxE164))
	}
	return errs
}

// normalise brings a user part, or a tel URI without its scheme, into one form. Escapes
// are undone, parameters such as ";npdi;rn=+1…" cut, visual separators (RFC 3966 §5.1.1)
// removed. What is not a telephone number keeps its text. Applying it twice changes nothing.
func (n Numbers) normalise(user string) string {
	number, params, _ := strings.Cut(unescape(user), ";")
	bare := withoutSeparators(number)
	switch {
	case !isNumber(bare) && strings.Contains(number, "%"):
		number, _, _ = strings.Cut(user, ";")
		return number
	case !isNumber(bare):
		return number
	case strings.HasPrefix(bare, "+"):
		return bare
	}
	return n.complete(bare, phoneContext(params))
}

// complete puts a + and a calling code before dialled digits, where they have one.
func (n Numbers) complete(dialled, context string) string {
	if !digits(dialled) {
		return dialled
	}
	n = n.withDefaults()
	if context != "" {
		if own, ok := n.national(dialled); ok && context == "+"+n.Country {
			return own
		}
		if full := context + dialled; isNumber(full) {
			return full
		}
		return dialled
	}
	if rest, ok := strings.CutPrefix(dialled, n.International); ok && e164(rest) {
		return "+" + rest
	}
	if number, ok := n.national(dialled); ok {
		return number
	}
	if n.Bare && e164(dialled) {
		return "+" + dialled
	}
	return dialled
}

// national is a number of the trunk's country in full, if dialled is one. In North America
// a number is one with its prefix or without; bare numbers have theirs, or it is no longer
// possible to tell them apart.
func (n Numbers) national(dialled string) (string, bool) {
	if n.Country == "" || !digits(dialled) {
		return "", false
	}
	if rest, ok := strings.CutPrefix(dialled, n.National); ok && n.National != "" && n.fits(rest) {
		return "+" + n.Country + rest, true
	}
	alone := (n.National == "" || n.Country == "1") && !n.Bare
	if alone && n.fits(dialled) {
		return "+" + n.Country + dialled, true
	}
	return "", false
}

// fits reports whether digits can be a national number.
func (n Numbers) fits(number string) bool {
	if len(number) < n.MinLength || len(number) > n.MaxLength || len(n.Country)+len(number) > maxE164 {
		return false
	}
	if n.Country == "1" {
		return number[0] >= '2' // no area code begins with 0 or 1
	}
	return n.National == "" || number[0] != '0'
}

// e164 reports whether digits are a calling code with a number.
func e164(s string) bool {
	return digits(s) && len(s) >= minE164 && len(s) <= maxE164 && s[0] != '0'
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// withoutSeparators removes visual separators, and the (0) of "+49 (0) 30…", which nobody
// dials together with the calling code; except in Italy, where everybody does.
func withoutSeparators(s string) string {
	if strings.HasPrefix(s, "+") && !strings.HasPrefix(s, "+39") && len(s) > len("+(0)") {
		s = strings.Replace(s, "(0)", "", 1)
	}
	return strings.Map(dropSeparator, s)
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
	value, _ := param(params, "phone-context")
	if context := strings.Map(dropSeparator, value); strings.HasPrefix(context, "+") && digits(context[1:]) && len(context) <= maxE164 {
		return context
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

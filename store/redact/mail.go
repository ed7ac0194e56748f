package redact

import (
	"regexp"
	"strings"
)

// written matches an address; spoken one as it is read out, spelled letters included: "j dot smith at example dot com".
var (
	written = regexp.MustCompile(`(?i)[a-z0-9._%+\-\pL]+@[a-z0-9\pL](?:[a-z0-9.\-\pL]*[a-z0-9\pL])?`)
	spoken  = regexp.MustCompile(`(?i)(?:\b[a-z0-9] )*\b[a-z0-9.]+(?:,? (?:dot|punkt|underscore|unterstrich|dash|hyphen|minus|bindestrich|plus),? [a-z0-9]+)*,? (?:at|ät|et) [a-z0-9\-]+(?:(?:,? (?:dash|hyphen|minus|bindestrich),? [a-z0-9]+)*(?:,? (?:dot|punkt),? [a-z0-9]+)+|\.[a-z]{2,})`)
	// iban takes letters and digits in one word or in groups of four; where it ends is for the check digits to say.
	iban = regexp.MustCompile(`(?i)\b[a-z]{2}[0-9]{2}(?:[ \-]?[a-z0-9]){11,30}`)
)

// places are words that stand before "at" when a web page is meant: "have a look at example dot com".
const places = " look looking us me it is am are was be me here them him her you find visit store shop order available online " +
	"information page site website more details "

// mails marks addresses.
func (c *Call) mails(text string) {
	if strings.IndexByte(text, '@') >= 0 {
		for _, at := range written.FindAllStringIndex(text, -1) {
			c.mark(at[0], at[1], "[email]")
		}
	}
	if !dotted(text) {
		return
	}
	for _, at := range spoken.FindAllStringIndex(text, -1) {
		local, _, _ := strings.Cut(text[at[0]:at[1]], " ")
		if len(local) > 1 && strings.Contains(places, " "+strings.ToLower(local)+" ") {
			continue
		}
		if at[0] > 0 && text[at[0]-1] == '\'' { // "it's john …"
			at[0] += len(local) + 1
		}
		c.mark(at[0], at[1], "[email]")
	}
}

// dotted reports whether text may hold a spoken address: an "at", and behind it a "dot" or a mark inside a word.
func dotted(text string) bool {
	i := max(strings.Index(text, " at"), strings.Index(text, " ät"), strings.Index(text, " et"), strings.Index(text, " At"))
	if i < 0 {
		return false
	}
	if strings.Contains(text, "dot ") || strings.Contains(text, "Dot ") || strings.Contains(text, "unkt ") {
		return true
	}
	for n := range len(text) - 1 {
		if text[n] == '.' && isLetter(rune(text[n+1])) {
			return true
		}
	}
	return false
}

// ibans marks account numbers. A match may swallow the words behind the number, so its end is tried backwards.
func (c *Call) ibans(text string) {
	for _, at := range iban.FindAllStringIndex(text, -1) {
		for end := at[1]; end-at[0] >= 15; end-- {
			if isIBAN(compact.Replace(text[at[0]:end])) && !goesOn(text, end) {
				c.mark(at[0], end, "[iban]")
				break
			}
		}
	}
}

var compact = strings.NewReplacer(" ", "", "-", "")

// goesOn reports whether text has a letter or digit at i: a number does not end there.
func goesOn(text string, i int) bool {
	if i >= len(text) {
		return false
	}
	c := text[i]
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

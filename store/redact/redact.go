package redact

import (
	"slices"
	"strings"

	"github.com/trunkline/trunkline/store"
)

// Rules say what is taken out. The zero value takes nothing. Static, so one may serve any number of calls.
type Rules struct {
	Cards  bool // 13 to 19 digits with a good check digit, and longer pieces of such a number
	IBANs  bool // bank accounts, ISO 13616
	SSNs   bool // US social security numbers: as 078-05-1120, or nine digits where the talk is of one
	Emails bool // written or spoken
	Phones bool // anything that looks like a phone number; transcripts lose the numbers that callers leave
}

// Default is what an agent redacts unless told otherwise: everything but phone numbers.
func Default() Rules { return Rules{Cards: true, IBANs: true, SSNs: true, Emails: true} }

const (
	partial   = 7  // digits of an unfinished number that are masked at once; six may stand on a receipt
	repeats   = 5  // digits of a masked number that are known again
	excusable = 11 // digits that a word like "order" excuses at most
	nearby    = 3  // words, or lines, over which a number is still the same one
	behind    = 5  // words that may follow an unfinished number: "that's the first half"
	history   = 8  // masked numbers that are remembered
)

// Call redacts the lines of one call, in their order. It remembers unfinished and masked numbers, in memory and until
// the call ends. Owned by whoever appends the lines; not safe for several goroutines.
type Call struct {
	rules   Rules
	scan    scan
	edits   []edit
	joined  []byte
	whole   bool       // the last number was masked and lacks nothing
	pending [3]pending // by speaker
	secrets []secret
	label   label // what the last lines spoke of
	labelOf int   // lines since
}

type secret struct{ digits, mark string }

// Call begins the state of one call.
func (r Rules) Call() *Call { return &Call{rules: r} }

// Also takes out, from now on, what r names too. What the call has learned stays.
func (c *Call) Also(r Rules) {
	c.rules = Rules{c.rules.Cards || r.Cards, c.rules.IBANs || r.IBANs, c.rules.SSNs || r.SSNs, c.rules.Emails || r.Emails, c.rules.Phones || r.Phones}
}

// Entries returns the entries as they may be stored. The slice given is not changed; it is returned itself when there
// was nothing to take out.
func (c *Call) Entries(entries []store.Entry) []store.Entry {
	out := entries
	for i := range entries {
		e := entries[i]
		c.entry(&e)
		if e.Text == entries[i].Text && e.Heard == entries[i].Heard && e.Arguments == entries[i].Arguments && e.Result == entries[i].Result {
			continue
		}
		if &out[0] == &entries[0] {
			out = slices.Clone(entries)
		}
		out[i] = e
	}
	return out
}

func (c *Call) entry(e *store.Entry) {
	switch e.Kind {
	case store.KindTurn:
		speaker := 0
		if e.Role == store.RoleAgent {
			speaker = 1
		}
		c.line(e, &c.pending[speaker])
	case store.KindDTMF:
		c.line(e, &c.pending[2])
	default:
		e.Text = c.Text(e.Text)
	}
	e.Arguments, e.Result = c.value(e.Arguments), c.value(e.Result)
}

// line redacts what was said or pressed. What was heard is the beginning of it, so the same marks apply.
func (c *Call) line(e *store.Entry, p *pending) {
	text := e.Text
	c.find(text, p)
	e.Text = c.apply(text, len(text))
	switch {
	case e.Heard == text:
		e.Heard = e.Text
	case strings.HasPrefix(text, e.Heard):
		e.Heard = c.Text(c.apply(text, len(e.Heard))) // again: a long number may have become a card where it was cut
	default:
		e.Heard = c.Text(e.Heard)
	}
}

// Text redacts what stands for itself: a note, a log message. Numbers that this call masked are known again in it.
func (c *Call) Text(text string) string {
	c.find(text, nil)
	return c.apply(text, len(text))
}

// find fills edits with what must go, in order and apart. With p, the text is a line of that speaker.
func (c *Call) find(text string, p *pending) {
	c.edits = c.edits[:0]
	if text == "" {
		return
	}
	c.scan.read(text)
	whole := false
	for i := range c.scan.runs {
		if p == nil || !c.continued(i, p) {
			c.run(&c.scan.runs[i], p)
		}
		if i == c.scan.last {
			whole = c.whole
		}
	}
	if p != nil {
		c.leave(p, whole)
	}
	if c.rules.Emails {
		c.mails(text)
	}
	if c.rules.IBANs && len(c.scan.digits) > 2 {
		c.ibans(text)
	}
	if len(c.edits) > 1 {
		c.tidy()
	}
}

// run judges a number by itself.
func (c *Call) run(r *run, p *pending) {
	d := c.scan.digits[r.from:r.to]
	mark := c.judge(d, r)
	if mark == "" && p != nil && !r.plus && c.unfinished(r) && c.partial(d, c.account(r), c.plain(r)) {
		mark = "[digits]"
	}
	if mark == "[digits]" && p != nil {
		p.lines = 0 // it begins here
	}
	c.remove(r, d, mark)
}

// judge names what d is, or returns "".
func (c *Call) judge(d []byte, r *run) string {
	if len(d) < repeats {
		return ""
	}
	if i := slices.IndexFunc(c.secrets, func(s secret) bool { return strings.Contains(s.digits, string(d)) }); i >= 0 {
		return c.secrets[i].mark
	}
	cuts := c.scan.cuts[r.cuts : r.cuts+r.groups]
	switch {
	case c.rules.IBANs && r.country >= 0 && isIBAN(c.country(r)+string(d)):
		return "[iban]"
	case c.rules.Cards && hasCard(d, cuts, r.from):
		return "[card]"
	case c.rules.SSNs && isSSN(d) && (c.labelled(r) == social || c.shaped(r, 3, 2, 4)):
		return "[ssn]"
	case c.rules.Phones && c.isPhone(d, r):
		return "[phone]"
	}
	return ""
}

// labelled is what r is called in its line, or was called in the lines before.
func (c *Call) labelled(r *run) label {
	if r.label != unnamed {
		return r.label
	}
	return c.label
}

func (c *Call) labelIs(l label) bool {
	return c.scan.label == l || c.scan.label == unnamed && c.label == l
}

// plain reports whether r looks like a number that may stay: an order, or ten digits, in which no card but an American
// Express is read out.
func (c *Call) plain(r *run) bool {
	d, l := c.scan.digits[r.from:r.to], c.labelled(r)
	if l == other || l == phone || r.plus {
		return true
	}
	return len(d) == 10 && l != card && !c.account(r) && string(d[:2]) != "34" && string(d[:2]) != "37"
}

// account reports whether r stands behind the letters of a country. In lower case they are a word: "is", "am".
func (c *Call) account(r *run) bool {
	return r.country >= 0 && c.scan.text[r.country] < 'a' && c.scan.text[r.second] < 'a'
}

// country is the two letters ahead of an account number.
func (c *Call) country(r *run) string {
	return strings.ToUpper(string([]byte{c.scan.text[r.country], c.scan.text[r.second]}))
}

func (c *Call) isPhone(d []byte, r *run) bool {
	if len(d) < 7 || len(d) > 15 || c.labelled(r) == other {
		return false
	}
	return r.plus || d[0] == '0' || len(d) == 10 || len(d) == 11 && d[0] == '1' || c.labelled(r) == phone
}

// shaped reports whether the groups of r have these sizes.
func (c *Call) shaped(r *run, sizes ...int) bool {
	at := r.from
	if r.groups != len(sizes) {
		return false
	}
	for i, n := range sizes {
		if c.scan.cuts[r.cuts+i] != at {
			return false
		}
		at += n
	}
	return at == r.to
}

// remove marks a run and remembers its digits, so that they are known when the other side repeats them.
func (c *Call) remove(r *run, d []byte, mark string) {
	c.whole = false
	if mark == "" {
		return
	}
	start := r.start
	if r.country >= 0 && mark == "[iban]" {
		start = r.country
	}
	if r.plus && mark == "[phone]" {
		start--
	}
	c.mark(start, r.end, mark)
	c.whole = mark != "[digits]"
	for i, s := range c.secrets {
		switch {
		case strings.Contains(s.digits, string(d)):
			return
		case strings.HasPrefix(string(d), s.digits): // it has grown
			c.secrets[i] = secret{string(d), mark}
			return
		}
	}
	if len(c.secrets) == history {
		c.secrets = slices.Delete(c.secrets, 0, 1)
	}
	c.secrets = append(c.secrets, secret{string(d), mark})
}

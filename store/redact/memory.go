package redact

import "bytes"

// pending is the number in which a speaker's last line ended.
type pending struct {
	digits []byte // with the country in front, for an account
	lines  int    // of the same speaker that may still continue it
	plain  bool   // it looked like something else, so pieces of it are not masked
}

// continued judges a number together with the one in which the speaker's last lines ended.
func (c *Call) continued(i int, p *pending) bool {
	r := &c.scan.runs[i]
	if i != c.scan.first || !c.follows(r, p) {
		return false
	}
	c.joined = append(append(c.joined[:0], p.digits...), c.scan.digits[r.from:r.to]...)
	d, account := c.joined, c.joined[0] > '9'
	mark := ""
	switch {
	case account && c.rules.IBANs && isIBAN(string(d)):
		mark = "[iban]"
	case !account && c.rules.Cards && c.completes(d, len(p.digits), r):
		mark = "[card]"
	case !account && c.rules.SSNs && c.labelled(r) == social && isSSN(d):
		mark = "[ssn]"
	case p.plain && r.to-r.from < 3: // an extension
		return false
	case r.to-r.from >= repeats && bytes.HasPrefix(p.digits, c.scan.digits[r.from:r.to]): // once more from the beginning
		return false
	case c.partial(d, account, p.plain || c.plain(r)):
		mark = "[digits]"
	default:
		return false
	}
	c.remove(r, bytes.TrimLeft(d, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"), mark)
	return true
}

// completes reports whether the run makes a card of d, whose first n digits came before: alone, or with what was read
// out behind it.
func (c *Call) completes(d []byte, n int, r *run) bool {
	cuts := c.scan.cuts[r.cuts : r.cuts+r.groups]
	for _, at := range cuts[1:] {
		if w := d[:n+at-r.from]; issued(w) && isCard(w) {
			return true
		}
	}
	return isCard(d) && issued(d)
}

// partial reports whether d can be the beginning of a number, and is so long that it must not be readable.
func (c *Call) partial(d []byte, account, excused bool) bool {
	switch {
	case c.labelIs(social) && c.rules.SSNs && len(d) >= repeats && len(d) < 9:
		return true
	case len(d) < partial || excused && len(d) <= excusable:
		return false
	case account:
		return c.rules.IBANs && len(d) <= 34
	}
	return c.rules.Cards && len(d) < 19 && issued(d)
}

// leave keeps the number in which a line ended for the speaker's next one, unless the number is whole.
func (c *Call) leave(p *pending, whole bool) {
	if c.scan.label != unnamed {
		c.label, c.labelOf = c.scan.label, 0
	} else if p != &c.pending[2] {
		c.labelOf++
	}
	if c.labelOf > 2*nearby {
		c.label = unnamed
	}
	if len(c.scan.runs) == 0 {
		p.lines = max(0, p.lines-1)
		return
	}
	r := &c.scan.runs[c.scan.last]
	d := c.scan.digits[r.from:r.to]
	switch {
	case whole:
		p.lines, p.digits = 0, p.digits[:0]
		return
	case c.scan.last == c.scan.first && c.follows(r, p):
		p.digits = append(p.digits, d...)
	default:
		p.digits = p.digits[:0]
		if c.account(r) {
			p.digits = append(p.digits, c.country(r)...)
		}
		p.digits, p.plain = append(p.digits, d...), c.plain(r) || !c.unfinished(r)
	}
	p.lines = nearby + 1
}

// unfinished reports whether r can be a piece of a longer number: the line ends in it, or nearly, or it is too long or
// too clearly of a card to be taken for anything else.
func (c *Call) unfinished(r *run) bool {
	return r.to-r.from > excusable || c.labelled(r) == card || r.after <= behind && r == &c.scan.runs[c.scan.last]
}

// follows reports whether r may go on with the number in which the speaker's last line ended.
func (c *Call) follows(r *run, p *pending) bool {
	if p.lines == 0 || r.before > nearby || c.account(r) || p.plain && c.labelled(r) == card {
		return false
	}
	n := len(p.digits) + r.to - r.from
	return n <= 19 || n <= 34 && p.digits[0] > '9'
}

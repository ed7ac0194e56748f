package redact

import "unicode/utf8"

// run is one number of a text, written or spoken, with all that may stand between its digits.
type run struct {
	start, end int   // bytes of the text
	from, to   int   // digits of the scan
	cuts       int   // index of its first group in cuts
	groups     int   // written groups and spoken words it is made of
	before     int   // words ahead of it in the text, and since the run before
	after      int   // words behind it
	label      label // what the words around it say
	country    int   // where the first of two letters directly ahead of it is; -1: there are none
	second     int   // where the second is
	plus       bool  // "+49 …"
}

// scan finds the numbers of a text. Its memory is used again: a text without numbers costs one pass and no allocation.
type scan struct {
	text   string
	digits []byte
	cuts   []int // start of each group in digits, over all runs
	runs   []run

	// The runs that may belong to a number of several lines. Short ones beside longer ones do not: "one moment".
	first, last int

	open     bool // the last run may go on
	times    int  // "double" waits for its digit
	timesAt  int
	tens     bool // the last group is "forty"
	written  bool // the last group is of written digits
	words    int  // so far, fillers apart
	label    label
	labelAt  int    // words when it was heard
	letters  [2]int // where the last two words of one letter begin, or both the one word of two
	lettered int    // how many of letters are directly ahead
}

// read finds all runs of text.
func (s *scan) read(text string) {
	*s = scan{text: text, digits: s.digits[:0], cuts: s.cuts[:0], runs: s.runs[:0]}
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case '0' <= c && c <= '9':
			end := i
			for end < len(text) && '0' <= text[end] && text[end] <= '9' {
				end++
			}
			s.group(i, end, text[i:end], meaning{})
			i = end
		case c < utf8.RuneSelf && !isLetter(rune(c)):
			if !separates(c) {
				s.stop()
			}
			i++
		default:
			i = s.letter(i)
		}
	}
	s.first, s.last = -1, len(s.runs)-1
	for i := range s.runs {
		r := &s.runs[i]
		r.after = s.words - r.after
		if r.to-r.from >= 3 {
			s.last = i
			if s.first < 0 {
				s.first = i
			}
		}
	}
	s.first = max(s.first, 0)
}

// separates reports whether c may stand between the digits of one number.
func separates(c byte) bool {
	switch c {
	case ' ', '\t', '\n', '\r', '-', '.', ',', '(', ')', '/':
		return true
	}
	return false
}

// letter reads the word at i, or passes a rune that is no letter, and returns where it ends.
func (s *scan) letter(i int) int {
	end := i
	for end < len(s.text) {
		r, n := rune(s.text[end]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRuneInString(s.text[end:])
		}
		if !isLetter(r) {
			if end == i {
				return end + n // a dash, a no-break space, a broken byte
			}
			break
		}
		end += n
	}
	s.word(i, end)
	return end
}

func (s *scan) word(start, end int) {
	m := lookUp(s.text[start:end])
	switch {
	case m.filler && (start == 0 || s.text[start-1] != '['):
	case m.inside && s.open, m.digits != "" && !m.inside:
		s.group(start, end, m.digits, m)
	case m.times > 0:
		s.times, s.timesAt = m.times, start
	case s.times > 0 && end-start == 3 && s.text[start+1:end] == "ie": // "zweimal die Vier"
	default:
		s.stop()
		s.words++
		s.spell(start, end)
		if m.label != unnamed && (start == 0 || s.text[start-1] != '[') {
			s.label, s.labelAt = m.label, s.words
			if n := len(s.runs); n > 0 && s.runs[n-1].after == s.words-1 && s.runs[n-1].label == unnamed { // "4500000 euros"
				s.runs[n-1].label = m.label
			}
		}
	}
}

// spell remembers two letters, as "DE" or "D E".
func (s *scan) spell(start, end int) {
	switch {
	case end-start == 1:
		s.letters[0], s.letters[1] = s.letters[1], start
		s.lettered = min(2, s.lettered+1)
	case end-start == 2:
		s.letters, s.lettered = [2]int{start, start + 1}, 2
	default:
		s.lettered = 0
	}
}

// stop ends the run.
func (s *scan) stop() { s.open, s.times, s.tens = false, 0, false }

// group adds digits to the run, or begins one.
func (s *scan) group(start, end int, digits string, m meaning) {
	wrote := m.digits == ""
	if s.open && wrote && s.written && !s.joins(start, end) {
		s.open = false
	}
	unit := len(digits) == 1 && digits != "0" && !wrote
	if s.open && s.tens && unit && s.times == 0 { // "forty two"
		s.digits[len(s.digits)-1] = digits[0]
		s.tens = false
		s.runs[len(s.runs)-1].end = end
		return
	}
	if !s.open {
		s.begin(start)
	}
	r := &s.runs[len(s.runs)-1]
	s.cuts = append(s.cuts, len(s.digits))
	for range s.times - 1 {
		s.digits = append(s.digits, digits[0])
	}
	s.digits = append(s.digits, digits...)
	r.end, r.to, r.groups, r.after = end, len(s.digits), r.groups+1, s.words
	s.times, s.tens, s.written = 0, m.tens, wrote
}

func (s *scan) begin(start int) {
	if s.times > 0 {
		start = s.timesAt
	}
	r := run{start: start, from: len(s.digits), cuts: len(s.cuts), before: s.words, country: -1}
	if n := len(s.runs); n > 0 {
		r.before -= s.runs[n-1].after
	}
	if s.label != unnamed && s.words-s.labelAt <= 3 {
		r.label = s.label
	}
	if s.lettered == 2 {
		r.country, r.second = s.letters[0], s.letters[1]
	}
	r.plus = start > 0 && s.text[start-1] == '+'
	s.runs = append(s.runs, r)
	s.open, s.lettered = true, 0
}

// joins reports whether two written groups are one number. Marks that stand alone between digits make dates and prices
// of short groups: 24.12.2026, 1,299.00, 24-12-2026.
func (s *scan) joins(start, end int) bool {
	r := &s.runs[len(s.runs)-1]
	if start != r.end+1 {
		return true
	}
	last := r.to - s.cuts[len(s.cuts)-1]
	switch s.text[r.end] {
	case '.', ',', '/':
		return last >= 3 && end-start >= 3
	case '-':
		return last != 2 || r.groups == 2 && r.to-r.from == 5 // 078-05-1120
	}
	return true
}

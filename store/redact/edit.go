package redact

import (
	"slices"
	"strings"
)

// edit puts a mark in place of some bytes of a text.
type edit struct {
	start, end int
	mark       string
}

func (c *Call) mark(start, end int, mark string) { c.edits = append(c.edits, edit{start, end, mark}) }

// tidy sorts the edits and joins those that overlap; the first mark stays.
func (c *Call) tidy() {
	slices.SortFunc(c.edits, func(a, b edit) int {
		if a.start != b.start {
			return a.start - b.start
		}
		return b.end - a.end
	})
	n := 0
	for _, e := range c.edits[1:] {
		if last := &c.edits[n]; e.start < last.end {
			last.end = max(last.end, e.end)
			continue
		}
		n++
		c.edits[n] = e
	}
	c.edits = c.edits[:n+1]
}

// apply returns the first n bytes of text with their marks. A number that n cuts through is marked too.
func (c *Call) apply(text string, n int) string {
	if len(c.edits) == 0 || c.edits[0].start >= n {
		return text[:n]
	}
	var b strings.Builder
	at := 0
	for _, e := range c.edits {
		if e.start >= n {
			break
		}
		b.WriteString(text[at:e.start])
		b.WriteString(e.mark)
		at = min(e.end, n)
	}
	b.WriteString(text[at:n])
	return b.String()
}

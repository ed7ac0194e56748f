package store

import (
	"bytes"
	"context"
	"iter"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// How much one page of a search is.
const (
	DefaultHits = 20
	MaxHits     = 200
	HitLines    = 3                 // lines of a call that are shown
	MaxSearched = 5000              // calls that are read for one page
	SearchSpan  = 24 * time.Hour    // how far back a search goes that does not say
	maxWords    = 16                // more words than that are not looked for
	searchBatch = 100               // calls whose lines are read at once
	searchAhead = 4 * time.Second   // how long the reading of one page may take, about
	lineFields  = "t tool args res" // names of the fields of a line that are searched
)

// Hit is a call in which the words were found.
type Hit struct {
	Call  Call
	Lines []Entry // the first [HitLines] in which they are
}

// Found is one page of a search. Next and Back are those of [Page].
type Found struct {
	Hits []Hit
	Next string
	Back time.Time
}

// Matcher is a [Reader] that looks through the lines of many calls faster than one by one.
type Matcher interface {
	// Matching returns, for each of the calls, the first lines that w finds, at most most. A call that is gone has none.
	Matching(ctx context.Context, ids []string, w *Words, most int) ([][]Entry, error)
}

// Searcher is a [Reader] that has its own way of doing [Search].
type Searcher interface {
	Search(ctx context.Context, q Query, text string, limit int) (Found, error)
}

// Search finds the calls that satisfy q and have a line with all words of text in it, newest calls first: in what was
// said, noted or pressed, and in the names, arguments and results of tools. Capital letters and accents make no
// difference. A query without a time that names no agent, caller, number or tag goes back [SearchSpan]. limit is the number
// of calls on a page; 0: [DefaultHits], at most [MaxHits]. Errors: [ErrInvalid] for a text without words.
func Search(ctx context.Context, r Reader, q Query, text string, limit int) (Found, error) {
	if s, ok := r.(Searcher); ok {
		return s.Search(ctx, q, text, limit)
	}
	words, err := NewWords(text)
	if err != nil {
		return Found{}, err
	}
	if limit <= 0 {
		limit = DefaultHits
	}
	if q.From.IsZero() && q.Agent == "" && q.Caller == "" && q.Dialled == "" && q.Tag == "" && !q.Live {
		q.From = time.Now().Add(-SearchSpan)
	}
	q.Limit = searchBatch
	s := &search{r: r, query: q, words: words, limit: min(limit, MaxHits), until: time.Now().Add(searchAhead)}
	return s.run(ctx)
}

// search gathers one page.
type search struct {
	r     Reader
	query Query
	words *Words
	limit int
	until time.Time
	found Found
}

func (s *search) run(ctx context.Context) (Found, error) {
	for read := 0; ; {
		page, err := s.r.List(ctx, s.query)
		if err != nil {
			return Found{}, err
		}
		if full, err := s.look(ctx, page.Calls); err != nil || full {
			return s.found, err
		}
		if page.Next == "" {
			return s.found, nil
		}
		read += len(page.Calls)
		s.query.Cursor = page.Next
		if read >= MaxSearched || time.Now().After(s.until) {
			s.found.Next, s.found.Back = page.Next, backTo(&page)
			return s.found, nil
		}
	}
}

// backTo is the start of the last call that a page which has a next one looked at.
func backTo(p *Page) time.Time {
	if !p.Back.IsZero() || len(p.Calls) == 0 {
		return p.Back
	}
	return p.Calls[len(p.Calls)-1].Started
}

// look reads the lines of calls. full means that there are as many hits as asked for and that the list goes on.
func (s *search) look(ctx context.Context, calls []Call) (full bool, err error) {
	lines, err := s.matching(ctx, calls)
	if err != nil {
		return false, err
	}
	for i := range calls {
		if len(lines[i]) == 0 {
			continue
		}
		if len(s.found.Hits) == s.limit {
			s.found.Next = At(&s.found.Hits[s.limit-1].Call).String()
			return true, nil
		}
		s.found.Hits = append(s.found.Hits, Hit{calls[i], lines[i]})
	}
	return false, nil
}

func (s *search) matching(ctx context.Context, calls []Call) ([][]Entry, error) {
	if m, ok := s.r.(Matcher); ok {
		ids := make([]string, len(calls))
		for i := range calls {
			ids[i] = calls[i].ID
		}
		return m.Matching(ctx, ids, s.words, HitLines)
	}
	lines := make([][]Entry, len(calls))
	for i := range calls {
		entries, err := s.r.Entries(ctx, calls[i].ID, "", 0)
		if err != nil && !Permanent(err) {
			return nil, err
		}
		for _, e := range entries {
			if len(lines[i]) < HitLines && s.words.In(e.Fields()) {
				lines[i] = append(lines[i], e)
			}
		}
	}
	return lines, nil
}

// Words are what a search looks for. Not safe for use by several goroutines at once.
type Words struct {
	words  [][]byte
	folded []byte // of the line that is being looked at
}

// NewWords takes a text apart at its blanks. A text without words is [ErrInvalid].
func NewWords(text string) (*Words, error) {
	w := &Words{}
	for word := range strings.FieldsSeq(text) {
		if f := fold(nil, word); len(f) > 0 {
			w.words = append(w.words, f)
		}
	}
	switch n := len(w.words); {
	case n == 0:
		return nil, invalid("search for no words")
	case n > maxWords:
		return nil, invalid("search for %d words, at most %d", n, maxWords)
	}
	return w, nil
}

// In reports whether all words are in a line, given by its fields.
func (w *Words) In(fields iter.Seq2[string, string]) bool {
	w.folded = w.folded[:0]
	for name, value := range fields {
		if slices.Contains(searched, name) {
			w.folded = append(fold(w.folded, value), 0) // no word goes over it
		}
	}
	for _, word := range w.words {
		if !bytes.Contains(w.folded, word) {
			return false
		}
	}
	return true
}

var searched = strings.Fields(lineFields)

// fold appends text in small letters and without accents, as far as languages with Latin letters go.
func fold(to []byte, text string) []byte {
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			to = append(to, c)
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		i += n
		r = unicode.ToLower(r)
		plain, known := unaccented[r]
		switch {
		case known:
			to = append(to, plain...)
		case !unicode.Is(unicode.Mn, r): // an accent of its own
			to = utf8.AppendRune(to, r)
		}
	}
	return to
}

// unaccented are letters and what is typed for them.
var unaccented = func() map[rune]string {
	m := map[rune]string{'ß': "ss", 'æ': "ae", 'œ': "oe", 'þ': "th"}
	for plain, accented := range map[string]string{
		"a": "àáâãäåāăąǎ", "c": "çćĉċč", "d": "ďđð", "e": "èéêëēĕėęě", "g": "ĝğġģ", "h": "ĥħ", "i": "ìíîïĩīĭįıǐ",
		"j": "ĵ", "k": "ķ", "l": "ĺļľŀł", "n": "ñńņň", "o": "òóôõöøōŏőǒ", "r": "ŕŗř", "s": "śŝşšș", "t": "ţťŧț",
		"u": "ùúûüũūŭůűųǔ", "w": "ŵ", "y": "ýÿŷ", "z": "źżž",
	} {
		for _, r := range accented {
			m[r] = plain
		}
	}
	return m
}()

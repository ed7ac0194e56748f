package supervisor

import (
	"cmp"
	"context"
	"strings"
	"unicode"

	"github.com/trunkline/trunkline/store"
)

// Bounds of a search of the history.
const (
	pageMostText  = 200 // bytes of what is looked for
	pageMostFound = 25  // calls a page
	snippetRunes  = 60  // on either side of what was found
)

// pageFind is a line with the words in it, and what stands around them.
type pageFind struct {
	Entry             store.Entry
	Before, Hit, Rest string
}

// search fills a page of the history with the calls in whose lines words are found.
func (p *pages) search(ctx context.Context, q store.Query, v *pageHistory) (next string, err error) {
	found, err := store.Search(ctx, p.Archive, q, v.Filters.Text, pageMostFound)
	for _, hit := range found.Hits {
		row := pageRow{Call: hit.Call}
		for _, e := range hit.Lines {
			row.Finds = append(row.Finds, findIn(e, v.Filters.Text))
		}
		v.Rows = append(v.Rows, row)
	}
	v.Back = found.Back
	return found.Next, err
}

// findIn shows where in a line the words are: the whole text, or one of its words, in what the line says, or else in what
// a tool got or gave. Where accents differ nothing is marked.
func findIn(e store.Entry, text string) pageFind {
	for _, line := range []string{e.Text, e.Arguments, e.Result} {
		for _, words := range append([]string{text}, strings.Fields(text)...) {
			if f, ok := snippet(line, words); ok {
				f.Entry = e
				return f
			}
		}
	}
	start := []rune(cmp.Or(e.Text, e.Result, e.Tool))
	return pageFind{Entry: e, Before: string(start[:min(len(start), 2*snippetRunes)])}
}

// snippet finds words in a line in any case of letters, and cuts the line down to what is around them.
func snippet(line, words string) (f pageFind, ok bool) {
	all, want := []rune(line), []rune(words)
	at := indexFold(all, want)
	if at < 0 || len(want) == 0 {
		return f, false
	}
	end := at + len(want)
	f.Before, f.Hit, f.Rest = string(all[max(0, at-snippetRunes):at]), string(all[at:end]), string(all[end:min(len(all), end+snippetRunes)])
	if at > snippetRunes {
		f.Before = "… " + strings.TrimLeft(f.Before, " ")
	}
	if len(all) > end+snippetRunes {
		f.Rest = strings.TrimRight(f.Rest, " ") + " …"
	}
	return f, true
}

// indexFold is where want begins in all, letter by letter, so that places fit also where a lower case is longer.
func indexFold(all, want []rune) int {
	for at := range len(all) - len(want) + 1 {
		same := true
		for i, r := range want {
			if unicode.ToLower(all[at+i]) != unicode.ToLower(r) {
				same = false
				break
			}
		}
		if same {
			return at
		}
	}
	return -1
}

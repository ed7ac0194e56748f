package supervisor

import (
	"context"
	"strings"
	"time"
	"unicode"

	"github.com/trunkline/trunkline/store"
)

// Bounds of a search of the history.
const (
	pageMostText  = 200 // bytes of what is looked for
	pageMostFound = 25  // calls a page
	pageFinds     = 3   // lines shown of a call
	pageScanCalls = 2000
	pageScanLines = 500 // read at once
	snippetRunes  = 60  // on either side of what was found
)

// pageFinder looks for words in the transcripts of the calls that q chooses, newest call first, at most limit calls.
type pageFinder func(ctx context.Context, from store.Reader, q store.Query, text string, limit int) (pageFound, error)

// pageFound is a page of what a search found.
type pageFound struct {
	rows []pageRow
	next string    // cursor of the next page; "": all was looked at
	back time.Time // not zero: looked at down to here, next goes on
}

// pageFind is a line with the words in it, and what stands around them.
type pageFind struct {
	Entry             store.Entry
	Before, Hit, Rest string
}

// pageScan reads the transcripts of a bounded number of calls.
func pageScan(ctx context.Context, from store.Reader, q store.Query, text string, limit int) (out pageFound, err error) {
	for looked := 0; looked < pageScanCalls; {
		page, err := from.List(ctx, q)
		if err != nil {
			return out, err
		}
		for i := range page.Calls {
			c := page.Calls[i]
			finds, err := pageFindsIn(ctx, from, c.ID, text)
			if err != nil && !store.Permanent(err) { // deleted meanwhile
				return out, err
			}
			if len(finds) == 0 {
				continue
			}
			if out.rows = append(out.rows, pageRow{c, finds}); len(out.rows) == limit {
				out.next = store.At(&c).String()
				return out, nil
			}
		}
		looked += max(1, len(page.Calls))
		if q.Cursor = page.Next; q.Cursor == "" {
			return out, nil
		}
	}
	at, _, err := store.ParseCursor(q.Cursor)
	out.next, out.back = q.Cursor, time.UnixMilli(at.MS).UTC()
	return out, err
}

// pageFindsIn are the first lines of a call with the words in them.
func pageFindsIn(ctx context.Context, from store.Reader, id, text string) (finds []pageFind, err error) {
	for after := ""; ; {
		entries, err := from.Entries(ctx, id, after, pageScanLines)
		if err != nil {
			return nil, err
		}
		for i := range entries {
			f, ok := snippet(entries[i].Text, text)
			if !ok {
				continue
			}
			f.Entry = entries[i]
			if finds = append(finds, f); len(finds) == pageFinds {
				return finds, nil
			}
		}
		if len(entries) < pageScanLines {
			return finds, nil
		}
		after = entries[len(entries)-1].ID
	}
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

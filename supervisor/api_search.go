package supervisor

import (
	"context"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/export"
)

// Bounds of a search.
const (
	usualHits   = 20
	mostHits    = 100
	minWords    = 2   // letters
	maxWords    = 200 // bytes
	hitLines    = 3   // of one call
	scanCalls   = 2000
	scanPage    = 100
	scanEntries = 500
)

// searcher looks for words in the transcripts of the calls that q chooses, newest call first, and returns at most limit
// calls.
type searcher func(ctx context.Context, from store.Reader, q store.Query, text string, limit int) (finding, error)

// finding is a page of what a search found.
type finding struct {
	Hits []hit
	Next string    // cursor of the next page; "": all was looked at
	Back time.Time // not zero: only the calls down to this start were looked at, and Next goes on
}

// hit is a call with the first lines in which the words are.
type hit struct {
	Call  store.Call
	Lines []store.Entry
}

type hitJSON struct {
	Call    export.Call    `json:"call"`
	Entries []export.Entry `json:"entries"`
}

type hitPage struct {
	Hits []hitJSON `json:"hits"`
	Next string    `json:"next"`
	Back time.Time `json:"back,omitzero"`
}

func (a *api) searchCalls(w http.ResponseWriter, r *http.Request) error {
	if err := only(r, append([]string{"q", "limit", "cursor"}, filters...)...); err != nil {
		return err
	}
	q, err := queryOf(r)
	if err != nil {
		return err
	}
	p := params{Values: r.URL.Query()}
	limit := p.number("limit", usualHits, mostHits)
	words := strings.TrimSpace(p.Get("q"))
	if utf8.RuneCountInString(words) < minWords || len(words) > maxWords {
		p.fail("q", "the words to look for are too short or too long", "give 2 letters to 200 bytes")
	}
	if p.err != nil {
		return p.err
	}
	if err := a.record(r, "search", nil, ""); err != nil {
		return err
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writePatience))
	found, err := a.search(r.Context(), a.Archive, q, words, limit)
	if err != nil {
		return err
	}
	page := hitPage{Hits: []hitJSON{}, Next: found.Next, Back: found.Back}
	for i := range found.Hits {
		page.Hits = append(page.Hits, hitJSON{export.CallOf(&found.Hits[i].Call), export.EntriesOf(found.Hits[i].Lines)})
	}
	return answerJSON(w, http.StatusOK, page)
}

// scan is the searcher of a store without an index of words: it reads transcripts, of scanCalls calls at most, in any
// case of letters.
func scan(ctx context.Context, from store.Reader, q store.Query, text string, limit int) (out finding, err error) {
	words := strings.ToLower(text)
	q.Limit = scanPage
	for range scanCalls / scanPage {
		page, err := from.List(ctx, q)
		if err != nil {
			return out, err
		}
		for i := range page.Calls {
			c := &page.Calls[i]
			lines, err := linesWith(ctx, from, c.ID, words)
			if err != nil && !store.Permanent(err) {
				return out, err
			}
			if len(lines) == 0 {
				continue
			}
			if out.Hits = append(out.Hits, hit{*c, lines}); len(out.Hits) == limit {
				out.Next = store.At(c).String()
				return out, nil
			}
		}
		if q.Cursor = page.Next; page.Next == "" {
			return out, nil
		}
	}
	at, _, err := store.ParseCursor(q.Cursor)
	out.Next, out.Back = q.Cursor, time.UnixMilli(at.MS).UTC()
	return out, err
}

// linesWith are the first lines of a call in which the words are.
func linesWith(ctx context.Context, from store.Reader, id, words string) (found []store.Entry, err error) {
	for after := ""; ; {
		entries, err := from.Entries(ctx, id, after, scanEntries)
		if err != nil {
			return nil, err
		}
		for i := range entries {
			if strings.Contains(strings.ToLower(entries[i].Text), words) {
				if found = append(found, entries[i]); len(found) == hitLines {
					return found, nil
				}
			}
		}
		if len(entries) < scanEntries {
			return found, nil
		}
		after = entries[len(entries)-1].ID
	}
}

package supervisor

import (
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/export"
)

// Bounds of a search.
const (
	usualHits = 20
	mostHits  = 100
	minWords  = 2   // letters
	maxWords  = 200 // bytes
)

// hitJSON is a call with the first lines in which the words are.
type hitJSON struct {
	Call  store.Call    `json:"call"`
	Lines []store.Entry `json:"lines"`
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
	found, err := store.Search(r.Context(), a.Archive, q, words, limit)
	if err != nil {
		return err
	}
	page := hitPage{Hits: []hitJSON{}, Next: found.Next, Back: found.Back}
	for i := range found.Hits {
		page.Hits = append(page.Hits, hitJSON{export.CallOf(&found.Hits[i].Call), export.EntriesOf(found.Hits[i].Lines)})
	}
	return answerJSON(w, http.StatusOK, page)
}

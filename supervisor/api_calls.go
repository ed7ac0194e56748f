package supervisor

import (
	"net/http"
	"time"

	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/export"
)

// callPage is a page of the list. Next is empty on the last one. Back is set when looking further would have taken too
// long: the calls down to it were looked at, and next goes on from there.
type callPage struct {
	Calls []store.Call `json:"calls"`
	Next  string       `json:"next"`
	Back  time.Time    `json:"back,omitzero"`
}

// listCalls shows records, newest first. They hold no words, so that the audit list says nothing of it.
func (a *api) listCalls(w http.ResponseWriter, r *http.Request) error {
	if err := only(r, append([]string{"limit", "cursor"}, filters...)...); err != nil {
		return err
	}
	q, err := queryOf(r)
	if err != nil {
		return err
	}
	page, err := a.Archive.List(r.Context(), q)
	if err != nil {
		return err
	}
	return answerJSON(w, http.StatusOK, callPage{export.CallsOf(page.Calls), page.Next, page.Back})
}

func (a *api) oneCall(w http.ResponseWriter, r *http.Request) error {
	c, err := a.see(r)
	if err != nil {
		return err
	}
	return answerJSON(w, http.StatusOK, export.CallOf(c))
}

// Sizes of a page of lines.
const (
	usualEntries = 200
	mostEntries  = 1000
)

// entryPage is a page of a transcript. Next is the after of the next page; of a running call more may come behind the
// last one.
type entryPage struct {
	Entries []store.Entry `json:"entries"`
	Next    string        `json:"next"`
}

func (a *api) entries(w http.ResponseWriter, r *http.Request) error {
	if err := only(r, "after", "limit"); err != nil {
		return err
	}
	p := params{Values: r.URL.Query()}
	limit := p.number("limit", usualEntries, mostEntries)
	after := p.after("after")
	if p.err != nil {
		return p.err
	}
	c, err := a.see(r)
	if err != nil {
		return err
	}
	if err := a.record(r, "read", c, ""); err != nil {
		return err
	}
	entries, err := a.Archive.Entries(r.Context(), c.ID, after, limit)
	if err != nil {
		return err
	}
	page := entryPage{Entries: export.EntriesOf(entries)}
	if len(entries) == limit {
		page.Next = entries[limit-1].ID
	}
	return answerJSON(w, http.StatusOK, page)
}

// after is the id of an entry; "" is the beginning.
func (p *params) after(name string) string {
	text := p.Get(name)
	if _, err := store.ParseAfter(text); err != nil {
		p.fail(name, "it is no id of an entry", "use the id of an entry as it was given")
	}
	return text
}

package supervisor

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/trunkline/trunkline/store"
)

// pageFilters are the fields of the form, which are the parameters of the address as well: an address can be passed on.
type pageFilters struct {
	From, To    string // days as YYYY-MM-DD, both included, in the reader's zone
	Zone        string // name of that zone; "": UTC
	Agent       string
	Caller      string
	Dialled     string
	Tag         string
	EndedBy     string
	Cause       string
	Least, Most string // seconds
	Text        string
	Live        bool
}

func pageFiltersOf(v url.Values) pageFilters {
	get := func(name string) string { return strings.TrimSpace(v.Get(name)) }
	return pageFilters{From: get("from"), To: get("to"), Zone: get("tz"), Agent: get("agent"), Caller: get("caller"),
		Dialled: get("dialled"), Tag: get("tag"), EndedBy: get("ended_by"), Cause: get("cause"), Least: get("min"), Most: get("max"),
		Text: get("q"), Live: get("live") != ""}
}

// Set is how many filters are, those under "more" in the form.
func (f *pageFilters) Set() (n int) {
	for _, v := range []string{f.Caller, f.Dialled, f.Tag, f.EndedBy, f.Cause, f.Least, f.Most} {
		n += btoi(v != "")
	}
	return n
}

// query is what the filters ask of the store. faults are the names of the fields that cannot be read.
func (f *pageFilters) query() (q store.Query, faults []string) {
	zone, err := time.LoadLocation(f.Zone)
	if err != nil {
		zone = time.UTC
	}
	day := func(name, text string, days int) (at time.Time) {
		if text == "" {
			return at
		}
		at, err := time.ParseInLocation(time.DateOnly, text, zone)
		if err != nil || at.Year() < 1971 {
			faults = append(faults, name)
			return time.Time{}
		}
		return at.AddDate(0, 0, days)
	}
	length := func(name, text string) time.Duration {
		if text == "" {
			return 0
		}
		s, err := strconv.ParseFloat(strings.Replace(text, ",", ".", 1), 64)
		if !(err == nil && s >= 0 && s <= 1e6) {
			faults = append(faults, name)
			return 0
		}
		return time.Duration(s * float64(time.Second))
	}
	q = store.Query{From: day("from", f.From, 0), To: day("to", f.To, 1), Agent: f.Agent, Caller: f.Caller, Dialled: f.Dialled,
		Tag: f.Tag, EndedBy: f.EndedBy, Cause: f.Cause, Live: f.Live, MinDuration: length("min", f.Least), MaxDuration: length("max", f.Most)}
	if f.Tag != "" && !store.ValidTag(f.Tag) {
		faults = append(faults, "tag")
	}
	if n := utf8.RuneCountInString(f.Text); n == 1 || len(f.Text) > pageMostText {
		faults = append(faults, "q")
	}
	return q, faults
}

// pageHistory is what the history shows.
type pageHistory struct {
	Filters pageFilters
	Faults  []string
	Who     []string // that a call may have been ended by
	Rows    []pageRow
	Back    time.Time // not zero: looked at down to here
	Next    string    // address of the next page; "": this is the last
	Newest  string    // address of the first page; "": this is it
}

// pageRow is one call, with what was found in it.
type pageRow struct {
	store.Call
	Finds []pageFind
}

// Faulty reports whether a field cannot be read.
func (h *pageHistory) Faulty(name string) bool { return slices.Contains(h.Faults, name) }

// history lists calls.
func (p *pages) history(w http.ResponseWriter, r *http.Request) {
	values := r.URL.Query()
	v := &pageHistory{Filters: pageFiltersOf(values), Who: []string{"caller", "agent", "system", "supervisor"}}
	q, faults := v.Filters.query()
	if v.Faults = faults; len(faults) > 0 {
		p.show(w, r, http.StatusBadRequest, "page_history.html", "history.title", v)
		return
	}
	q.Agents, q.Cursor = userOf(r.Context()).Agents, values.Get("cursor")
	next, err := p.fill(r, q, v)
	if err != nil {
		p.failed(w, r, err)
		return
	}
	if q.Cursor != "" {
		v.Newest = pageAddress(values, "")
	}
	if next != "" {
		v.Next = pageAddress(values, next)
	}
	p.show(w, r, http.StatusOK, "page_history.html", "history.title", v)
}

// fill reads the rows of a page, and returns the cursor of the next one.
func (p *pages) fill(r *http.Request, q store.Query, v *pageHistory) (next string, err error) {
	if v.Filters.Text == "" {
		page, err := p.Archive.List(r.Context(), q)
		for _, c := range page.Calls {
			v.Rows = append(v.Rows, pageRow{Call: c})
		}
		v.Back = page.Back
		return page.Next, err
	}
	if err := p.note(r, "search", nil, ""); err != nil {
		return "", err
	}
	return p.search(r.Context(), q, v)
}

// pageAddress is the address of the history with other filters left as they are; empty ones are left out.
func pageAddress(values url.Values, cursor string) string {
	kept := url.Values{}
	for name, all := range values {
		if all[0] != "" && name != "cursor" {
			kept.Set(name, all[0])
		}
	}
	if cursor != "" {
		kept.Set("cursor", cursor)
	}
	if len(kept) == 0 {
		return "/calls"
	}
	return "/calls?" + kept.Encode()
}

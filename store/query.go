package store

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Sizes of a page of List.
const (
	DefaultPage = 50
	MaxPage     = 500
	// MaxLooked is how many records List looks at for one page, see [Page].Back.
	MaxLooked = 1000
)

// Query says which calls List returns, newest first. Empty members do not restrict.
type Query struct {
	From    time.Time // started at or after
	To      time.Time // started before
	Agent   string
	Agents  []string // any of these: what a reader may see at all. nil: every agent; empty and not nil: none
	Caller  string   // in any spelling, see [SameCaller]
	Dialled string   // in any spelling
	Tag     string   // one of the call's tags, see [ValidTag]
	EndedBy string   // who hung up: caller, agent, system, supervisor
	Cause   string   // a part of the cause, in any case of letters
	Live    bool     // only calls that run

	MinDuration time.Duration // answered at least so long
	MaxDuration time.Duration // answered at most so long; 0: no bound

	Limit  int    // calls a page; 0: [DefaultPage], at most [MaxPage]
	Cursor string // Next of the page before; "": from the newest
}

// Page is one page of calls.
type Page struct {
	Calls []Call
	Next  string // cursor of the next page; "": this was the last
	// Back is set when the page has fewer calls than asked for because looking further would take too long: the calls
	// down to this start were looked at, and Next goes on from there. Zero: nothing was left out.
	Back time.Time
}

// PageSize is the limit that holds.
func (q *Query) PageSize() int {
	if q.Limit <= 0 {
		return DefaultPage
	}
	return min(q.Limit, MaxPage)
}

// Match reports whether the call satisfies the query, its cursor aside.
func (q *Query) Match(c *Call) bool {
	return (q.From.IsZero() || !c.Started.Before(q.From)) &&
		(q.To.IsZero() || c.Started.Before(q.To)) &&
		(q.Agent == "" || q.Agent == c.Agent) &&
		(q.Agents == nil || slices.Contains(q.Agents, c.Agent)) &&
		(q.Caller == "" || SameCaller(q.Caller, c.Caller)) &&
		(q.Dialled == "" || SameCaller(q.Dialled, c.Dialled)) &&
		(q.Tag == "" || c.Tags.Has(q.Tag)) &&
		(q.EndedBy == "" || q.EndedBy == c.EndedBy) &&
		(q.Cause == "" || strings.Contains(strings.ToLower(c.Cause), strings.ToLower(q.Cause))) &&
		(q.MinDuration <= 0 || c.Duration() >= q.MinDuration) &&
		(q.MaxDuration <= 0 || c.Duration() <= q.MaxDuration) &&
		(!q.Live || c.Live())
}

// Cursor is a place in the list of calls, which is ordered by start and, within a millisecond, by id, both descending.
// Because it names a place and not a count, calls that begin while someone turns the pages shift nothing.
type Cursor struct {
	MS int64 // start of the call, unix milliseconds
	ID string
}

// At is the place of a call.
func At(c *Call) Cursor { return Cursor{c.Started.UnixMilli(), c.ID} }

// ParseCursor reads what [Cursor.String] wrote. ok is false for the empty cursor, the beginning of the list.
func ParseCursor(s string) (c Cursor, ok bool, err error) {
	if s == "" {
		return Cursor{}, false, nil
	}
	ms, id, found := strings.Cut(s, "~")
	c.ID = id
	c.MS, err = strconv.ParseInt(ms, 10, 64)
	if !found || err != nil || ValidateCallID(id) != nil {
		return Cursor{}, false, invalid("cursor %q", clip(s))
	}
	return c, true, nil
}

// String is the text form, opaque to users.
func (c Cursor) String() string { return strconv.FormatInt(c.MS, 10) + "~" + c.ID }

// Compare orders places as the list is: negative when c comes first, that is when its call is newer.
func (c Cursor) Compare(other Cursor) int {
	return cmp.Or(cmp.Compare(other.MS, c.MS), cmp.Compare(other.ID, c.ID))
}

// Pager gathers the page that answers a query from calls offered in list order.
type Pager struct {
	query  Query
	page   Page
	full   bool
	looked int
}

// NewPager begins a page.
func NewPager(q Query) *Pager { return &Pager{query: q} }

// Offer takes the next call in list order. It returns false once the page is full and it is known that more follow.
func (p *Pager) Offer(c Call) bool {
	if !p.query.Match(&c) {
		return true
	}
	if len(p.page.Calls) == p.query.PageSize() {
		p.page.Next = At(&p.page.Calls[len(p.page.Calls)-1]).String()
		p.full = true
		return false
	}
	p.page.Calls = append(p.page.Calls, c)
	return true
}

// Looked says that the record at a place, which holds a call that matches or does not, or none any more, was dealt with.
// It returns false once that is enough for one page: then the page ends here, and says so.
func (p *Pager) Looked(at Cursor) bool {
	if p.looked++; p.looked < MaxLooked || p.full {
		return !p.full
	}
	p.full = true
	p.page.Next, p.page.Back = at.String(), time.UnixMilli(at.MS).UTC()
	return false
}

// Full reports whether the page is complete.
func (p *Pager) Full() bool { return p.full }

// Page is what was gathered.
func (p *Pager) Page() Page { return p.page }

// PageOf answers the query from calls in any order, for sets that are small enough to be sorted: those that run.
func PageOf(q Query, calls []Call) (Page, error) {
	last, resumed, err := ParseCursor(q.Cursor)
	if err != nil {
		return Page{}, err
	}
	slices.SortFunc(calls, func(a, b Call) int { return At(&a).Compare(At(&b)) })
	p := NewPager(q)
	for _, c := range calls {
		if resumed && At(&c).Compare(last) <= 0 {
			continue
		}
		if !p.Offer(c) {
			break
		}
	}
	return p.Page(), nil
}

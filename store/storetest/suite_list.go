package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/store"
)

var listLaws = []law{
	{"List returns calls newest first and filters them", filters},
	{"the live calls are those that run", liveCalls},
	{"pages have no gaps while calls are added and removed", paging},
	{"calls of one millisecond are paged too", ties},
	{"a malformed cursor is refused", badCursor},
}

func wantIDs(t *testing.T, what string, page store.Page, want ...string) {
	t.Helper()
	if got := ids(page.Calls); !slices.Equal(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func filters(t *testing.T, s store.Store) {
	const day = 24 * time.Hour
	a, b, c, d := callAt("a", -3*day), callAt("b", -day), callAt("c", 0), callAt("d", time.Hour)
	b.Agent, d.Caller = "sales", "+1 (555) 123-0002"
	c.Caller, d.Agent = "", ""
	begin(t, s, c, a, d, b)
	finish(t, s, store.Call{ID: "a"})
	if page := list(t, s, store.Query{}); page.Next != "" || page.Calls[0] != d {
		t.Errorf("page: %+v", page)
	}
	wantIDs(t, "all", list(t, s, store.Query{}), "d", "c", "b", "a")
	wantIDs(t, "from", list(t, s, store.Query{From: b.Started}), "d", "c", "b")
	wantIDs(t, "to", list(t, s, store.Query{To: b.Started}), "a")
	wantIDs(t, "from and to", list(t, s, store.Query{From: a.Started.Add(1), To: d.Started}), "c", "b")
	wantIDs(t, "agent", list(t, s, store.Query{Agent: "frontdesk"}), "c", "a")
	wantIDs(t, "agent and time", list(t, s, store.Query{Agent: "frontdesk", To: start}), "a")
	wantIDs(t, "caller", list(t, s, store.Query{Caller: "+15551230002"}), "d")
	wantIDs(t, "caller spelled otherwise", list(t, s, store.Query{Caller: "+1-555-123-0001"}), "b", "a")
	wantIDs(t, "caller and agent", list(t, s, store.Query{Caller: "+15551230001", Agent: "sales"}), "b")
	wantIDs(t, "caller, agent and live", list(t, s, store.Query{Caller: "+15551230001", Agent: "frontdesk", Live: true}))
	wantIDs(t, "nobody", list(t, s, store.Query{Caller: "+1"}))
	wantIDs(t, "no such agent", list(t, s, store.Query{Agent: "front"}))
	wantIDs(t, "the future", list(t, s, store.Query{From: start.Add(10 * day)}))
	wantIDs(t, "limit", list(t, s, store.Query{Limit: 2}), "d", "c")
}

func liveCalls(t *testing.T, s store.Store) {
	begin(t, s, callAt("a", 0), callAt("b", time.Second), callAt("c", 2*time.Second))
	finish(t, s, store.Call{ID: "b"})
	wantIDs(t, "live", list(t, s, store.Query{Live: true}), "c", "a")
	begin(t, s, callAt("b", time.Second)) // a replay of the beginning does not revive
	wantIDs(t, "live", list(t, s, store.Query{Live: true}), "c", "a")
	first := list(t, s, store.Query{Live: true, Limit: 1})
	wantIDs(t, "first page", first, "c")
	second := list(t, s, store.Query{Live: true, Limit: 1, Cursor: first.Next})
	wantIDs(t, "second page", second, "a")
	if second.Next != "" {
		t.Errorf("a page after the last: %q", second.Next)
	}
	if closed := sweep(t, s, time.Now().Add(time.Hour)); !slices.Equal(closed, []string{"a", "c"}) {
		t.Errorf("swept %v", closed)
	}
	wantIDs(t, "live after the sweep", list(t, s, store.Query{Live: true}))
}

func paging(t *testing.T, s store.Store) {
	const n = 60
	var want []string
	for i := range n {
		c := callAt(fmt.Sprintf("c%02d", i), time.Duration(i)*time.Hour) // over three days
		if i%3 == 0 {
			c.Agent = "sales"
		}
		begin(t, s, c)
		want = append([]string{c.ID}, want...)
	}
	for _, q := range []store.Query{{}, {Agent: "sales"}, {Caller: "+15551230001", Agent: "sales"}, {Live: true},
		{From: start.Add(5 * time.Hour), To: start.Add(50 * time.Hour)}} {
		for _, limit := range []int{1, 7, n, 2 * n} {
			q.Limit = limit
			checkPages(t, s, q, n, want)
		}
	}
}

// checkPages turns all pages of a query while newer calls begin, and expects the calls that there were at first.
func checkPages(t *testing.T, s store.Store, q store.Query, n int, all []string) {
	t.Helper()
	var expect, got []string
	for _, id := range all {
		if c := get(t, s, id); q.Match(&c) {
			expect = append(expect, id)
		}
	}
	for i := 0; ; i++ {
		page := list(t, s, q)
		got = append(got, ids(page.Calls)...)
		if page.Next == "" {
			break
		}
		if len(page.Calls) != q.Limit {
			t.Fatalf("%+v: a page of %d that is not the last", q, len(page.Calls))
		}
		q.Cursor = page.Next
		newer := callAt("newer", time.Duration(n+i)*time.Hour)
		begin(t, s, newer)
		if err := s.Delete(background(t), "newer"); err != nil && i%2 == 0 {
			t.Fatal(err)
		}
	}
	if !slices.Equal(got, expect) {
		t.Errorf("%+v: got %v\nwant %v", q, got, expect)
	}
}

func ties(t *testing.T, s store.Store) {
	const n = 40
	var want []string
	for i := range n {
		begin(t, s, callAt(fmt.Sprintf("c%02d", i), 0))
		want = append(want, fmt.Sprintf("c%02d", n-1-i))
	}
	for _, limit := range []int{1, 3, 39, 40} {
		var got []string
		q := store.Query{Limit: limit}
		for {
			page := list(t, s, q)
			got = append(got, ids(page.Calls)...)
			if q.Cursor = page.Next; q.Cursor == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("pages of %d: %v", limit, got)
		}
	}
}

func badCursor(t *testing.T, s store.Store) {
	for _, cursor := range []string{"x", "12", "~a", "12~", "12~a b", strings.Repeat("9", 40) + "~a"} {
		_, err := s.List(background(t), store.Query{Cursor: cursor})
		wantError(t, "cursor "+cursor, err, store.ErrInvalid)
		_, err = s.List(background(t), store.Query{Cursor: cursor, Live: true})
		wantError(t, "live, cursor "+cursor, err, store.ErrInvalid)
	}
}

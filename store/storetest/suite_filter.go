package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/trunkline/trunkline/store"
)

var filterLaws = []law{
	{"List filters by every member of a query", everyFilter},
	{"calls of several agents are one list", severalAgents},
	{"calls of several agents that began at once are one list", severalAgentsTied},
	{"a page that looked at enough says how far, and goes on", boundedPages},
	{"the calls of a caller are deleted in any spelling", callerDeleted},
}

// variety begins and ends calls that differ in all that can be asked for. It returns their ids, newest first.
func variety(t *testing.T, s store.Store, n int) (newestFirst []string) {
	t.Helper()
	for i := range n {
		c := callAt(fmt.Sprintf("c%03d", i), time.Duration(i)*40*time.Minute)
		c.Agent = []string{"frontdesk", "sales", "night"}[i%3]
		c.Caller = fmt.Sprintf("+1555123000%d", i%4)
		c.Dialled = fmt.Sprintf("+1555999000%d", i%2)
		c.Tags = store.NewTags(fmt.Sprintf("fifth-%d", i%5), "all")
		begin(t, s, c)
		if i%7 != 0 {
			answered := c.Started.Add(time.Second)
			finish(t, s, store.Call{ID: c.ID, Answered: answered, Ended: answered.Add(time.Duration(i) * time.Second),
				EndedBy: []string{"caller", "agent", "supervisor"}[i%3], Cause: fmt.Sprintf("Reason %d", i%6)})
		}
		newestFirst = append([]string{c.ID}, newestFirst...)
	}
	return newestFirst
}

// wantMatching turns all pages of a query and expects the calls that match it.
func wantMatching(t *testing.T, s store.Store, q store.Query, all []string) {
	t.Helper()
	var want, got []string
	for _, id := range all {
		if c := get(t, s, id); q.Match(&c) {
			want = append(want, id)
		}
	}
	for {
		page := list(t, s, q)
		got = append(got, ids(page.Calls)...)
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%+v: got %v\nwant %v", q, got, want)
	}
}

func everyFilter(t *testing.T, s store.Store) {
	all := variety(t, s, 80)
	for what, q := range map[string]store.Query{
		"dialled":            {Dialled: "+1 555 999 0001"},
		"tag":                {Tag: "fifth-3"},
		"ended by":           {EndedBy: "supervisor"},
		"cause":              {Cause: "REASON 4"},
		"at least":           {MinDuration: 30 * time.Second},
		"at most":            {MaxDuration: 20 * time.Second},
		"between":            {MinDuration: 10 * time.Second, MaxDuration: 12 * time.Second},
		"tag of an agent":    {Tag: "fifth-2", Agent: "sales"},
		"all of a caller":    {Caller: "+15551230002", Dialled: "+15559990000", EndedBy: "agent", Tag: "all"},
		"live of a tag":      {Tag: "fifth-0", Live: true},
		"live of some":       {Agents: []string{"sales", "night"}, Live: true},
		"ended by, some day": {EndedBy: "caller", From: start.Add(8 * time.Hour), To: start.Add(30 * time.Hour)},
	} {
		for _, limit := range []int{1, 4, 100} {
			q.Limit = limit
			wantMatching(t, s, q, all)
		}
		if q.Limit = 100; len(list(t, s, q).Calls) == 0 {
			t.Errorf("%s: the law tries nothing", what)
		}
	}
	for _, q := range []store.Query{{Tag: "nothing"}, {Tag: "fifth"}, {Tag: "not a {tag}\x00"}, {EndedBy: "x"}, {Dialled: "+1"},
		{Cause: "Unreason"}, {MinDuration: time.Hour}, {Agents: []string{}}, {Agents: []string{"x", ""}}, {Agent: "sales", Agents: []string{"night"}}} {
		wantIDs(t, fmt.Sprintf("%+v", q), list(t, s, q))
	}
}

func severalAgents(t *testing.T, s store.Store) {
	all := variety(t, s, 80)
	for _, agents := range [][]string{{"sales"}, {"sales", "night"}, {"night", "frontdesk", "sales", "nobody"}, {"sales", "sales"}} {
		for _, limit := range []int{1, 3, 26, 27, 100} {
			wantMatching(t, s, store.Query{Agents: agents, Limit: limit}, all)
			wantMatching(t, s, store.Query{Agents: agents, Limit: limit, From: start.Add(5 * time.Hour), To: start.Add(40 * time.Hour)}, all)
			wantMatching(t, s, store.Query{Agents: agents, Limit: limit, Tag: "fifth-1"}, all)
		}
	}
}

func severalAgentsTied(t *testing.T, s store.Store) {
	var all []string
	for i := range 60 {
		c := callAt(fmt.Sprintf("c%02d", i), time.Duration(i/25)*time.Millisecond)
		c.Agent = []string{"sales", "night", "sales", "sales"}[i%4]
		begin(t, s, c)
		all = append([]string{c.ID}, all...)
	}
	for _, limit := range []int{1, 2, 5, 30} {
		wantMatching(t, s, store.Query{Agents: []string{"night", "sales"}, Limit: limit}, all)
	}
}

// together lets write do many writes at once where the backend can.
func together(t *testing.T, s store.Store, write func(store.Sink)) {
	t.Helper()
	b, ok := s.(store.Batcher)
	if !ok {
		write(s)
		return
	}
	if err := b.Batch(background(t), func(sink store.Sink) error { write(sink); return nil }); err != nil {
		t.Fatal(err)
	}
}

// boundedPages looks for calls at the end of more than a page looks at.
func boundedPages(t *testing.T, s store.Store) {
	const n = store.MaxLooked + 300
	together(t, s, func(sink store.Sink) {
		for i := range n {
			c := store.Call{ID: fmt.Sprintf("c%05d", i), Started: start.Add(time.Duration(i) * time.Second), Cause: "other"}
			if i == 3 || i == n-5 {
				c.Cause = "Wanted."
			}
			if err := sink.Begin(background(t), c); err != nil {
				t.Fatal(err)
			}
		}
	})
	q := store.Query{Cause: "wanted"}
	first := list(t, s, q)
	wantIDs(t, "first page", first, fmt.Sprintf("c%05d", n-5))
	if want := start.Add((n - store.MaxLooked) * time.Second); first.Next == "" || !first.Back.Equal(want) {
		t.Fatalf("the first page goes back to %v, want %v, and on at %q", first.Back, want, first.Next)
	}
	q.Cursor = first.Next
	second := list(t, s, q)
	wantIDs(t, "second page", second, "c00003")
	if second.Next != "" || !second.Back.IsZero() {
		t.Errorf("the last page: next %q, back %v", second.Next, second.Back)
	}
	if page := list(t, s, store.Query{Limit: store.MaxPage}); len(page.Calls) != store.MaxPage || !page.Back.IsZero() {
		t.Errorf("a page of all: %d calls, back %v", len(page.Calls), page.Back)
	}
}

func callerDeleted(t *testing.T, s store.Store) {
	for i := range 7 {
		c := callAt(fmt.Sprint("c", i), time.Duration(i)*time.Second)
		if i == 4 {
			c.Caller = "+15551230002"
		}
		begin(t, s, c)
		add(t, s, c.ID, line(1, "x"))
	}
	_, err := store.DeleteCaller(background(t), s, " ")
	wantError(t, "nobody's calls", err, store.ErrInvalid)
	n, err := store.DeleteCaller(background(t), s, "+1 (555) 123-0001")
	if n != 6 || err != nil {
		t.Errorf("deleted %d, %v", n, err)
	}
	wantIDs(t, "what is left", list(t, s, store.Query{}), "c4")
	if n, err := store.DeleteCaller(background(t), s, "+15551230001"); n != 0 || err != nil {
		t.Errorf("again: %d, %v", n, err)
	}
}

package storetest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/trunkline/trunkline/store"
)

var searchLaws = []law{
	{"a search finds words in lines, newest calls first", searches},
	{"pages of a search have no gaps", searchPages},
	{"a search reads long calls to their end", searchLong},
	{"a search that does not say goes back a day", searchSpan},
	{"a search without words or with a bad cursor is refused", badSearch},
}

func search(t *testing.T, s store.Reader, q store.Query, text string, limit int) store.Found {
	t.Helper()
	found, err := store.Search(background(t), s, q, text, limit)
	if err != nil {
		t.Fatalf("Search %q: %v", text, err)
	}
	return found
}

// since is a query whose time is given, so that the suite's days are all in it.
var since = store.Query{From: start.Add(-time.Hour)}

func wantHits(t *testing.T, what string, found store.Found, want ...string) {
	t.Helper()
	var got []string
	for _, h := range found.Hits {
		got = append(got, h.Call.ID)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s: hits %v, want %v", what, got, want)
	}
}

func searches(t *testing.T, s store.Store) {
	begin(t, s, callAt("c1", 0), callAt("c2", time.Minute), callAt("c3", 2*time.Minute))
	tool := line(3, "")
	tool.Kind, tool.Tool, tool.Result = store.KindToolResult, "order_status", `{"order":"4271"}`
	add(t, s, "c1", line(1, "Where is my Order?"), line(2, "une crème brûlée"), tool)
	add(t, s, "c2", line(1, "my order"), line(2, "again my order"), line(3, "order of mine"), line(4, "MY ORDER"), line(5, "my order, please"))
	label(t, s, "c2", []string{"vip"}, nil)
	for words, want := range map[string][]string{
		"my order": {"c2", "c1"}, "where order": {"c1"}, "where mine": nil, "CREME": {"c1"}, "4271": {"c1"}, "order_status": {"c1"},
		"order": {"c2", "c1"}, "nothing": nil,
	} {
		wantHits(t, words, search(t, s, since, words, 0), want...)
	}
	found := search(t, s, store.Query{Tag: "vip"}, "my order", 0)
	wantHits(t, "of a tag", found, "c2")
	wantLines(t, found.Hits[0].Lines, []store.Entry{line(1, "my order"), line(2, "again my order"), line(4, "MY ORDER")})
	if found.Hits[0].Call != get(t, s, "c2") || found.Next != "" || !found.Back.IsZero() {
		t.Errorf("found %+v", found)
	}
	if err := s.Delete(background(t), "c2"); err != nil {
		t.Fatal(err)
	}
	wantHits(t, "after Delete", search(t, s, since, "order", 0), "c1")
}

func searchPages(t *testing.T, s store.Store) {
	const n = 250
	var want []string
	together(t, s, func(sink store.Sink) {
		for i := range n {
			id := fmt.Sprintf("c%03d", i)
			text := "nothing"
			if i%3 == 0 {
				text = "the word"
				want = append([]string{id}, want...)
			}
			if err := sink.Begin(background(t), callAt(id, time.Duration(i)*time.Second)); err != nil {
				t.Fatal(err)
			}
			if err := sink.Append(background(t), id, line(1, text)); err != nil {
				t.Fatal(err)
			}
		}
	})
	for _, limit := range []int{1, 10, len(want) - 1, len(want), store.MaxHits} {
		var got []string
		for q := since; ; {
			found := search(t, s, q, "word", limit)
			for _, h := range found.Hits {
				got = append(got, h.Call.ID)
			}
			if found.Next != "" && found.Back.IsZero() && len(found.Hits) != limit {
				t.Fatalf("a page of %d hits that is not the last", len(found.Hits))
			}
			if q.Cursor = found.Next; q.Cursor == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("pages of %d: %v", limit, got)
		}
	}
}

func searchLong(t *testing.T, s store.Store) {
	begin(t, s, callAt("c1", 0))
	all := lines(0, 2500)
	all[2300].Text = "needle"
	for batch := range slices.Chunk(all, 500) {
		add(t, s, "c1", batch...)
	}
	found := search(t, s, since, "needle", 0)
	wantHits(t, "needle", found, "c1")
	wantLines(t, found.Hits[0].Lines, all[2300:2301])
}

func searchSpan(t *testing.T, s store.Store) {
	old, lately := callAt("old", 0), callAt("lately", 0)
	old.Started, lately.Started = time.Now().Add(-store.SearchSpan-time.Minute), time.Now().Add(-store.SearchSpan+time.Hour)
	begin(t, s, old, lately)
	add(t, s, "old", line(1, "word"))
	add(t, s, "lately", line(1, "word"))
	wantHits(t, "without a time", search(t, s, store.Query{}, "word", 0), "lately")
	wantHits(t, "of an agent", search(t, s, store.Query{Agent: "frontdesk"}, "word", 0), "lately", "old")
}

func badSearch(t *testing.T, s store.Store) {
	_, err := store.Search(background(t), s, since, " ", 0)
	wantError(t, "no words", err, store.ErrInvalid)
	_, err = store.Search(background(t), s, store.Query{Cursor: "x"}, "word", 0)
	wantError(t, "cursor", err, store.ErrInvalid)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = store.Search(ctx, s, since, "word", 0)
	wantError(t, "cancelled", err, context.Canceled)
}

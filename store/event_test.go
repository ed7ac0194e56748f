package store_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/store"
)

func TestEventsOfLines(t *testing.T) {
	at := time.UnixMilli(5).UTC()
	for _, c := range []struct {
		line store.Entry
		want store.Event
	}{
		{store.Entry{ID: "5-0", Kind: store.KindEscalation, Text: "angry"}, store.Event{ID: "c1-5-0", Type: store.EventEscalated, Call: "c1", Entry: "5-0", At: at}},
		{store.Entry{ID: "5-1", Kind: store.KindToolResult, Status: "tool_error", At: at.Add(1)}, store.Event{ID: "c1-5-1", Type: store.EventToolFailed, Call: "c1", Entry: "5-1", At: at.Add(1)}},
		{store.Entry{ID: "5-0", Kind: store.KindToolResult, Status: "ok"}, store.Event{}},
		{store.Entry{ID: "5-0", Kind: store.KindToolResult, Status: "completed"}, store.Event{}},
		{store.Entry{ID: "5-0", Kind: store.KindToolResult}, store.Event{}},
		{store.Entry{ID: "5-0", Kind: store.KindTurn, Status: "interrupted"}, store.Event{}},
	} {
		if got, ok := store.EventOf("c1", &c.line); got != c.want || ok != (c.want.ID != "") {
			t.Errorf("%+v makes %+v, want %+v", c.line, got, c.want)
		}
	}
}

func TestWhatIsAnEnd(t *testing.T) {
	live, lost, over := store.Call{ID: "c1"}, store.Call{ID: "c1"}, store.Call{ID: "c1"}
	lost.Lose(time.UnixMilli(7), 0)
	over.Finish(&store.Call{Cause: "bye"}, time.UnixMilli(9), 0)
	for _, c := range []struct {
		what    string
		old, is *store.Call
		want    bool
	}{
		{"live to live", &live, &live, false}, {"live to lost", &live, &lost, true}, {"live to over", &live, &over, true},
		{"lost to lost", &lost, &lost, false}, {"lost to over", &lost, &over, true}, {"over to over", &over, &over, false},
		{"lost to live", &lost, &live, false},
	} {
		if got := store.JustEnded(c.old, c.is); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
	}
	if a, b := store.EndedEvent(&lost, time.Now()), store.EndedEvent(&over, time.Now()); a.ID == b.ID {
		t.Errorf("two ends are one event %q", a.ID)
	}
	if a, b := store.EndedEvent(&over, time.UnixMilli(1)), store.EndedEvent(&over, time.UnixMilli(2)); a.ID != b.ID {
		t.Errorf("an end announced twice is %q and %q", a.ID, b.ID)
	}
}

func TestPlaces(t *testing.T) {
	secret := []byte("k")
	c := store.Call{ID: "c1", Agent: "sales", Caller: "+1 555", Dialled: "+1-556", Tags: "a b", EndedBy: "caller"}
	want := []store.Place{{store.ByAgent, "sales"}, {store.ByCaller, store.CallerKey(secret, "+1555")}, {store.ByDialled, store.CallerKey(secret, "+1556")},
		{store.ByTag, "a"}, {store.ByTag, "b"}, {store.ByEnd, "caller"}}
	if got := store.Places(&c, secret); !slices.Equal(got, want) {
		t.Errorf("places %v", got)
	}
	if got := store.Places(&store.Call{ID: "c1", EndedBy: "a\x00b"}, secret); len(got) != 0 {
		t.Errorf("places %v", got)
	}
	for _, q := range []struct {
		query store.Query
		want  store.Index
		picky bool
	}{
		{store.Query{Caller: "1", Dialled: "2", Tag: "a", Agent: "b"}, store.ByCaller, true},
		{store.Query{Dialled: "2", Tag: "a"}, store.ByDialled, true},
		{store.Query{Tag: "a"}, store.ByTag, false},
		{store.Query{Agent: "b", EndedBy: "caller"}, store.ByAgent, true},
		{store.Query{Agents: []string{"b"}}, store.ByAgent, false},
		{store.Query{EndedBy: "caller", Cause: "x"}, store.ByEnd, true},
		{store.Query{MinDuration: 1}, "", true},
		{store.Query{Live: true}, "", false},
	} {
		places, all := q.query.Narrowest(secret)
		if all != (q.want == "") || !all && (len(places) != 1 || places[0].Index != q.want) || q.query.Picky() != q.picky {
			t.Errorf("%+v: %v, all %v, picky %v", q.query, places, all, q.query.Picky())
		}
	}
	if places, all := (&store.Query{Agents: []string{}}).Narrowest(secret); len(places) != 0 || all {
		t.Errorf("who may see none looks at %v, all %v", places, all)
	}
}

// TestMatchFieldsAreEnough decides by those fields alone, for calls that match and for others.
func TestMatchFieldsAreEnough(t *testing.T) {
	c := store.Call{ID: "c1", Agent: "sales", Caller: "1", Dialled: "2", Started: time.UnixMilli(1000), Answered: time.UnixMilli(2000),
		Ended: time.UnixMilli(9000), Cause: "bye", EndedBy: "caller", Tags: "a b", Trunk: "carrier"}
	other := store.Call{ID: "c2", Agent: "night", Caller: "3", Dialled: "4", Started: time.UnixMilli(5000), Tags: "c"}
	const long = 7 * time.Second
	for _, q := range []store.Query{{From: time.UnixMilli(1000), To: time.UnixMilli(1001)}, {Agent: "sales"}, {Agents: []string{"sales"}}, {Caller: "1"},
		{Dialled: "2"}, {Tag: "b"}, {EndedBy: "caller"}, {Cause: "BYE"}, {MinDuration: long}, {MinDuration: 1, MaxDuration: long}, {EndedBy: "caller", Cause: "b", Tag: "a"}} {
		for _, record := range []store.Call{c, other} {
			all, some := maps.Collect(record.Fields()), map[string]string{}
			for _, name := range q.MatchFields() {
				if value, ok := all[name]; ok {
					some[name] = value
				}
			}
			part := store.DecodeCall(maps.All(some))
			if got, want := q.Match(&part), record.ID == "c1"; got != want || q.Match(&record) != want || part.Trunk != "" {
				t.Errorf("%+v matches %+v: %v", q, part, got)
			}
		}
	}
	live := store.Query{Live: true}
	if !slices.Contains(live.MatchFields(), "end") {
		t.Error("whether a call runs is not looked at")
	}
}

func TestAPageEndsWhenEnoughWasLookedAt(t *testing.T) {
	p := store.NewPager(store.Query{Cause: "wanted"})
	for n := range store.MaxLooked {
		at := store.Cursor{MS: int64(10_000 - n), ID: "c1"}
		if !p.Offer(store.Call{ID: "c1", Started: time.UnixMilli(at.MS)}) {
			t.Fatal("full")
		}
		if more := p.Looked(at); more != (n < store.MaxLooked-1) {
			t.Fatalf("after %d: %v", n+1, more)
		}
	}
	page, last := p.Page(), int64(10_000-store.MaxLooked+1)
	if page.Back.UnixMilli() != last || page.Next != (store.Cursor{MS: last, ID: "c1"}).String() || !p.Full() {
		t.Errorf("%+v", page)
	}
}

func TestGroupNames(t *testing.T) {
	for name, ok := range map[string]bool{"crm": true, "web-hooks_2": true, "": false, "CRM": false, "a b": false, "{a}": false, strings.Repeat("a", 65): false} {
		if err := store.ValidateGroup("crm", name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// FuzzDecodeEvent reads events and audit entries of any fields and writes them as it read them.
func FuzzDecodeEvent(f *testing.F) {
	f.Add("id", "c1-5-0", "tries", "3")
	f.Add("at", "-1", "fault", "caf\xe9")
	f.Add("tries", "99999999999999999999", "at", "9223372036854775807")
	f.Fuzz(func(t *testing.T, n1, v1, n2, v2 string) {
		fields := map[string]string{n1: v1, n2: v2}
		e := store.DecodeEvent(maps.All(fields))
		if again := store.DecodeEvent(e.Fields()); again != e {
			t.Errorf("%+v was written as %+v", e, again)
		}
		a := store.DecodeAudit("5-0", maps.All(fields))
		if again := store.DecodeAudit("5-0", a.Fields()); again != a {
			t.Errorf("%+v was written as %+v", a, again)
		}
	})
}

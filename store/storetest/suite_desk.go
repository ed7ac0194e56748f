package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trunkline/trunkline/store"
)

var deskLaws = []law{
	{"Label adds tags and removes others, of live and finished calls", labels},
	{"labels that many give at once all stay", labelsAtOnce},
	{"what is no tag, or one too many, is refused", badLabels},
	{"tags and ends move in the indexes and leave nothing behind", movedPlaces},
	{"the feed tells what happens, from any place on", feedTells},
	{"the feed begins now, and waits", feedWaits},
	{"a cancelled Feed returns, a malformed place is refused", feedCancelled},
	{"the audit list is read from the newest, in pages", audits},
	{"an author is kept", authors},
}

func label(t *testing.T, s store.Store, id string, add, remove []string) {
	t.Helper()
	if err := s.Label(background(t), id, add, remove); err != nil {
		t.Fatalf("Label %s: %v", id, err)
	}
}

func wantTags(t *testing.T, s store.Store, id string, want ...string) {
	t.Helper()
	if got := get(t, s, id).Tags; got != store.NewTags(want...) {
		t.Errorf("tags of %s: %q, want %q", id, got, want)
	}
}

func labels(t *testing.T, s store.Store) {
	c := callAt("c1", 0)
	c.Tags = store.NewTags("begun")
	begin(t, s, c, callAt("c2", time.Second))
	label(t, s, "c1", []string{"vip", "refund"}, nil)
	label(t, s, "c1", []string{"vip"}, nil)
	wantTags(t, s, "c1", "begun", "refund", "vip")
	begin(t, s, c) // a replay takes none away
	label(t, s, "c1", nil, []string{"refund", "never-had"})
	wantTags(t, s, "c1", "begun", "vip")
	finish(t, s, store.Call{ID: "c1", Cause: "bye", EndedBy: "caller", Tags: store.NewTags("sold"), Expires: time.Now().Add(time.Hour)})
	before := get(t, s, "c1")
	label(t, s, "c1", []string{"checked"}, []string{"begun"})
	wantTags(t, s, "c1", "checked", "sold", "vip")
	after := get(t, s, "c1")
	if after.Tags = before.Tags; after != before {
		t.Errorf("a label changed\n%+v to\n%+v", before, after)
	}
	for _, tag := range []string{"checked", "sold", "vip"} {
		wantIDs(t, tag, list(t, s, store.Query{Tag: tag}), "c1")
	}
	wantIDs(t, "begun", list(t, s, store.Query{Tag: "begun"}))
	wantIDs(t, "a later call", list(t, s, store.Query{Tag: "refund"}))
	label(t, s, "c2", []string{"vip"}, nil)
	wantIDs(t, "both", list(t, s, store.Query{Tag: "vip"}), "c2", "c1")
	if c := get(t, s, "c2"); !c.Live() {
		t.Error("a label ended a call")
	}
}

func labelsAtOnce(t *testing.T, s store.Store) {
	begin(t, s, callAt("c1", 0))
	var want []string
	var wg sync.WaitGroup
	ctx := background(t)
	for n := range 6 {
		tag := fmt.Sprint("tag", n)
		want = append(want, tag)
		wg.Go(func() {
			if err := s.Label(ctx, "c1", []string{tag}, nil); err != nil {
				t.Errorf("Label: %v", err)
			}
		})
	}
	wg.Wait()
	wantTags(t, s, "c1", want...)
}

func badLabels(t *testing.T, s store.Store) {
	begin(t, s, callAt("c1", 0))
	ctx := background(t)
	wantError(t, "unknown call", s.Label(ctx, "no", []string{"a"}, nil), store.ErrNotFound)
	for _, bad := range []string{"", "A", "a b", "é", "a\x00", "{a}", strings.Repeat("a", store.MaxTagBytes+1)} {
		wantError(t, "add "+bad, s.Label(ctx, "c1", []string{"good", bad}, nil), store.ErrInvalid)
		wantError(t, "remove "+bad, s.Label(ctx, "c1", nil, []string{bad}), store.ErrInvalid)
	}
	wantTags(t, s, "c1")
	var most []string
	for n := range store.MaxTags {
		most = append(most, fmt.Sprint("tag", n))
	}
	label(t, s, "c1", most, nil)
	wantError(t, "one too many", s.Label(ctx, "c1", []string{"more"}, nil), store.ErrInvalid)
	label(t, s, "c1", []string{"more"}, most[:1])
	wantTags(t, s, "c1", append(most[1:], "more")...)
}

func movedPlaces(t *testing.T, s store.Store) {
	begin(t, s, callAt("c1", 0))
	label(t, s, "c1", []string{"vip"}, nil)
	sweep(t, s, time.Now().Add(time.Hour))
	wantIDs(t, "swept", list(t, s, store.Query{EndedBy: "system"}), "c1")
	if err := s.Renew(background(t), "c1", time.Minute); err != nil {
		t.Fatal(err)
	}
	wantIDs(t, "revived", list(t, s, store.Query{EndedBy: "system"}))
	wantIDs(t, "revived, by tag", list(t, s, store.Query{Tag: "vip"}), "c1")
	sweep(t, s, time.Now().Add(time.Hour))
	finish(t, s, store.Call{ID: "c1", EndedBy: "caller", Cause: "bye"})
	wantIDs(t, "after the real end", list(t, s, store.Query{EndedBy: "system"}))
	wantIDs(t, "its real end", list(t, s, store.Query{EndedBy: "caller"}), "c1")
	if err := s.Delete(background(t), "c1"); err != nil {
		t.Fatal(err)
	}
	for _, name := range keys(t, s) {
		if strings.Contains(name, "vip") || strings.Contains(name, "c1") || strings.Contains(name, "ended_by") && strings.Contains(name, "caller") {
			t.Errorf("key %q is left", name)
		}
	}
}

// feed reads until there are n news after a place.
func feed(t *testing.T, s store.Store, after string, n int) (all []store.News) {
	t.Helper()
	for len(all) < n {
		news, err := s.Feed(background(t), after)
		if err != nil || len(news) == 0 {
			t.Fatalf("Feed after %q: %d news, %v; so far %v", after, len(news), err, all)
		}
		all = append(all, news...)
		after = all[len(all)-1].ID
	}
	return all
}

func feedTells(t *testing.T, s store.Store) {
	const first = "1-0"
	begin(t, s, callAt("c1", 0))
	begin(t, s, callAt("c1", 0)) // tells nothing
	add(t, s, "c1", lines(0, 3)...)
	label(t, s, "c1", []string{"vip"}, nil)
	label(t, s, "c1", []string{"vip"}, nil) // tells nothing
	sweep(t, s, time.Now().Add(time.Hour))
	if err := s.Renew(background(t), "c1", time.Minute); err != nil {
		t.Fatal(err)
	}
	finish(t, s, store.Call{ID: "c1"})
	if err := s.Delete(background(t), "c1"); err != nil {
		t.Fatal(err)
	}
	want := []string{"started", "lines", "changed", "ended", "changed", "ended", "deleted"}
	all := feed(t, s, first, len(want))
	var got []string
	for _, n := range all {
		got = append(got, n.What)
		if n.Call != "c1" {
			t.Errorf("news of %q", n.Call)
		}
	}
	if !slices.Equal(got, want) {
		t.Fatalf("news %v, want %v", got, want)
	}
	for i := range all[:len(all)-1] {
		if rest := feed(t, s, all[i].ID, len(all)-i-1); !slices.Equal(rest, all[i+1:]) {
			t.Errorf("after %v: %v", all[i], rest)
		}
	}
}

func feedWaits(t *testing.T, s store.Store) {
	begin(t, s, callAt("before", 0))
	ctx, cancel := context.WithCancel(background(t))
	defer cancel()
	got := make(chan store.News, 1)
	go func() {
		defer close(got)
		if news, err := s.Feed(ctx, ""); err == nil {
			got <- news[0]
		} else {
			t.Errorf("Feed: %v", err)
		}
	}()
	tick := time.NewTicker(20 * time.Millisecond) // nobody can tell from outside when Feed has begun to wait
	defer tick.Stop()
	for n := 0; ; n++ {
		begin(t, s, callAt(fmt.Sprint("after", n), 0))
		select {
		case news := <-got:
			if !strings.HasPrefix(news.Call, "after") || news.What != store.NewsStarted {
				t.Errorf("got %+v", news)
			}
			return
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("Feed was not woken")
		}
	}
}

func feedCancelled(t *testing.T, s store.Store) {
	ctx, cancel := context.WithCancel(context.Background())
	out := make(chan error, 1)
	go func() {
		_, err := s.Feed(ctx, "")
		out <- err
	}()
	cancel()
	select {
	case err := <-out:
		wantError(t, "Feed", err, context.Canceled)
	case <-time.After(patience):
		t.Fatal("Feed does not return")
	}
	for _, place := range []string{"x", "5", "-1-1", "01-0", "$"} {
		_, err := s.Feed(background(t), place)
		wantError(t, "Feed after "+place, err, store.ErrInvalid)
	}
}

func audits(t *testing.T, s store.Store) {
	at := time.Now().UTC().Truncate(time.Millisecond)
	const n = 30
	for i := range n {
		a := store.Audit{At: at.Add(time.Duration(i) * time.Second), Who: fmt.Sprint("anna", i), From: "192.0.2.1", Action: "read", Agent: "sales", Detail: "csv"}
		if i%3 == 0 {
			a.Call = "c1"
		}
		if err := s.Record(background(t), a); err != nil {
			t.Fatal(err)
		}
	}
	for _, call := range []string{"", "c1", "none"} {
		before, next := "", n-1
		for {
			page, err := s.Audits(background(t), call, before, 7)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range page {
				for call == "c1" && next%3 != 0 {
					next--
				}
				if a.Who != fmt.Sprint("anna", next) || a.ID == "" || !a.At.Equal(at.Add(time.Duration(next)*time.Second)) ||
					a.Action != "read" || a.From != "192.0.2.1" || a.Agent != "sales" || a.Detail != "csv" || (a.Call == "c1") != (next%3 == 0) {
					t.Fatalf("entry %d of %q: %+v", next, call, a)
				}
				before = a.ID
				next--
			}
			if len(page) < 7 {
				break
			}
		}
		if call != "none" && next >= 0 && (call == "" || next > 0) {
			t.Errorf("entries of %q end before %d", call, next)
		}
		if call == "none" && before != "" {
			t.Error("entries of an unknown call")
		}
	}
	if err := s.Record(background(t), store.Audit{Action: "sign_in"}); err != nil {
		t.Fatal(err)
	}
	last, err := s.Audits(background(t), "", "", 1)
	if err != nil || len(last) != 1 || last[0].Action != "sign_in" || time.Since(last[0].At).Abs() > patience {
		t.Errorf("an entry without a time: %+v, %v", last, err)
	}
	_, err = s.Audits(background(t), "", "nonsense", 1)
	wantError(t, "before nonsense", err, store.ErrInvalid)
}

func authors(t *testing.T, s store.Store) {
	begin(t, s, callAt("c1", 0))
	note := line(1, "call them back")
	note.Kind, note.Role, note.Author = store.KindNote, store.RoleSupervisor, "anna@example.com"
	add(t, s, "c1", note)
	wantLines(t, read(t, s, "c1", "", 0), []store.Entry{note})
}

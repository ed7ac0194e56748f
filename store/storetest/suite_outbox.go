package storetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/trunkline/trunkline/store"
)

var outboxLaws = []law{
	{"a group has all events after its first Take, each once", eventsOnce},
	{"what makes an event, and what does not", eventKinds},
	{"every group has every event", groups},
	{"consumers of a group share its events", consumers},
	{"what nobody gives back is handed out again, and counted", idleEvents},
	{"what cannot be delivered is buried", buried},
	{"Take returns when it is cancelled, and bad names are refused", badTake},
}

const forever = time.Hour

// take takes until there are n events, or none for one Take when n is 0.
func take(t *testing.T, s store.Store, group string, n int, idle time.Duration) (events []store.Event) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		some, err := s.Take(background(t), group, "one", max(n, 100), idle)
		if err != nil {
			t.Fatalf("Take: %v", err)
		}
		events = append(events, some...)
		if len(events) >= n {
			return events
		}
		if time.Now().After(deadline) {
			t.Fatalf("only %d of %d events: %+v", len(events), n, events)
		}
	}
}

// join makes a group that has seen nothing yet.
func join(t *testing.T, s store.Store, groups ...string) {
	t.Helper()
	for _, group := range groups {
		if events := take(t, s, group, 0, forever); len(events) > 0 {
			t.Fatalf("a new group has %+v", events)
		}
	}
}

func done(t *testing.T, s store.Store, group string, events ...store.Event) {
	t.Helper()
	if err := s.Done(background(t), group, eventIDs(events)...); err != nil {
		t.Fatalf("Done: %v", err)
	}
}

func eventIDs(events []store.Event) (ids []string) {
	for _, e := range events {
		ids = append(ids, e.ID)
	}
	return ids
}

func eventsOnce(t *testing.T, s store.Store) {
	begin(t, s, callAt("before", 0))
	join(t, s, "crm")
	var want []string
	for i := range 20 {
		id := fmt.Sprint("c", i)
		begin(t, s, callAt(id, time.Duration(i)*time.Second))
		finish(t, s, store.Call{ID: id})
		want = append(want, id+"-started", id+"-ended")
	}
	events := take(t, s, "crm", len(want), forever)
	if got := eventIDs(events); !slices.Equal(got, want) {
		t.Fatalf("events %v\nwant %v", got, want)
	}
	for i, e := range events {
		if e.Attempts != 1 || e.Call != fmt.Sprint("c", i/2) || time.Since(e.At).Abs() > patience || e.Fault != "" {
			t.Errorf("%+v", e)
		}
	}
	done(t, s, "crm", events...)
	done(t, s, "crm", events...)
	if again := take(t, s, "crm", 0, 0); len(again) > 0 {
		t.Errorf("what is done comes again: %+v", again)
	}
}

func eventKinds(t *testing.T, s store.Store) {
	join(t, s, "crm")
	begin(t, s, callAt("c1", 0))
	begin(t, s, callAt("c1", 0))
	kinds := lines(0, 6)
	kinds[1].Kind = store.KindEscalation
	kinds[2].Kind, kinds[2].Status = store.KindToolResult, "ok"
	kinds[3].Kind, kinds[3].Status = store.KindToolResult, "timeout"
	kinds[4].Kind, kinds[4].Status = store.KindNote, "timeout"
	add(t, s, "c1", kinds...)
	wantError(t, "a line of no call", s.Append(background(t), "nobody", kinds[1]), store.ErrNotFound)
	sweep(t, s, time.Now().Add(time.Hour))
	if err := s.Renew(background(t), "c1", time.Minute); err != nil {
		t.Fatal(err)
	}
	label(t, s, "c1", []string{"vip"}, nil)
	finish(t, s, store.Call{ID: "c1"})
	finish(t, s, store.Call{ID: "c1"})
	label(t, s, "c1", []string{"refund"}, nil)
	want := []string{store.EventStarted, store.EventEscalated, store.EventToolFailed, store.EventEnded, store.EventEnded}
	events := take(t, s, "crm", len(want), forever)
	var got []string
	for _, e := range events {
		got = append(got, e.Type)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("events %v, want %v", got, want)
	}
	if events[1].Entry != kinds[1].ID || events[2].Entry != kinds[3].ID || !events[2].At.Equal(kinds[3].At) || events[3].ID == events[4].ID {
		t.Errorf("%+v", events)
	}
	if rest := take(t, s, "crm", 0, forever); len(rest) > 0 {
		t.Errorf("more: %+v", rest)
	}
}

func groups(t *testing.T, s store.Store) {
	join(t, s, "crm", "qa")
	begin(t, s, callAt("c1", 0))
	crm := take(t, s, "crm", 1, forever)
	done(t, s, "crm", crm...)
	qa := take(t, s, "qa", 1, forever)
	sweep(t, s, time.Now())
	finish(t, s, store.Call{ID: "c1"})
	sweep(t, s, time.Now())
	if !slices.Equal(crm, qa) {
		t.Errorf("one group has %+v, the other %+v", crm, qa)
	}
	for _, group := range []string{"qa", "crm"} {
		if got := eventIDs(take(t, s, group, 1, forever)); !slices.Equal(got, []string{"c1-ended"}) {
			t.Errorf("%s has %v", group, got)
		}
	}
}

func consumers(t *testing.T, s store.Store) {
	join(t, s, "crm")
	const n = 60
	var want []string
	for i := range n {
		id := fmt.Sprintf("c%02d", i)
		begin(t, s, callAt(id, 0))
		want = append(want, id+"-started")
	}
	var mu sync.Mutex
	var got []string
	var wg sync.WaitGroup
	ctx := background(t)
	for i := range 3 {
		wg.Go(func() {
			for {
				events, err := s.Take(ctx, "crm", fmt.Sprint("worker", i), 7, forever)
				if err != nil || len(events) == 0 {
					if err != nil {
						t.Errorf("Take: %v", err)
					}
					return
				}
				mu.Lock()
				got = append(got, eventIDs(events)...)
				mu.Unlock()
				if err := s.Done(ctx, "crm", eventIDs(events)...); err != nil {
					t.Errorf("Done: %v", err)
				}
			}
		})
	}
	wg.Wait()
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("%d events were handed out: %v", len(got), got)
	}
}

func idleEvents(t *testing.T, s store.Store) {
	join(t, s, "crm")
	begin(t, s, callAt("c1", 0), callAt("c2", 0), callAt("c3", 0))
	events := take(t, s, "crm", 3, forever)
	done(t, s, "crm", events[1])
	if early := take(t, s, "crm", 0, forever); len(early) > 0 {
		t.Errorf("handed out while in flight: %+v", early)
	}
	begin(t, s, callAt("c4", 0))
	for attempt := 2; attempt < 5; attempt++ {
		again := take(t, s, "crm", 2, 0)
		if got := eventIDs(again[:2]); !slices.Equal(got, []string{"c1-started", "c3-started"}) || again[0].Attempts != attempt || again[1].Attempts != attempt {
			t.Fatalf("attempt %d: %+v", attempt, again)
		}
	}
	last := take(t, s, "crm", 3, 0)
	done(t, s, "crm", last...)
	if rest := take(t, s, "crm", 0, 0); len(rest) > 0 {
		t.Errorf("after all is done: %+v", rest)
	}
}

func buried(t *testing.T, s store.Store) {
	join(t, s, "crm", "qa")
	const n = 5
	for i := range n {
		begin(t, s, callAt(fmt.Sprint("c", i), 0))
	}
	events := take(t, s, "crm", n, forever)
	for _, e := range events {
		for range 2 { // once is enough
			if err := s.Bury(background(t), "crm", e, "the receiver says 410"); err != nil {
				t.Fatal(err)
			}
		}
	}
	if again := take(t, s, "crm", 0, 0); len(again) > 0 {
		t.Errorf("what is buried comes again: %+v", again)
	}
	all, err := s.Buried(background(t), "crm", 100)
	if err != nil || !slices.Equal(eventIDs(all), eventIDs(events)) || all[0].Fault != "the receiver says 410" || all[0].Attempts != 1 || all[0].Call != "c0" {
		t.Errorf("buried: %+v, %v", all, err)
	}
	last, err := s.Buried(background(t), "crm", 2)
	if err != nil || !slices.Equal(last, all[n-2:]) {
		t.Errorf("the last two: %+v, %v", last, err)
	}
	if other, err := s.Buried(background(t), "qa", 100); err != nil || len(other) > 0 {
		t.Errorf("of another group: %+v, %v", other, err)
	}
}

func badTake(t *testing.T, s store.Store) {
	join(t, s, "crm")
	ctx, cancel := context.WithCancel(context.Background())
	out := make(chan error, 1)
	go func() {
		_, err := s.Take(ctx, "crm", "one", 1, forever)
		out <- err
	}()
	cancel()
	select {
	case err := <-out:
		wantError(t, "Take", err, context.Canceled)
	case <-time.After(patience):
		t.Fatal("Take does not return")
	}
	for _, bad := range []string{"", "a b", "{x}", "a\x00"} {
		_, err := s.Take(background(t), bad, "one", 1, forever)
		wantError(t, "Take", err, store.ErrInvalid)
		wantError(t, "Done", s.Done(background(t), bad, "x"), store.ErrInvalid)
		wantError(t, "Bury", s.Bury(background(t), bad, store.Event{}, ""), store.ErrInvalid)
		_, err = s.Buried(background(t), bad, 1)
		wantError(t, "Buried", err, store.ErrInvalid)
	}
}

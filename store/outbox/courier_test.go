package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trunkline/trunkline/store"
)

// shelf is a source in memory: it knows what was taken and what was dealt with.
type shelf struct {
	mu     sync.Mutex
	events []store.Event
	done   []string
	buried []string
	gone   map[string]bool // calls that are deleted
	fails  int             // calls of any method that fail yet
}

var errAway = errors.New("store is away")

func (s *shelf) away() error {
	if s.fails > 0 {
		s.fails--
		return errAway
	}
	return nil
}

func (s *shelf) Take(ctx context.Context, group, consumer string, n int, _ time.Duration) ([]store.Event, error) {
	s.mu.Lock()
	err, took := s.away(), s.events[:min(n, len(s.events))]
	if err == nil {
		s.events = s.events[len(took):]
	}
	s.mu.Unlock()
	if err == nil && len(took) == 0 {
		sleep(ctx, 2*time.Second)
	}
	return took, err
}

func (s *shelf) Done(_ context.Context, _ string, ids ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.away(); err != nil {
		return err
	}
	s.done = append(s.done, ids...)
	return nil
}

func (s *shelf) Bury(_ context.Context, _ string, e store.Event, fault string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buried = append(s.buried, e.ID+": "+fault)
	return nil
}

func (s *shelf) Buried(context.Context, string, int) ([]store.Event, error) { return nil, nil }

func (s *shelf) Call(_ context.Context, id string) (store.Call, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone[id] {
		return store.Call{}, store.ErrNotFound
	}
	return store.Call{ID: id, Agent: "frontdesk"}, s.away()
}

func (s *shelf) Entries(_ context.Context, _, after string, limit int) ([]store.Entry, error) {
	var all []store.Entry
	for _, id := range []string{"5-0", "5-1", "6-0"} {
		at, _ := store.ParseID(id)
		if from, err := store.ParseAfter(after); err == nil && at.Compare(from) > 0 && len(all) < limit {
			all = append(all, store.Entry{ID: id, Text: "line " + id})
		}
	}
	return all, nil
}

func events(n int) (all []store.Event) {
	for i := range n {
		all = append(all, store.Event{ID: fmt.Sprint("e", i), Type: store.EventEnded, Call: fmt.Sprint("c", i)})
	}
	return all
}

// ride runs a courier in a bubble for so long.
func ride(t *testing.T, c *Courier, d time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), d)
		defer cancel()
		c.Run(ctx)
	})
}

func TestEventsAreDeliveredInOrder(t *testing.T) {
	s := &shelf{events: events(40), gone: map[string]bool{"c7": true}}
	var got []string
	ride(t, &Courier{Name: "crm", Source: s, Deliver: func(_ context.Context, p *Parcel) error {
		got = append(got, p.ID+" "+p.Record.Agent)
		return nil
	}}, time.Minute)
	if len(got) != 39 || len(s.done) != 40 || !slices.IsSortedFunc(s.done, func(a, b string) int { return len(a) - len(b) }) {
		t.Errorf("delivered %d, done %d", len(got), len(s.done))
	}
	for i, text := range got[:7] {
		if text != fmt.Sprintf("e%d frontdesk", i) {
			t.Errorf("%d is %q", i, text)
		}
	}
}

// A receiver that is away gets everything when it is back, in order, and the store's own faults lose nothing either.
func TestReceiverAndStoreAreAway(t *testing.T) {
	s := &shelf{events: events(5), fails: 3}
	var got []string
	tries := 0
	outcomes := map[string]int{}
	ride(t, &Courier{Name: "crm", Source: s, Deliver: func(_ context.Context, p *Parcel) error {
		if tries++; tries <= 8 {
			return errors.New("connection refused")
		}
		if tries == 10 {
			s.mu.Lock()
			s.fails = 4
			s.mu.Unlock()
		}
		got = append(got, p.ID)
		return nil
	}, Observe: func(_, outcome string) { outcomes[outcome]++ }}, 2*time.Hour)
	if !slices.Equal(got, []string{"e0", "e1", "e2", "e3", "e4"}) || len(s.done) != 5 || len(s.buried) != 0 {
		t.Errorf("delivered %q, done %q, buried %q", got, s.done, s.buried)
	}
	if outcomes[Failed] < 8 || outcomes[Delivered] != 5 {
		t.Errorf("%v", outcomes)
	}
}

// What a receiver refuses is put aside after a few tries, what it cannot take for hours after many; the next has its turn.
func TestEventsThatCannotBeDelivered(t *testing.T) {
	s := &shelf{events: events(3)}
	tries := map[string]int{}
	var began, buried time.Time
	ride(t, &Courier{Name: "crm", Source: s, Deliver: func(_ context.Context, p *Parcel) error {
		if began.IsZero() {
			began = time.Now()
		}
		tries[p.ID]++
		switch p.ID {
		case "e0":
			return errors.New("receiver answers 503")
		case "e1":
			if buried.IsZero() {
				buried = time.Now()
			}
			return fmt.Errorf("%w: receiver answers 400", ErrRefused)
		}
		return nil
	}}, 24*time.Hour)
	if tries["e0"] != defaultAttempt || tries["e1"] != refusals || tries["e2"] != 1 {
		t.Errorf("tries %v", tries)
	}
	if d := buried.Sub(began); d < 3*time.Hour || d > 6*time.Hour {
		t.Errorf("given up after %s", d)
	}
	if len(s.buried) != 2 || !strings.Contains(s.buried[0], "503") || !slices.Equal(s.done, []string{"e2"}) {
		t.Errorf("buried %q, done %q", s.buried, s.done)
	}
}

func TestOnlyWantedTypes(t *testing.T) {
	s := &shelf{events: []store.Event{{ID: "a", Type: store.EventStarted, Call: "c"}, {ID: "b", Type: store.EventToolFailed, Call: "c", Entry: "5-1"},
		{ID: "c", Type: store.EventEscalated, Call: "c", Entry: "5-9"}}}
	var got []string
	ride(t, &Courier{Name: "crm", Source: s, Types: []string{store.EventToolFailed, store.EventEscalated}, Deliver: func(_ context.Context, p *Parcel) error {
		line := "none"
		if p.Line != nil {
			line = p.Line.Text
		}
		got = append(got, p.ID+" "+line)
		return nil
	}}, time.Minute)
	if !slices.Equal(got, []string{"b line 5-1", "c none"}) || len(s.done) != 3 {
		t.Errorf("delivered %q, done %q", got, s.done)
	}
}

// A process that ends leaves what it has not dealt with to the next.
func TestEndInMidDelivery(t *testing.T) {
	s := &shelf{events: events(2)}
	ride(t, &Courier{Name: "crm", Source: s, Deliver: func(ctx context.Context, p *Parcel) error {
		<-ctx.Done()
		return ctx.Err()
	}}, time.Minute)
	if len(s.done)+len(s.buried) != 0 {
		t.Errorf("done %q, buried %q", s.done, s.buried)
	}
}

// At the end of a service what is new is delivered once; what fails, and what follows, stays for the next.
func TestFinish(t *testing.T) {
	for name, tc := range map[string]struct{ fails, done int }{"all": {-1, 40}, "one fails": {20, 20}} {
		s := &shelf{events: events(40)}
		n := 0
		c := &Courier{Name: "crm", Source: s, Deliver: func(context.Context, *Parcel) error {
			if n++; n == tc.fails+1 {
				return errAway
			}
			return nil
		}}
		synctest.Test(t, func(t *testing.T) { c.Finish(t.Context()) })
		if len(s.done) != tc.done {
			t.Errorf("%s: done %d, want %d", name, len(s.done), tc.done)
		}
	}
}

func TestBefore(t *testing.T) {
	for id, want := range map[string]string{"5-1": "5-0", "5-0": "4-18446744073709551615", "0-1": ""} {
		parsed, _ := store.ParseID(id)
		if got := before(parsed); got != want {
			t.Errorf("before %s is %q", id, got)
		}
	}
}

package supervisor

import (
	"context"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/trunkline/trunkline/store"
)

func TestStatistics(t *testing.T) {
	s := newAPIStand(t)
	at := func(minutes int) time.Time { return apiBegan.Add(time.Duration(minutes) * time.Minute) }
	for i := range 20 {
		c := store.Call{ID: fmt.Sprintf("c%02d", i), Agent: "sales", Started: at(i * 10), Turns: 2, TokensIn: 100, TokensOut: 10, TokensCached: 5, CostMicros: 7,
			ToolCalls: 3, ToolFailures: 1, Interruptions: 1}
		if i%4 != 0 {
			c.Answered, c.LatencyP50MS, c.LatencyP95MS = c.Started, 100*(i+1), 1000*(i+1)
		}
		s.begin(c)
		if i == 19 {
			continue
		}
		c.Ended, c.EndedBy = c.Started.Add(time.Duration(i)*time.Second), []string{"caller", "agent", ""}[i%3]
		if err := s.archive.Finish(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	got := get[figures](s, "vera", "stats?from=2026-11-25T08:00:00Z&to=2026-11-26")
	want := figures{From: time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC), To: time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC), Whole: true,
		Calls: 20, Live: 1, Every: "hour", EndedBy: map[string]int{"caller": 7, "agent": 6, "unknown": 6}, Answered: 15,
		DurationTotal: 171 - 40 - 0, DurationP50: 9, DurationP95: 18, LatencyP50MS: 1100, LatencyP95MS: 20000,
		Turns: 40, Interruptions: 20, ToolCalls: 60, ToolFailures: 20, TokensIn: 2000, TokensOut: 200, TokensCached: 100, CostMicros: 140,
		Counts: []bucket{{at(-15), 5, 3}, {at(45), 6, 5}, {at(105), 6, 4}, {at(165), 3, 3}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\n%+v, want\n%+v", got, want)
	}
	if got := get[figures](s, "vera", "stats?from=2026-11-01&to=2026-11-26"); got.Every != "day" || len(got.Counts) != 1 || got.Counts[0].Calls != 20 {
		t.Errorf("by day %+v", got)
	}
	if got := get[figures](s, "vera", "stats?agent=none"); got.Calls != 0 || got.Counts == nil || !got.Whole || got.To.Sub(got.From) != statsUsual {
		t.Errorf("without calls %+v", got)
	}
}

// endless is a list without an end.
type endless struct {
	store.Reader
	pages int
}

func (e *endless) List(_ context.Context, q store.Query) (store.Page, error) {
	e.pages++
	c := store.Call{ID: "c", Started: apiBegan.Add(-time.Duration(e.pages) * time.Hour)}
	return store.Page{Calls: make([]store.Call, q.Limit), Next: store.At(&c).String()}, nil
}

func TestStatisticsSayWhereTheyStopped(t *testing.T) {
	from := &endless{}
	got, err := figuresOf(t.Context(), from, store.Query{To: apiBegan})
	if err != nil || got.Whole || got.Calls != statsPages*store.MaxPage || !got.Back.Equal(apiBegan.Add(-statsPages*time.Hour)) {
		t.Errorf("%d pages, %v: %+v", from.pages, err, got)
	}
}

func TestRank(t *testing.T) {
	for _, c := range []struct {
		values  []int
		percent int
		want    int
	}{{nil, 50, 0}, {[]int{5}, 50, 5}, {[]int{5}, 95, 5}, {[]int{2, 1}, 50, 1}, {[]int{3, 1, 2}, 50, 2}, {[]int{3, 1, 2}, 95, 3}} {
		if got := rank(c.values, c.percent); got != c.want {
			t.Errorf("%d %% of %v is %d, want %d", c.percent, c.values, got, c.want)
		}
	}
}

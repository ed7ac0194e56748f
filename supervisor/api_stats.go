package supervisor

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/trunkline/trunkline/store"
)

// Bounds of the statistics.
const (
	statsPages = 100 // of the list that are looked at: 50,000 calls
	statsUsual = 24 * time.Hour
	statsMost  = 366 * 24 * time.Hour
	statsHours = 72 * time.Hour // up to here counts are by hour, beyond by day
)

// figures are the statistics of the calls that began in a time.
type figures struct {
	From    time.Time      `json:"from"`
	To      time.Time      `json:"to"`
	Whole   bool           `json:"whole"`         // all of them were counted
	Back    time.Time      `json:"back,omitzero"` // else: those down to this start were
	Calls   int            `json:"calls"`
	Live    int            `json:"live"`
	Counts  []bucket       `json:"counts"` // by hour or day, in UTC; those without a call are left out
	Every   string         `json:"every"`  // hour or day
	EndedBy map[string]int `json:"ended_by"`

	Answered      int     `json:"answered"`
	DurationTotal float64 `json:"duration_total_seconds"`
	DurationP50   float64 `json:"duration_p50_seconds"`
	DurationP95   float64 `json:"duration_p95_seconds"`
	LatencyP50MS  int     `json:"latency_p50_ms"` // the middle of the calls' own medians
	LatencyP95MS  int     `json:"latency_p95_ms"` // of 95 % of the calls, their own 95th percentile is at most this
	Turns         int     `json:"turns"`
	Interruptions int     `json:"interruptions"`
	ToolCalls     int     `json:"tool_calls"`
	ToolFailures  int     `json:"tool_failures"`
	TokensIn      int64   `json:"tokens_in"`
	TokensOut     int64   `json:"tokens_out"`
	TokensCached  int64   `json:"tokens_cached"`
	CostMicros    int64   `json:"cost_micros"`
}

// bucket is what began within an hour or a day.
type bucket struct {
	Start    time.Time `json:"start"`
	Calls    int       `json:"calls"`
	Answered int       `json:"answered"`
}

func (a *api) stats(w http.ResponseWriter, r *http.Request) error {
	if err := only(r, "from", "to", "agent"); err != nil {
		return err
	}
	q, err := queryOf(r)
	if err != nil {
		return err
	}
	if q.To.IsZero() {
		q.To = time.Now().UTC().Truncate(time.Millisecond)
	}
	if q.From.IsZero() {
		q.From = q.To.Add(-statsUsual)
	}
	if span := q.To.Sub(q.From); span <= 0 || span > statsMost {
		return bad("from", "from is not before to, or lies more than 366 days before it", "choose a shorter time")
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writePatience))
	f, err := figuresOf(r.Context(), a.Archive, q)
	if err != nil {
		return err
	}
	return answerJSON(w, http.StatusOK, f)
}

// figuresOf counts calls from the newest back, until all are counted or enough was looked at.
func figuresOf(ctx context.Context, from store.Reader, q store.Query) (*figures, error) {
	t := newTally(q)
	q.Limit = store.MaxPage
	for range statsPages {
		page, err := from.List(ctx, q)
		if err != nil {
			return nil, err
		}
		for i := range page.Calls {
			t.count(&page.Calls[i])
		}
		if page.Next == "" {
			t.out.Whole = true
			return t.done(), nil
		}
		q.Cursor = page.Next
	}
	at, _, err := store.ParseCursor(q.Cursor)
	t.out.Back = time.UnixMilli(at.MS).UTC()
	return t.done(), err
}

// tally counts.
type tally struct {
	out         figures
	every       time.Duration
	buckets     map[time.Time]*bucket
	lasted      []time.Duration // of answered calls that are over
	usual, slow []int           // latencies, ms
}

func newTally(q store.Query) *tally {
	t := &tally{every: time.Hour, buckets: map[time.Time]*bucket{}}
	t.out = figures{From: q.From.UTC(), To: q.To.UTC(), Every: "hour", EndedBy: map[string]int{}}
	if q.To.Sub(q.From) > statsHours {
		t.every, t.out.Every = 24*time.Hour, "day"
	}
	return t
}

func (t *tally) count(c *store.Call) {
	f := &t.out
	start := c.Started.UTC().Truncate(t.every)
	b := t.buckets[start]
	if b == nil {
		b = &bucket{Start: start}
		t.buckets[start] = b
	}
	b.Calls++
	f.Calls++
	if !c.Answered.IsZero() {
		b.Answered++
		f.Answered++
	}
	if c.Live() {
		f.Live++
	} else {
		f.EndedBy[orUnknown(c.EndedBy)]++
	}
	if d := c.Duration(); d > 0 {
		t.lasted = append(t.lasted, d)
		f.DurationTotal += d.Seconds()
	}
	if c.LatencyP50MS > 0 {
		t.usual, t.slow = append(t.usual, c.LatencyP50MS), append(t.slow, c.LatencyP95MS)
	}
	f.Turns += c.Turns
	f.Interruptions += c.Interruptions
	f.ToolCalls += c.ToolCalls
	f.ToolFailures += c.ToolFailures
	f.TokensIn += c.TokensIn
	f.TokensOut += c.TokensOut
	f.TokensCached += c.TokensCached
	f.CostMicros += c.CostMicros
}

func orUnknown(who string) string {
	if who == "" {
		return "unknown"
	}
	return who
}

func (t *tally) done() *figures {
	f := &t.out
	f.Counts = []bucket{}
	for _, start := range slices.SortedFunc(maps.Keys(t.buckets), time.Time.Compare) {
		f.Counts = append(f.Counts, *t.buckets[start])
	}
	f.DurationP50, f.DurationP95 = rank(t.lasted, 50).Seconds(), rank(t.lasted, 95).Seconds()
	f.LatencyP50MS, f.LatencyP95MS = rank(t.usual, 50), rank(t.slow, 95)
	return f
}

// rank is the smallest of values that percent of them do not exceed; 0 of none. It sorts them.
func rank[N int | time.Duration](values []N, percent int) N {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[(len(values)*percent+99)/100-1]
}

package storetest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/trunkline/trunkline/store"
)

// The sizes of the benchmarks: 100,000 calls over thirty days, the last of which have lines.
const (
	benchCalls = 100_000
	benchDays  = 30
	benchLines = 60
)

// Fill writes calls for the benchmarks: benchCalls of them, the last in this minute, with lines in those of the last day
// when talk is set.
func Fill(b *testing.B, s store.Store, talk bool) {
	b.Helper()
	now := time.Now().UTC()
	const batch = 500
	for from := 0; from < benchCalls; from += batch {
		err := inOne(s, func(sink store.Sink) error {
			for n := from; n < from+batch; n++ {
				if err := fillCall(sink, n, now, talk); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func inOne(s store.Store, write func(store.Sink) error) error {
	if batcher, ok := s.(store.Batcher); ok {
		return batcher.Batch(context.Background(), write)
	}
	return write(s)
}

// fillCall writes the nth call, the newest last.
func fillCall(s store.Sink, n int, now time.Time, talk bool) error {
	ctx := context.Background()
	began := now.Add(-time.Duration(benchCalls-n) * (benchDays * 24 * time.Hour / benchCalls))
	c := store.Call{ID: fmt.Sprintf("call%08d", n), Trunk: "carrier", Node: "node-1", Codec: "PCMU", Model: "gpt-realtime",
		Agent: fmt.Sprintf("agent%d", n%10), Caller: fmt.Sprintf("+1555%07d", n%5000), Dialled: fmt.Sprintf("+1556%07d", n%20),
		Started: began, Answered: began.Add(time.Second), Tags: store.NewTags(fmt.Sprintf("tag%d", n%100))}
	if err := s.Begin(ctx, c); err != nil {
		return err
	}
	if talk && now.Sub(began) < 24*time.Hour {
		if err := s.Append(ctx, c.ID, talkOf(n, began)...); err != nil {
			return err
		}
	}
	by := []string{"caller", "agent", "caller", "system"}[n%4]
	if n%1000 == 0 {
		by = "supervisor"
	}
	return s.Finish(ctx, store.Call{ID: c.ID, Ended: c.Answered.Add(time.Duration(n%600) * time.Second), EndedBy: by,
		Cause: fmt.Sprintf("reason %d of many", n%50), Code: 16, Turns: benchLines, FramesIn: 9000, FramesOut: 9000,
		LatencyP50MS: 600, LatencyP95MS: 900, TokensIn: 5000, TokensOut: 900, CostMicros: 12345})
}

func talkOf(n int, began time.Time) []store.Entry {
	entries := make([]store.Entry, benchLines)
	for i := range entries {
		id := store.ID{MS: uint64(began.UnixMilli()) + uint64(i)*1000 + 1}
		entries[i] = store.Entry{ID: id.String(), Kind: store.KindTurn, Role: store.RoleCaller, ItemID: fmt.Sprint("item_", i),
			Text: fmt.Sprintf("Yes, I would like to know where my order number %d is, please, since I ordered it a week ago; part %d", n*100+i, i)}
	}
	return entries
}

// BenchList turns pages of every kind and reports the 95th percentile of one page in milliseconds.
func BenchList(b *testing.B, s store.Reader) {
	now := time.Now()
	for name, q := range map[string]store.Query{
		"all":            {},
		"live":           {Live: true},
		"agent":          {Agent: "agent3"},
		"some_agents":    {Agents: []string{"agent1", "agent2", "agent3", "agent4"}},
		"caller":         {Caller: "+1 555 0000123"},
		"dialled":        {Dialled: "+15560000007"},
		"tag":            {Tag: "tag42"},
		"ended_by":       {EndedBy: "supervisor"},
		"cause":          {Cause: "reason 7 "},
		"cause_nowhere":  {Cause: "nothing"},
		"min_duration":   {MinDuration: 595 * time.Second},
		"max_duration":   {MaxDuration: 2 * time.Second},
		"a_day":          {From: now.Add(-11 * 24 * time.Hour), To: now.Add(-10 * 24 * time.Hour)},
		"tag_of_agent":   {Tag: "tag42", Agent: "agent2", Cause: "reason"},
		"agent_by_cause": {Agent: "agent3", Cause: "nothing"},
	} {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				page, err := s.List(context.Background(), q)
				took = append(took, time.Since(began))
				if err != nil {
					b.Fatal(err)
				}
				if q.Cursor = page.Next; q.Cursor != "" && len(took)%20 == 0 { // pages deep in the list, and the first again
					q.Cursor = ""
				}
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
		})
	}
}

// BenchSearch looks through the last day for what is in one call, and reports the calls that were read.
func BenchSearch(b *testing.B, s store.Reader) {
	for name, words := range map[string]string{"nowhere": "nothing like that", "one": fmt.Sprint((benchCalls-2000)*100 + 30)} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				found, err := store.Search(context.Background(), s, store.Query{}, words, 0)
				if err != nil {
					b.Fatal(err)
				}
				if found.Next != "" || name == "one" && len(found.Hits) != 1 {
					b.Fatalf("%d hits, next %q", len(found.Hits), found.Next)
				}
			}
		})
	}
}

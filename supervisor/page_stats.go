package supervisor

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/trunkline/trunkline/store"
)

// pageStatsPages bounds how much of the list the statistics look at.
const pageStatsPages = 40

// pageStatsView is the figures of the last days.
type pageStatsView struct {
	Days    int
	Choices []int
	Calls   int
	Back    time.Time // not zero: only the calls down to this start were counted
	Total   pageGroup
	Agents  []*pageGroup // most calls first
	Causes  []*pageGroup
	Most    int // calls of the largest group, by which bars are drawn
}

// pageGroup is the figures of calls that have something in common.
type pageGroup struct {
	Name      string
	Calls     int
	Answered  int
	Lasted    time.Duration // together
	Barged    int           // interruptions
	Failed    int           // tool calls that failed
	latencies []int         // medians of the calls, ms
}

// Average is how long an answered call lasted.
func (g *pageGroup) Average() time.Duration { return g.Lasted / time.Duration(max(1, g.Answered)) }

// Latency is the middle of the calls' own median latencies, in ms; 0: not known.
func (g *pageGroup) Latency() int {
	if len(g.latencies) == 0 {
		return 0
	}
	slices.Sort(g.latencies)
	return g.latencies[len(g.latencies)/2]
}

func (g *pageGroup) add(c *store.Call) {
	g.Calls++
	g.Answered += btoi(!c.Answered.IsZero())
	g.Lasted += c.Duration()
	g.Barged += c.Interruptions
	g.Failed += c.ToolFailures
	if c.LatencyP50MS > 0 {
		g.latencies = append(g.latencies, c.LatencyP50MS)
	}
}

// stats shows the figures of the last days.
func (p *pages) stats(w http.ResponseWriter, r *http.Request) {
	v := &pageStatsView{Days: 1, Choices: []int{1, 7, 30}}
	for _, days := range v.Choices {
		if r.FormValue("days") == strconv.Itoa(days) {
			v.Days = days
		}
	}
	q := store.Query{From: pageNow().AddDate(0, 0, -v.Days), Agents: userOf(r.Context()).Agents, Limit: store.MaxPage}
	agents, causes := map[string]*pageGroup{}, map[string]*pageGroup{}
	for range pageStatsPages {
		page, err := p.Archive.List(r.Context(), q)
		if err != nil {
			p.failed(w, r, err)
			return
		}
		for i := range page.Calls {
			c := &page.Calls[i]
			v.Total.add(c)
			groupOf(agents, c.Agent).add(c)
			if !c.Live() {
				groupOf(causes, c.Cause).add(c)
			}
			v.Back = c.Started
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			v.Back = time.Time{}
			break
		}
	}
	v.Agents, v.Causes = pageGroups(agents), pageGroups(causes)
	for _, g := range slices.Concat(v.Agents, v.Causes) {
		v.Most = max(v.Most, g.Calls)
	}
	p.show(w, r, http.StatusOK, "page_stats.html", "stats.title", v)
}

func groupOf(groups map[string]*pageGroup, name string) *pageGroup {
	g := groups[name]
	if g == nil {
		g = &pageGroup{Name: name}
		groups[name] = g
	}
	return g
}

func pageGroups(groups map[string]*pageGroup) []*pageGroup {
	return slices.SortedFunc(maps.Values(groups), func(a, b *pageGroup) int {
		return cmp.Or(cmp.Compare(b.Calls, a.Calls), cmp.Compare(a.Name, b.Name))
	})
}

package trunkline

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/trunkline/trunkline/agent"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/telephony"
	"github.com/trunkline/trunkline/telephony/media"
	"github.com/trunkline/trunkline/telephony/phone"
	"github.com/trunkline/trunkline/telephony/sipua"
)

// sessions is the gauge of open Realtime sessions.
func sessions(t *testing.T, m *metrics) float64 {
	t.Helper()
	return testutil.ToFloat64(m.sessions.WithLabelValues("frontdesk"))
}

// fill gives each metric a value.
func fill(m *metrics) {
	o := observer{m, func(tool string) bool { return tool == "lookup" }}
	o.Turn("frontdesk", agent.Timing{Detect: 500 * time.Millisecond, Think: 190 * time.Millisecond, Play: 10 * time.Millisecond, Total: 700 * time.Millisecond})
	o.Happened("frontdesk", agent.Interrupted)
	o.Happened("frontdesk", agent.Rotated)
	o.Tool("lookup", "ok", time.Second)
	o.RealtimeError("server_error")
	o.Session("frontdesk", +1)
	now := time.Now()
	m.ended(&store.Call{Agent: "frontdesk", EndedBy: "caller", Started: now, Answered: now.Add(time.Second), Ended: now.Add(time.Minute),
		TokensIn: 3, TokensOut: 4, TokensCached: 2, CostMicros: 1_500_000}, media.Stats{PacketsIn: 100, PacketsOut: 101, Lost: 2, Late: 1, Underruns: 1, Jitter: time.Millisecond,
		Foreign: 8, Bad: media.Bad{Auth: 9, Replay: 10, Short: 11, Size: 1}})
	m.sounded(media.Quality{Caller: media.StreamQuality{MOS: 4.38}, RTT: 24 * time.Millisecond}) // nobody reports on the agent
	m.registry.MustRegister(&snapshot{
		telephony: func() telephony.Stats {
			return telephony.Stats{Active: 2, Capacity: 5, Draining: true, PortsInUse: 2, Panics: 1,
				Rejected: map[telephony.Rejection]uint64{{Status: 503, Reason: "limit"}: 4},
				Trunks: map[string]telephony.TrunkStats{
					"line": {Registration: &telephony.RegistrationState{Expires: now.Add(time.Hour)},
						Qualify: &telephony.QualifyState{Known: true, RTT: 250 * time.Millisecond}},
					"lost": {Registration: &telephony.RegistrationState{Expires: now.Add(-time.Second)}, Qualify: &telephony.QualifyState{Up: true}},
				},
				StalePackets: 12, DigitsDropped: 13, DigitsLost: 14,
				SIP: sipua.Stats{Flooded: 15, AuthBlocked: 16}}
		},
		writer: func() store.Stats { return store.Stats{Backlog: 6, Errors: 7} },
	})
}

func TestMetricsAreWellFormed(t *testing.T) {
	m := newMetrics()
	fill(m)
	problems, err := testutil.GatherAndLint(m.registry)
	must(t, err)
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	families, err := m.registry.Gather()
	must(t, err)
	for _, f := range families {
		name := f.GetName()
		if !strings.HasPrefix(name, "trunkline_") && !strings.HasPrefix(name, "go_") && !strings.HasPrefix(name, "process_") {
			t.Errorf("%s has no prefix", name)
		}
		if strings.HasPrefix(name, "trunkline_") && !strings.HasSuffix(f.GetHelp(), ".") {
			t.Errorf("%s: help is no sentence: %q", name, f.GetHelp())
		}
	}
}

func TestMetricsOfACall(t *testing.T) {
	m := newMetrics()
	fill(m)
	for name, c := range map[string]struct{ got, want float64 }{
		"calls":         {testutil.ToFloat64(m.calls.WithLabelValues("frontdesk", "caller")), 1},
		"interruptions": {testutil.ToFloat64(m.interruptions.WithLabelValues("frontdesk")), 1},
		"events":        {testutil.ToFloat64(m.events.WithLabelValues("frontdesk", "interrupted")), 1},
		"rotations":     {testutil.ToFloat64(m.events.WithLabelValues("frontdesk", "rotated")), 1},
		"sessions":      {sessions(t, m), 1},
		"underruns":     {testutil.ToFloat64(m.underruns.WithLabelValues("frontdesk")), 1},
		"packets in":    {testutil.ToFloat64(m.packets.WithLabelValues("in")), 100},
		"packets out":   {testutil.ToFloat64(m.packets.WithLabelValues("out")), 101},
		"foreign":       {testutil.ToFloat64(m.refused.WithLabelValues("foreign")), 8},
		"unauthentic":   {testutil.ToFloat64(m.refused.WithLabelValues("unauthentic")), 9},
		"replayed":      {testutil.ToFloat64(m.refused.WithLabelValues("replayed")), 10},
		"malformed":     {testutil.ToFloat64(m.refused.WithLabelValues("malformed")), 12},
		"lost":          {testutil.ToFloat64(m.lost), 2},
		"late":          {testutil.ToFloat64(m.late), 1},
		"tokens in":     {testutil.ToFloat64(m.tokens.WithLabelValues("in")), 3},
		"tokens out":    {testutil.ToFloat64(m.tokens.WithLabelValues("out")), 4},
		"tokens cached": {testutil.ToFloat64(m.tokens.WithLabelValues("cached")), 2},
		"cost":          {testutil.ToFloat64(m.cost.WithLabelValues("frontdesk")), 1.5},
		"tool calls":    {testutil.ToFloat64(m.toolCalls.WithLabelValues("lookup", "ok")), 1},
		"errors":        {testutil.ToFloat64(m.modelErrors.WithLabelValues("server_error")), 1},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
	if n := testutil.CollectAndCount(m.mos); n != 1 {
		t.Errorf("%d directions have a MOS, want that of the caller", n)
	}
}

// What the parts of the service count themselves is found by its name, and a trunk that nobody asked has no state.
func TestMetricsOfTheTelephoneSide(t *testing.T) {
	m := newMetrics()
	fill(m)
	rec := httptest.NewRecorder()
	promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}).ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{
		`calls_active 2`, `calls_rejected_total{code="503",reason="limit"} 4`, `draining 1`, `store_backlog_events 6`, `store_errors_total 7`,
		`trunk_registered{trunk="line"} 1`, `trunk_registered{trunk="lost"} 0`, `trunk_up{trunk="line"} 0`,
		`trunk_round_trip_seconds{trunk="line"} 0.25`, `rtp_packets_stale_total 12`,
		`digits_lost_total{reason="unfetched"} 13`, `digits_lost_total{reason="bridge"} 14`,
		`sip_refused_total{reason="flood"} 15`, `sip_authentication_total{outcome="blocked"} 16`,
	} {
		if !strings.Contains(rec.Body.String(), "\ntrunkline_"+want+"\n") {
			t.Errorf("no line trunkline_%s", want)
		}
	}
	if strings.Contains(rec.Body.String(), `trunk_up{trunk="lost"}`) {
		t.Error("a trunk that was not asked yet has a state")
	}
}

// A turn has one sample of each step that was seen, and none of one that was not.
func TestMetricsOfATurn(t *testing.T) {
	m := newMetrics()
	o := observer{m, func(string) bool { return false }}
	o.Turn("frontdesk", agent.Timing{Detect: 500 * time.Millisecond, Think: 190 * time.Millisecond, Play: 10 * time.Millisecond, Total: 700 * time.Millisecond})
	o.Turn("frontdesk", agent.Timing{Total: 900 * time.Millisecond})
	families, err := m.registry.Gather()
	must(t, err)
	got := map[string]uint64{}
	for _, f := range families {
		for _, one := range f.GetMetric() {
			if h := one.GetHistogram(); h != nil {
				got[f.GetName()] = h.GetSampleCount()
			}
		}
	}
	want := map[string]uint64{"trunkline_turn_latency_seconds": 2, "trunkline_turn_detect_seconds": 1, "trunkline_turn_think_seconds": 1, "trunkline_turn_play_seconds": 1}
	for name, n := range want {
		if got[name] != n {
			t.Errorf("%s has %d samples, want %d", name, got[name], n)
		}
	}
}

// What a model or a server thinks of never becomes a label: the number of series stays small.
func TestLabelsAreAFixedSet(t *testing.T) {
	m := newMetrics()
	o := observer{m, func(string) bool { return false }}
	for _, name := range []string{"teleport", "rm -rf", "+15550100001"} {
		o.Tool(name, "unknown", time.Second)
		o.RealtimeError(name)
	}
	if n := testutil.CollectAndCount(m.toolCalls); n != 1 {
		t.Errorf("%d series of tools", n)
	}
	if got := testutil.ToFloat64(m.toolCalls.WithLabelValues("unknown", "unknown")); got != 3 {
		t.Errorf("%v unknown tools", got)
	}
	if got := testutil.ToFloat64(m.modelErrors.WithLabelValues("other")); got != 3 {
		t.Errorf("%v other errors", got)
	}
}

// A call that was never heard or answered says nothing of jitter and length.
func TestMetricsOfASilentCall(t *testing.T) {
	m := newMetrics()
	m.ended(&store.Call{Agent: "frontdesk", EndedBy: "system", Started: time.Now()}, media.Stats{})
	families, err := m.registry.Gather()
	must(t, err)
	for _, f := range families {
		for _, one := range f.GetMetric() {
			if h := one.GetHistogram(); h != nil && strings.HasPrefix(f.GetName(), "trunkline_") && h.GetSampleCount() > 0 {
				t.Errorf("%s has a sample", f.GetName())
			}
		}
	}
}

// After a real call the operator's page shows it, and no caller.
func TestMetricsPage(t *testing.T) {
	s := stage(t, setup{})
	_, err := s.call(t, t.Context(), "+15551230001", phone.WaitBye{})
	must(t, err)
	s.record(t, 0)
	until(t, "the session is closed", func() bool { return sessions(t, s.metrics) == 0 })
	status, page := get(t, s.Service, "/metrics")
	if status != http.StatusOK {
		t.Fatalf("status %d: %s", status, page)
	}
	for _, want := range []string{`trunkline_calls_total{agent="frontdesk",by="agent"} 1`, `trunkline_tool_calls_total{status="ok",tool="lookup"} 1`,
		`trunkline_tool_calls_total{status="ok",tool="hang_up"} 1`, `trunkline_realtime_sessions_active{agent="frontdesk"} 0`,
		`trunkline_call_setup_seconds_count{agent="frontdesk"} 1`, `trunkline_calls_capacity 500`, `trunkline_draining 0`, "go_goroutines"} {
		if !slices.Contains(strings.Split(page, "\n"), want) && !strings.Contains(page, want+" ") {
			t.Errorf("misses %s", want)
		}
	}
	if strings.Contains(page, "5550100001") || strings.Contains(page, "5551230001") {
		t.Error("a number is on the page")
	}
}

// get asks the operator's listener.
func get(t *testing.T, s *Service, path string) (status int, body string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	resp, err := client.Get("http://" + s.AdminAddr() + path)
	must(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	must(t, err)
	return resp.StatusCode, string(text)
}

package trunkline

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/trunkline/trunkline/agent"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/telephony/media"
	"github.com/trunkline/trunkline/tools"
)

// metrics are the figures an operator watches. Every label has a small fixed set of values: never a call id, a number
// or free text.
type metrics struct {
	registry *prometheus.Registry

	calls         *prometheus.CounterVec   // agent, by
	setup         *prometheus.HistogramVec // agent
	duration      *prometheus.HistogramVec // agent
	turnLatency   *prometheus.HistogramVec // agent
	turnDetect    *prometheus.HistogramVec // agent
	turnThink     *prometheus.HistogramVec // agent
	turnPlay      *prometheus.HistogramVec // agent
	events        *prometheus.CounterVec   // agent, event
	interruptions *prometheus.CounterVec   // agent
	underruns     *prometheus.CounterVec   // agent
	packets       *prometheus.CounterVec   // direction
	refused       *prometheus.CounterVec   // reason
	lost, late    prometheus.Counter
	jitter, rtt   prometheus.Histogram
	mos           *prometheus.HistogramVec // direction
	sessions      *prometheus.GaugeVec     // agent
	modelErrors   *prometheus.CounterVec   // type
	tokens        *prometheus.CounterVec   // direction
	cost          *prometheus.CounterVec   // agent
	toolCalls     *prometheus.CounterVec   // tool, status
	toolDuration  *prometheus.HistogramVec
	receivers     *prometheus.CounterVec // receiver, outcome
}

var (
	secondsFine   = []float64{.05, .1, .2, .3, .5, .75, 1, 1.5, 2, 3, 5, 10}
	secondsCoarse = []float64{1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600}
)

func newMetrics() *metrics {
	m := &metrics{
		registry:      prometheus.NewRegistry(),
		calls:         counter("calls_total", "Calls that ended, by agent and by who ended them.", "agent", "by"),
		setup:         histogram("call_setup_seconds", "INVITE to 200 OK.", secondsFine, "agent"),
		duration:      histogram("call_duration_seconds", "Answer to end.", secondsCoarse, "agent"),
		turnLatency:   histogram("turn_latency_seconds", "End of the caller's speech to the first audio of the answer on the wire.", secondsFine, "agent"),
		turnDetect:    histogram("turn_detect_seconds", "Of a turn's latency: until the service tells that the caller has stopped.", secondsFine, "agent"),
		turnThink:     histogram("turn_think_seconds", "Of a turn's latency: from then until the first audio of the answer comes.", secondsFine, "agent"),
		turnPlay:      histogram("turn_play_seconds", "Of a turn's latency: from then until that audio is on the wire.", secondsFine, "agent"),
		events:        counter("conversation_events_total", "What happened in conversations, by agent and event.", "agent", "event"),
		interruptions: counter("interruptions_total", "Times a caller spoke over the agent.", "agent"),
		underruns:     counter("playout_underruns_total", "Times an unfinished answer ran out of audio.", "agent"),
		packets:       counter("rtp_packets_total", "RTP packets accepted and sent.", "direction"),
		refused:       counter("rtp_packets_refused_total", "Packets on the ports of calls that were not taken, by reason.", "reason"),
		sessions:      gauge("realtime_sessions_active", "Open Realtime sessions. A call has two for a moment while one replaces the other.", "agent"),
		modelErrors:   counter("realtime_errors_total", "Errors of the model's side, by type.", "type"),
		tokens:        counter("realtime_tokens_total", "Model tokens. Those of direction cached are among those of direction in.", "direction"),
		cost:          counter("realtime_cost_total", "What the tokens cost, in the currency of the prices that are configured.", "agent"),
		toolCalls:     counter("tool_calls_total", "Function calls, by tool and status.", "tool", "status"),
		receivers:     counter("events_total", "Events for other systems, by receiver and what came of an attempt.", "receiver", "outcome"),
		toolDuration:  histogram("tool_duration_seconds", "Time from a function call to its output.", secondsFine, "tool"),
		lost:          prometheus.NewCounter(prometheus.CounterOpts{Name: "trunkline_rtp_packets_lost_total", Help: "RTP packets from callers that never came."}),
		late:          prometheus.NewCounter(prometheus.CounterOpts{Name: "trunkline_rtp_packets_late_total", Help: "RTP packets that came after they were given up."}),
		jitter: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "trunkline_rtp_jitter_seconds",
			Help: "Interarrival jitter at the end of a call (RFC 3550).", Buckets: []float64{.001, .002, .005, .01, .02, .05, .1}}),
	}
	m.rtt = prometheus.NewHistogram(prometheus.HistogramOpts{Name: "trunkline_rtp_round_trip_seconds",
		Help: "Network round trip to the far end, by its last report in a call (RTCP).", Buckets: []float64{.005, .01, .02, .05, .1, .2, .5, 1}})
	m.mos = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "trunkline_call_mos",
		Help:    "Estimated mean opinion score of a call (ITU-T G.107, simplified): direction in is the caller as heard here, out the agent as heard there.",
		Buckets: []float64{1.5, 2, 2.5, 3, 3.5, 3.8, 4, 4.2, 4.3}}, []string{"direction"})
	m.registry.MustRegister(m.rtt, m.mos, m.calls, m.setup, m.duration, m.turnLatency, m.turnDetect, m.turnThink, m.turnPlay, m.events,
		m.interruptions, m.underruns, m.packets, m.refused, m.sessions, m.modelErrors, m.tokens, m.cost, m.toolCalls, m.toolDuration, m.receivers, m.lost, m.late, m.jitter,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// told counts an attempt to tell a receiver of an event.
func (m *metrics) told(receiver, outcome string) {
	m.receivers.WithLabelValues(receiver, outcome).Inc()
}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "trunkline_" + name, Help: help}, labels)
}

func gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "trunkline_" + name, Help: help}, labels)
}

func histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "trunkline_" + name, Help: help, Buckets: buckets}, labels)
}

// observer is what the agents of one service report to.
type observer struct {
	m     *metrics
	known func(tool string) bool // names the model invents must not become labels
}

var _ agent.Observer = observer{}

// Turn counts the steps of an answer that were seen.
func (o observer) Turn(name string, t agent.Timing) {
	for _, step := range []struct {
		of   *prometheus.HistogramVec
		took time.Duration
	}{{o.m.turnLatency, t.Total}, {o.m.turnDetect, t.Detect}, {o.m.turnThink, t.Think}, {o.m.turnPlay, t.Play}} {
		if step.took > 0 {
			step.of.WithLabelValues(name).Observe(step.took.Seconds())
		}
	}
}

func (o observer) Happened(name string, what agent.Occurrence) {
	o.m.events.WithLabelValues(name, string(what)).Inc()
	if what == agent.Interrupted {
		o.m.interruptions.WithLabelValues(name).Inc()
	}
}

func (o observer) Session(name string, change int) {
	o.m.sessions.WithLabelValues(name).Add(float64(change))
}

func (o observer) Tool(name, status string, took time.Duration) {
	if !o.known(name) {
		name = "unknown"
	}
	o.m.toolCalls.WithLabelValues(name, status).Inc()
	o.m.toolDuration.WithLabelValues(name).Observe(took.Seconds())
}

func (o observer) RealtimeError(kind string) {
	if !errorKinds[kind] {
		kind = "other"
	}
	o.m.modelErrors.WithLabelValues(kind).Inc()
}

// errorKinds are the labels of realtime_errors_total; what else a server thinks of is "other".
var errorKinds = map[string]bool{"connection": true, "transcription": true, "failed": true, "incomplete": true,
	"dial": true, "invalid_request_error": true, "server_error": true, "rate_limit_error": true}

// knownTool reports whether a registry has the tool.
func knownTool(r *tools.Registry) func(string) bool {
	return func(name string) bool {
		_, ok := r.Info(name)
		return ok
	}
}

// ended counts a call that is over.
func (m *metrics) ended(c *store.Call, stats media.Stats) {
	m.calls.WithLabelValues(c.Agent, c.EndedBy).Inc()
	m.packets.WithLabelValues("in").Add(float64(stats.PacketsIn))
	m.packets.WithLabelValues("out").Add(float64(stats.PacketsOut))
	for reason, n := range map[string]uint64{"foreign": stats.Foreign, "unauthentic": stats.Bad.Auth, "replayed": stats.Bad.Replay,
		"malformed": stats.Bad.Total() - stats.Bad.Auth - stats.Bad.Replay} {
		m.refused.WithLabelValues(reason).Add(float64(n))
	}
	m.lost.Add(float64(stats.Lost))
	m.late.Add(float64(stats.Late))
	m.underruns.WithLabelValues(c.Agent).Add(float64(stats.Underruns))
	m.tokens.WithLabelValues("in").Add(float64(c.TokensIn))
	m.tokens.WithLabelValues("out").Add(float64(c.TokensOut))
	m.tokens.WithLabelValues("cached").Add(float64(c.TokensCached))
	m.cost.WithLabelValues(c.Agent).Add(float64(c.CostMicros) / 1e6)
	if stats.PacketsIn > 0 {
		m.jitter.Observe(stats.Jitter.Seconds())
	}
	if !c.Answered.IsZero() {
		m.setup.WithLabelValues(c.Agent).Observe(c.Answered.Sub(c.Started).Seconds())
		m.duration.WithLabelValues(c.Agent).Observe(c.Duration().Seconds())
	}
}

// sounded counts how a call that is over has sounded, where that is known.
func (m *metrics) sounded(q media.Quality) {
	for direction, mos := range map[string]float64{"in": q.Caller.MOS, "out": q.Agent.MOS} {
		if mos > 0 {
			m.mos.WithLabelValues(direction).Observe(mos)
		}
	}
	if q.RTT > 0 {
		m.rtt.Observe(q.RTT.Seconds())
	}
}

package trunkline

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/trunkline/trunkline/supervisor"
)

// pageFigures collects what the page for supervisors counts itself.
type pageFigures struct{ server *supervisor.Server }

var (
	pageStreams = describe("page_streams", "Open streams of the page for supervisors.")
	pageRefused = describe("page_streams_refused_total", "Streams that were not opened, by reason.", "reason")
	pageLagged  = describe("page_streams_lagged_total", "Times that a stream was too slow and had to load anew.")
	pageFeed    = describe("page_feed_lost_total", "Times that the news of the store could not be read.")
	signIns     = describe("sign_ins_total", "Attempts to sign in, by outcome.", "outcome")
	auditsLost  = describe("audits_lost_total", "Sign-ins that are not in the list of who did what.")
	pagePanics  = describe("page_panics_total", "Requests that failed by a fault of ours.")
)

// Describe implements prometheus.Collector.
func (pageFigures) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{pageStreams, pageRefused, pageLagged, pageFeed, signIns, auditsLost, pagePanics} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (p pageFigures) Collect(ch chan<- prometheus.Metric) {
	count := func(d *prometheus.Desc, n uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	streams, door := p.server.Streams(), p.server.Door()
	ch <- prometheus.MustNewConstMetric(pageStreams, prometheus.GaugeValue, float64(streams.Open))
	for reason, n := range streams.Refused {
		count(pageRefused, n, string(reason))
	}
	count(pageLagged, streams.Lagged)
	count(pageFeed, streams.FeedLost)
	count(signIns, door.SignIns, "ok")
	count(signIns, door.SignInsFailed, "failed")
	count(signIns, door.SignInsHeld, "held")
	count(auditsLost, door.AuditsLost)
	count(pagePanics, door.Panics)
}

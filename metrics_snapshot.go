package trunkline

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/telephony"
)

// snapshot collects what other parts of the service count themselves.
type snapshot struct {
	telephony func() telephony.Stats
	writer    func() store.Stats
}

// figure is one number of the telephone side.
type figure struct {
	desc   *prometheus.Desc
	kind   prometheus.ValueType
	of     func(*telephony.Stats) float64
	labels []string // values
}

func counted(name, help string, of func(*telephony.Stats) uint64) figure {
	return figure{describe(name, help), prometheus.CounterValue, func(t *telephony.Stats) float64 { return float64(of(t)) }, nil}
}

func gauged(name, help string, of func(*telephony.Stats) float64) figure {
	return figure{describe(name, help), prometheus.GaugeValue, of, nil}
}

// countedBy are counters of one name that differ in a label.
func countedBy(name, help, label string, of map[string]func(*telephony.Stats) uint64) (all []figure) {
	desc := describe(name, help, label)
	for value, of := range of {
		all = append(all, figure{desc, prometheus.CounterValue, func(t *telephony.Stats) float64 { return float64(of(t)) }, []string{value}})
	}
	return all
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("trunkline_"+name, help, labels, nil)
}

type phoneStats = telephony.Stats

// figures of the telephone side that are always there.
var figures = append([]figure{
	gauged("calls_active", "Calls in progress.", func(t *phoneStats) float64 { return float64(t.Active) }),
	gauged("calls_capacity", "Most calls at once.", func(t *phoneStats) float64 { return float64(t.Capacity) }),
	gauged("draining", "1 while no new calls are taken.", func(t *phoneStats) float64 { return boolValue(t.Draining) }),
	gauged("rtp_ports_in_use", "RTP port pairs in use.", func(t *phoneStats) float64 { return float64(t.PortsInUse) }),
	gauged("rtp_ports_quarantined", "RTP port pairs of calls that have ended, until nothing comes to them any more.",
		func(t *phoneStats) float64 { return float64(t.PortsQuarantined) }),
	gauged("sip_connections", "Open TCP and TLS connections.", func(t *phoneStats) float64 { return float64(t.SIP.Conns) }),
	counted("call_panics_total", "Call handlers that panicked.", func(t *phoneStats) uint64 { return t.Panics }),
	counted("sip_panics_total", "SIP messages whose handling panicked.", func(t *phoneStats) uint64 { return t.SIP.Panics }),
	counted("calls_encrypted_total", "Calls taken whose audio began with SRTP.", func(t *phoneStats) uint64 { return t.Encrypted }),
	counted("calls_dialled_total", "Calls of ours that were answered.", func(t *phoneStats) uint64 { return t.Dialled }),
	counted("rtp_ports_hurried_total", "Quarantines cut short because a call needed the ports.", func(t *phoneStats) uint64 { return t.PortsHurried }),
	counted("rtp_packets_stale_total", "RTP packets for calls that had ended.", func(t *phoneStats) uint64 { return t.StalePackets }),
	counted("sip_listen_errors_total", "Errors of SIP listeners that were waited out.", func(t *phoneStats) uint64 { return t.SIP.ListenErrors }),
	counted("sip_messages_throttled_total", "SIP messages on connections whose peer was made to wait.", func(t *phoneStats) uint64 { return t.SIP.Throttled }),
}, bySource()...)

// bySource are the counters of what was turned away.
func bySource() []figure {
	refused := countedBy("sip_refused_total", "SIP datagrams, messages and connections that were refused or dropped, by reason.", "reason",
		map[string]func(*phoneStats) uint64{
			"stranger":  func(t *phoneStats) uint64 { return t.SIP.Refused },
			"malformed": func(t *phoneStats) uint64 { return t.SIP.Malformed },
			"flood":     func(t *phoneStats) uint64 { return t.SIP.Flooded },
			"limit":     func(t *phoneStats) uint64 { return t.SIP.ConnsRefused },
			"slow":      func(t *phoneStats) uint64 { return t.SIP.ConnsTimedOut },
			"handshake": func(t *phoneStats) uint64 { return t.SIP.HandshakesFailed },
			"uninvited": func(t *phoneStats) uint64 { return t.SIP.Uninvited },
		})
	passwords := countedBy("sip_authentication_total", "INVITEs of trunks with passwords, by what became of them.", "outcome",
		map[string]func(*phoneStats) uint64{
			"challenged": func(t *phoneStats) uint64 { return t.SIP.Challenged },
			"failed":     func(t *phoneStats) uint64 { return t.SIP.AuthFailures },
			"blocked":    func(t *phoneStats) uint64 { return t.SIP.AuthBlocked },
		})
	digits := countedBy("digits_lost_total", "Keys that were pressed in vain, by reason.", "reason",
		map[string]func(*phoneStats) uint64{
			"unfetched": func(t *phoneStats) uint64 { return t.DigitsDropped },
			"bridge":    func(t *phoneStats) uint64 { return t.DigitsLost },
		})
	return append(append(refused, passwords...), digits...)
}

var (
	descRejected   = describe("calls_rejected_total", "Calls refused, by SIP status and reason.", "code", "reason")
	descRegistered = describe("trunk_registered", "1 while the trunk's registration is in force.", "trunk")
	descUp         = describe("trunk_up", "1 while the trunk's server answers when it is asked.", "trunk")
	descRTT        = describe("trunk_round_trip_seconds", "How long the trunk's server took to answer when it was last asked.", "trunk")
	descBacklog    = describe("store_backlog_events", "Transcript lines that are not in the store yet.")
	descErrors     = describe("store_errors_total", "Writes to the store that failed; they are tried again.")
)

// Describe implements prometheus.Collector.
func (s *snapshot) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descRejected, descRegistered, descUp, descRTT, descBacklog, descErrors} {
		ch <- d
	}
	for _, f := range figures {
		ch <- f.desc
	}
}

// Collect implements prometheus.Collector.
func (s *snapshot) Collect(ch chan<- prometheus.Metric) {
	t := s.telephony()
	value := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, kind, v, labels...)
	}
	for _, f := range figures {
		value(f.desc, f.kind, f.of(&t), f.labels...)
	}
	for r, n := range t.Rejected {
		value(descRejected, prometheus.CounterValue, float64(n), strconv.Itoa(r.Status), r.Reason)
	}
	for name, trunk := range t.Trunks {
		if r := trunk.Registration; r != nil {
			value(descRegistered, prometheus.GaugeValue, boolValue(time.Now().Before(r.Expires)), name)
		}
		if q := trunk.Qualify; q != nil && q.Known {
			value(descUp, prometheus.GaugeValue, boolValue(q.Up), name)
			value(descRTT, prometheus.GaugeValue, q.RTT.Seconds(), name)
		}
	}
	w := s.writer()
	value(descBacklog, prometheus.GaugeValue, float64(w.Backlog))
	value(descErrors, prometheus.CounterValue, float64(w.Errors))
}

func boolValue(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

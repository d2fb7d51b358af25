package exchange

import (
	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the exchange's.
type metrics struct {
	bytes, messages    *prometheus.CounterVec // direction, kind
	told, taken, moved prometheus.Counter
	refused            prometheus.Counter
	shed, overflows    prometheus.Counter
	fullSyncs, sweeps  prometheus.Counter
	lag                prometheus.Histogram
	sentBy, receivedBy [kindPull + 1]traffic
}

// traffic is the counters of one direction and kind.
type traffic struct{ bytes, messages prometheus.Counter }

func newMetrics(x *Exchange) *metrics {
	m := &metrics{
		bytes:     counters("tocsin_exchange_bytes_total", "Bytes of messages with other nodes about alerts, without frames.", "direction", "kind"),
		messages:  counters("tocsin_exchange_messages_total", "Messages with other nodes about alerts: questions and answers.", "direction", "kind"),
		told:      counter("tocsin_exchange_alerts_sent_total", "Alerts that other nodes were sent with all they say."),
		taken:     counter("tocsin_exchange_alerts_received_total", "Alerts of other nodes that were merged with all they say."),
		moved:     counter("tocsin_exchange_refreshes_received_total", "Alerts of which another node moved only the end and the time of update."),
		refused:   counter("tocsin_exchange_alerts_unreadable_total", "Alerts of other nodes that could not be read."),
		shed:      counter("tocsin_exchange_refreshes_shed_total", "Refreshes that a peer was too slow for; a full comparison brings them."),
		overflows: counter("tocsin_exchange_transitions_overflowed_total", "New and changed alerts that a peer was too slow for; a full comparison brings them."),
		fullSyncs: counter("tocsin_exchange_full_syncs_total", "Full comparisons of alerts with another node: at a join, after a cut, on doubt."),
		sweeps:    counter("tocsin_exchange_sweeps_total", "Regular comparisons of alerts with another node."),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "tocsin_exchange_lag_seconds",
			Help:    "How long after a new or changed alert came in another node had it.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
	}
	for kind, name := range kindNames {
		m.sentBy[kind] = traffic{m.bytes.WithLabelValues("sent", name), m.messages.WithLabelValues("sent", name)}
		m.receivedBy[kind] = traffic{m.bytes.WithLabelValues("received", name), m.messages.WithLabelValues("received", name)}
	}
	if r := x.opts.Registerer; r != nil {
		r.MustRegister(m.bytes, m.messages, m.told, m.taken, m.moved, m.refused, m.shed, m.overflows, m.fullSyncs, m.sweeps, m.lag,
			gauge("tocsin_exchange_peers", "Other nodes that alerts are exchanged with.", func() float64 { return float64(len(x.list())) }),
			gauge("tocsin_exchange_peers_behind", "Other nodes that do not answer, are not compared with yet, or lack a change for more than a second.", x.behind),
		)
	}
	return m
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
}

func gauge(name, help string, value func() float64) prometheus.GaugeFunc {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
}

func (x *Exchange) behind() float64 {
	n := 0
	for _, l := range x.list() {
		if l.behind() {
			n++
		}
	}
	return float64(n)
}

func (m *metrics) sent(kind uint8, body []byte)     { m.sentBy[kind].count(body) }
func (m *metrics) received(kind uint8, body []byte) { m.receivedBy[known(kind)].count(body) }

func (t *traffic) count(body []byte) {
	if t.messages != nil {
		t.messages.Inc()
		t.bytes.Add(float64(len(body)))
	}
}

// known is the kind, or 0, which is not counted, for one that does not exist.
func known(kind uint8) uint8 {
	if kind > kindPull {
		return 0
	}
	return kind
}

// compared counts a comparison that was done.
func (m *metrics) compared(horizon int64) {
	if horizon == always {
		m.fullSyncs.Inc()
	} else {
		m.sweeps.Inc()
	}
}

package dispatcher

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/fsm/model"
)

// metrics are Alertmanager's about dispatching, by its names, and ours.
type metrics struct {
	groups     prometheus.Gauge
	processing prometheus.Summary
	rules      prometheus.Gauge
	suppressed *prometheus.CounterVec

	claims       *prometheus.CounterVec
	deliveries   *prometheus.CounterVec
	delay        prometheus.Histogram
	unsettled    prometheus.Counter
	overlaysLost prometheus.Counter
	keptBack     prometheus.Counter
}

func newMetrics(d *Dispatcher) *metrics {
	r := registrar{d.opts.Registerer}
	m := &metrics{
		groups: r.gauge("alertmanager_dispatcher_aggregation_groups", "Number of active aggregation groups"),
		processing: prometheus.NewSummary(prometheus.SummaryOpts{
			Name: "alertmanager_dispatcher_alert_processing_duration_seconds",
			Help: "Summary of latencies for the processing of alerts.",
		}),
		rules:      r.gauge("alertmanager_inhibition_rules", "How many inhibition rules are configured."),
		suppressed: r.counters("alertmanager_notifications_suppressed_total", "The total number of notifications suppressed for being silenced, inhibited, outside of active time intervals or within muted time intervals.", "reason"),
		claims:     r.counters("tocsin_claims_total", "Claims to send, by how they were decided.", "result"),
		deliveries: r.counters("tocsin_deliveries_total", "Deliveries that this node ended, by outcome and by whether there was a quorum.", "outcome", "degraded"),
		delay: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tocsin_delivery_delay_seconds", Help: "How long after its tick a message arrived.",
			Buckets: []float64{.01, .05, .1, .5, 1, 2, 5, 10, 30, 60, 300},
		}),
		unsettled:    r.counter("tocsin_settlements_unanswered_total", "Sent messages that the ledger did not acknowledge in time, so that they were kept locally."),
		keptBack:     r.counter("tocsin_notifications_kept_back_total", "Messages that were not written after all, because something may have overtaken them since they were decided on."),
		overlaysLost: r.counter("tocsin_overlay_writes_failed_total", "Messages sent without a quorum although the local file could not be written first."),
	}
	r.add(m.processing, m.delay)
	m.prepare()
	r.constant("alertmanager_dispatcher_aggregation_group_limit_reached_total", "Number of times when dispatcher failed to create new aggregation group due to limit.")
	r.constant("alertmanager_dispatcher_aggregation_group_creation_retries_total", "Number of retries while creating aggregation groups under contention.")
	r.constant("alertmanager_dispatcher_aggregation_group_creation_given_up_total", "Number of alerts dropped because aggregation group creation was given up.")
	r.read("tocsin_degraded", "Whether notifications are sent without a quorum.", func() float64 {
		if d.Degraded() {
			return 1
		}
		return 0
	})
	r.read("tocsin_deliveries_pending", "Deliveries that have something to tell and have not done so.", func() float64 { return float64(d.pending.Load()) })
	r.read("tocsin_sends_in_flight", "Deliveries that claim or send.", func() float64 { return float64(d.lanes.inside()) })
	if r.to != nil {
		r.add(newStates(d))
	}
	return m
}

// prepare makes the series that alerts and dashboards expect to be there.
func (m *metrics) prepare() {
	for r := mutedInhibited; r <= mutedSilenced; r++ {
		m.suppressed.WithLabelValues(r.String())
	}
	for d := model.DeniedNot; d <= model.DeniedSpent; d++ {
		m.claims.WithLabelValues(d.String())
	}
	m.claims.WithLabelValues(claimUnanswered)
	for _, o := range []string{model.OutcomeSent.String(), model.OutcomeFailed.String()} {
		m.deliveries.WithLabelValues(o, "false")
		m.deliveries.WithLabelValues(o, "true")
	}
}

// claimUnanswered is the result of a claim that got no answer.
const claimUnanswered = "unanswered"

// suppress counts muted alerts, given by muting.
func (m *metrics) suppress(counts []int) {
	for reason, n := range counts {
		if n > 0 && muting(reason) != mutedNot {
			m.suppressed.WithLabelValues(muting(reason).String()).Add(float64(n))
		}
	}
}

// delivered counts the end of a delivery.
func (m *metrics) delivered(row model.Delivery, tick time.Time) {
	degraded := "false"
	if row.Degraded {
		degraded = "true"
	}
	m.deliveries.WithLabelValues(row.Outcome.String(), degraded).Inc()
	if row.Outcome == model.OutcomeSent {
		m.delay.Observe(time.Since(tick).Seconds())
	}
}

// registrar makes metrics and registers them, if there is where to.
type registrar struct{ to prometheus.Registerer }

func (r registrar) add(cs ...prometheus.Collector) {
	if r.to != nil {
		r.to.MustRegister(cs...)
	}
}

func (r registrar) gauge(name, help string) prometheus.Gauge {
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	r.add(g)
	return g
}

func (r registrar) counter(name, help string) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	r.add(c)
	return c
}

func (r registrar) counters(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	r.add(c)
	return c
}

func (r registrar) read(name, help string, f func() float64) {
	r.add(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, f))
}

// constant is a counter that dashboards look for and that cannot count here.
func (r registrar) constant(name, help string) { r.counter(name, help) }

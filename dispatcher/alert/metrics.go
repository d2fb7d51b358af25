package alert

import "github.com/prometheus/client_golang/prometheus"

// metrics are the store's. The first two have Alertmanager's names.
type metrics struct {
	limited  *prometheus.CounterVec
	collided prometheus.Counter
	byName   bool
}

func newMetrics(opts Options) *metrics {
	var names []string
	if opts.NamesInMetrics {
		names = []string{"alertname"}
	}
	m := &metrics{
		byName: opts.NamesInMetrics,
		limited: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "alertmanager_alerts_limited_total",
			Help: "Alerts that were dropped because their alertname was at its limit.",
		}, names),
		collided: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tocsin_alerts_collided_total",
			Help: "Alerts that were dropped because the hash of their labels is that of another alert.",
		}),
	}
	if opts.Registerer != nil {
		limit := prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "alertmanager_alerts_per_alert_limit",
			Help: "How many alerts of one alertname may fire at once; 0 is without limit.",
		})
		limit.Set(float64(opts.PerAlertnameLimit))
		opts.Registerer.MustRegister(limit, m.limited, m.collided)
	}
	if !m.byName {
		m.limited.WithLabelValues()
	}
	return m
}

func (m *metrics) limit(a *Alert) {
	if m.byName {
		m.limited.WithLabelValues(a.Name()).Inc()
		return
	}
	m.limited.WithLabelValues().Inc()
}

func (m *metrics) count(res PutResult) {
	if res.Collided > 0 {
		m.collided.Add(float64(res.Collided))
	}
}

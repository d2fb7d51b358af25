package silence

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are Alertmanager's about silences, as far as they mean something here.
type metrics struct {
	queries, scanned, skipped prometheus.Counter
	took                      prometheus.Histogram
	uncompiled                *prometheus.CounterVec
	all                       []prometheus.Collector
}

func newMetrics(m *Muter) *metrics {
	x := &metrics{}
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: "alertmanager_silences_" + name, Help: help})
		x.all = append(x.all, c)
		return c
	}
	x.queries = counter("queries_total", "How often an alert's silences were asked for.")
	counter("query_errors_total", "How many of these queries failed: none can, silences are in memory.")
	x.scanned = counter("query_silences_scanned_total", "How many silences were held against an alert's labels.")
	x.skipped = counter("query_silences_skipped_total", "How many silences did not have to be, because of the index.")
	x.took = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "alertmanager_silences_query_duration_seconds", Help: "How long searching the silences of an alert took, where they were not known already.",
		Buckets: []float64{1e-6, 1e-5, 1e-4, 1e-3, 1e-2, .1, 1},
	})
	x.uncompiled = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "alertmanager_silences_matcher_compile_errors_total", Help: "How often silences did not compile.",
	}, []string{"stage"})
	x.uncompiled.WithLabelValues("index")
	x.all = append(x.all, x.took, x.uncompiled)
	for name, help := range map[string]string{
		"state_size":         "How many silences there are, expired ones included.",
		"matcher_index_size": "How many silences are compiled.",
	} {
		x.all = append(x.all, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "alertmanager_silences_" + name, Help: help},
			func() float64 { return float64(m.current().count) }))
	}
	return x
}

// searched counts a search among count silences, of which held were looked at.
func (x *metrics) searched(took time.Duration, held, count int) {
	x.took.Observe(took.Seconds())
	x.scanned.Add(float64(held))
	x.skipped.Add(float64(max(0, count-held)))
}

// Register registers the Muter's metrics; with nil it does nothing. It panics if
// they are registered already, which is a fault in the wiring.
func (m *Muter) Register(to prometheus.Registerer) *Muter {
	if to != nil {
		to.MustRegister(m.metrics.all...)
	}
	return m
}

package cluster

import (
	"github.com/prometheus/client_golang/prometheus"

	"tocsin/cluster/clock"
)

// clockMetrics tells how the clocks stand, at each scrape.
type clockMetrics struct {
	clock                *clock.Clock
	peer, own, corrected *prometheus.Desc
}

func newClockMetrics(c *clock.Clock) *clockMetrics {
	return &clockMetrics{
		clock:     c,
		peer:      prometheus.NewDesc("tocsin_clock_skew_seconds", "By how much another node's wall clock is ahead of this machine's.", []string{"peer"}, nil),
		own:       prometheus.NewDesc("tocsin_clock_own_skew_seconds", "By how much this machine's wall clock is ahead of the median of the nodes' clocks; 0 where fewer than three are compared.", nil, nil),
		corrected: prometheus.NewDesc("tocsin_clock_corrected", "1 if this node goes by the other nodes' clocks because its own is wrong.", nil, nil),
	}
}

// Describe is for the registry.
func (m *clockMetrics) Describe(ch chan<- *prometheus.Desc) {
	ch <- m.peer
	ch <- m.own
	ch <- m.corrected
}

// Collect is for the registry.
func (m *clockMetrics) Collect(ch chan<- prometheus.Metric) {
	s := m.clock.Standing()
	for id, p := range s.Peers {
		ch <- prometheus.MustNewConstMetric(m.peer, prometheus.GaugeValue, p.Offset.Seconds(), string(id))
	}
	ch <- prometheus.MustNewConstMetric(m.own, prometheus.GaugeValue, s.Skew.Seconds())
	ch <- prometheus.MustNewConstMetric(m.corrected, prometheus.GaugeValue, flag(s.Corrected))
}

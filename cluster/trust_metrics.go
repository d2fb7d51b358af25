package cluster

import (
	"github.com/prometheus/client_golang/prometheus"
)

// trustMetrics tell when certificates end, and how many were refused.
type trustMetrics struct {
	n       *Node
	expiry  *prometheus.Desc
	refused *prometheus.Desc
}

func newTrustMetrics(n *Node) *trustMetrics {
	return &trustMetrics{
		n: n,
		expiry: prometheus.NewDesc("tocsin_certificate_expiry_timestamp_seconds",
			"When a certificate between nodes ends, in seconds since 1970: this node's own, and that of the authority in use.", []string{"kind"}, nil),
		refused: prometheus.NewDesc("tocsin_node_connections_refused_total",
			"Times that this node refused another one, or something else, on the port between nodes, or was refused.", nil, nil),
	}
}

// Describe sends the metrics' descriptions.
func (m *trustMetrics) Describe(ch chan<- *prometheus.Desc) {
	ch <- m.expiry
	ch <- m.refused
}

// Collect sends the metrics. What is not known is left out.
func (m *trustMetrics) Collect(ch chan<- prometheus.Metric) {
	if m.n.trust == nil {
		return
	}
	if c := m.n.trust.Certificate(); c != nil {
		ch <- prometheus.MustNewConstMetric(m.expiry, prometheus.GaugeValue, float64(c.NotAfter.Unix()), "node")
	}
	if a, _, ok := m.n.authorities(); ok {
		if _, signer, err := a.Open(); err == nil && signer != nil {
			ch <- prometheus.MustNewConstMetric(m.expiry, prometheus.GaugeValue, float64(signer.Certificate.NotAfter.Unix()), "ca")
		}
	}
	ch <- prometheus.MustNewConstMetric(m.refused, prometheus.CounterValue, float64(m.n.refusals.Count()))
}

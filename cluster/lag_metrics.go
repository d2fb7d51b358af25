package cluster

import (
	"cmp"

	"github.com/prometheus/client_golang/prometheus"
)

// lagMetrics tells how far behind this node's state those of the other members
// are, at each scrape.
type lagMetrics struct {
	n    *Node
	desc *prometheus.Desc
}

func newLagMetrics(n *Node) *lagMetrics {
	return &lagMetrics{n, prometheus.NewDesc("tocsin_raft_peer_lag_entries",
		"How many log entries another member's state lacks that this node's has, when it was last asked.", []string{"peer"}, nil)}
}

// Describe is for the registry.
func (m *lagMetrics) Describe(ch chan<- *prometheus.Desc) { ch <- m.desc }

// Collect gives one series a member of which something is known, by name, or by
// ID where two have the same name.
func (m *lagMetrics) Collect(ch chan<- prometheus.Metric) {
	own, used := m.n.opts.Machine.View().Index(), make(map[string]bool)
	for _, p := range m.n.ListPeers() {
		if p.Self || !p.Member || p.Applied == 0 {
			continue
		}
		name := cmp.Or(p.Name, string(p.ID))
		if used[name] {
			name = string(p.ID)
		}
		used[name] = true
		ch <- prometheus.MustNewConstMetric(m.desc, prometheus.GaugeValue, float64(own-min(own, p.Applied)), name)
	}
}

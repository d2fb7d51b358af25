package app

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// hashQuiet is how long a node of a cluster does not tell the hash of a
// configuration that is new: longer than Prometheus is away between two scrapes,
// in all but odd set-ups.
const hashQuiet = 90 * time.Second

// hashMetric is alertmanager_config_hash.
//
// The rule that everybody has fires when two instances show different hashes, at
// once. All nodes change within milliseconds, but Prometheus looks at them one by
// one, so after each change it would see the old hash of those that it has not
// scraped yet beside the new one. Therefore a node that others may be compared
// with shows no hash for a while after a change: by then the old one is gone
// everywhere, and what is shown afterwards is the same. A node that really runs
// something else than the others shows its old hash all the time, and is found as
// soon as theirs is back.
type hashMetric struct {
	desc *prometheus.Desc

	mu    sync.Mutex
	hash  float64   // guarded by mu
	known bool      // guarded by mu
	from  time.Time // when it may be shown; guarded by mu
}

func newHashMetric(r prometheus.Registerer) *hashMetric {
	m := &hashMetric{desc: prometheus.NewDesc("alertmanager_config_hash",
		"Hash of the currently loaded alertmanager configuration. It is not there for 90 seconds after a change in a cluster.", nil, nil)}
	if r != nil {
		r.MustRegister(m)
	}
	return m
}

// set has the hash shown after a quiet time. One that is shown already stays.
func (m *hashMetric) set(hash float64, quiet time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known && m.hash == hash {
		return
	}
	m.hash, m.known, m.from = hash, true, time.Now().Add(quiet)
}

// Describe implements prometheus.Collector.
func (m *hashMetric) Describe(ch chan<- *prometheus.Desc) { ch <- m.desc }

// Collect implements prometheus.Collector.
func (m *hashMetric) Collect(ch chan<- prometheus.Metric) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known && !time.Now().Before(m.from) {
		ch <- prometheus.MustNewConstMetric(m.desc, prometheus.GaugeValue, m.hash)
	}
}

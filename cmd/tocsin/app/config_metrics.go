package app

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"tocsin/dispatcher/config"
)

// configMetrics are Alertmanager's metrics of its configuration, and ours.
type configMetrics struct {
	hash         *hashMetric
	success      prometheus.Gauge
	successTime  prometheus.Gauge
	receivers    prometheus.Gauge
	integrations prometheus.Gauge
	rev          prometheus.Gauge
	differs      prometheus.Gauge
	differing    atomic.Bool
}

func newConfigMetrics(r prometheus.Registerer) *configMetrics {
	f := promauto.With(r)
	gauge := func(name, help string) prometheus.Gauge {
		return f.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	return &configMetrics{
		hash:         newHashMetric(r),
		success:      gauge("alertmanager_config_last_reload_successful", "Whether the last configuration reload attempt was successful."),
		successTime:  gauge("alertmanager_config_last_reload_success_timestamp_seconds", "Timestamp of the last successful configuration reload."),
		receivers:    gauge("alertmanager_receivers", "Number of configured receivers."),
		rev:          gauge("tocsin_config_rev", "Number of the version of the configuration that this node runs."),
		differs:      gauge("tocsin_config_file_differs", "Whether this node's configuration file differs from what the cluster runs."),
		integrations: gauge("alertmanager_integrations", "Number of configured integrations."),
	}
}

// runs notes what this node runs; quiet is how long its hash is not told, see
// hashMetric.
func (m *configMetrics) runs(c *config.Config, quiet time.Duration) {
	m.hash.set(c.Hash, quiet)
	m.rev.Set(float64(c.Rev))
	m.receivers.Set(float64(len(c.Receivers)))
	integrations := 0
	for _, r := range c.Receivers {
		integrations += len(r.Integrations)
	}
	m.integrations.Set(float64(integrations))
}

func (m *configMetrics) reloaded(ok bool) {
	if !ok {
		m.success.Set(0)
		return
	}
	m.success.Set(1)
	m.successTime.SetToCurrentTime()
}

// differ sets whether the file differs and reports whether that is news.
func (m *configMetrics) differ(differs bool) bool {
	if !differs {
		m.differs.Set(0)
		m.differing.Store(false)
		return false
	}
	m.differs.Set(1)
	return !m.differing.Swap(true)
}

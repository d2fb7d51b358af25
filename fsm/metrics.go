package fsm

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/fsm/command"
)

// metrics are what the machine counts. It never looks at a clock itself: the
// library's timer does.
type metrics struct {
	reg      prometheus.Registerer
	all      []prometheus.Collector
	commands *prometheus.CounterVec
	took     prometheus.Histogram
	size     prometheus.Histogram
	restores prometheus.Counter
}

func newMetrics(m *Machine, reg prometheus.Registerer) (*metrics, error) {
	x := &metrics{
		reg: reg,
		commands: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tocsin_fsm_commands_total",
			Help: "Commands applied by this node, by what they are and what became of them.",
		}, []string{"command", "result"}),
		took: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "tocsin_fsm_apply_duration_seconds",
			Help:    "How long applying a batch of log entries took, with its sync to disk.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 15),
		}),
		size: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "tocsin_fsm_apply_batch_entries",
			Help:    "How many log entries were applied together.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 8),
		}),
		restores: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tocsin_fsm_restores_total",
			Help: "Snapshots that replaced the state of this node.",
		}),
	}
	x.all = []prometheus.Collector{x.commands, x.took, x.size, x.restores}
	x.all = append(x.all, gauges(m)...)
	if reg == nil {
		return x, nil
	}
	for i, c := range x.all {
		if err := reg.Register(c); err != nil {
			x.all = x.all[:i]
			x.unregister()
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return x, nil
}

// gauges are read from the view when they are asked for.
func gauges(m *Machine) []prometheus.Collector {
	var all []prometheus.Collector
	gauge := func(name, help string, value func() float64) {
		all = append(all, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	gauge("tocsin_fsm_applied_index", "The log index up to which this node has applied.",
		func() float64 { return float64(m.View().Index()) })
	gauge("tocsin_fsm_ledger_entries", "Delivery keys in the ledger.",
		func() float64 { return float64(m.View().EntryCount()) })
	gauge("tocsin_fsm_live_claims", "Delivery keys that a node is about to send for.",
		func() float64 { return float64(m.View().ClaimCount()) })
	gauge("tocsin_fsm_silences", "Silences in the state, expired ones included.",
		func() float64 { return float64(m.View().SilenceCount()) })
	gauge("tocsin_fsm_config_version", "The active version of the configuration, 0 if there is none.",
		func() float64 {
			if c := m.View().Config(); c != nil {
				return float64(c.Rev)
			}
			return 0
		})
	gauge("tocsin_store_state_bytes", "Size of the state file's used part.",
		func() float64 {
			n, _, err := m.state.Size()
			if err != nil {
				return 0
			}
			return float64(n)
		})
	gauge("tocsin_store_state_free_bytes", "How much of the state file's used part holds nothing.",
		func() float64 {
			_, n, err := m.state.Size()
			if err != nil {
				return 0
			}
			return float64(n)
		})
	return all
}

// batch begins to measure a batch; the returned function ends it.
func (x *metrics) batch(entries int) func([]decoded, [][]command.Result) {
	timer := prometheus.NewTimer(x.took)
	return func(batch []decoded, results [][]command.Result) {
		timer.ObserveDuration()
		x.size.Observe(float64(entries))
		for i := range batch {
			for j, r := range results[i] {
				name := "unreadable"
				if j < len(batch[i].envelope.Commands) {
					name = batch[i].envelope.Commands[j].Kind().String()
				}
				x.commands.WithLabelValues(name, r.Code.String()).Inc()
			}
		}
	}
}

func (x *metrics) restored() { x.restores.Inc() }

func (x *metrics) unregister() {
	if x.reg == nil {
		return
	}
	for _, c := range x.all {
		x.reg.Unregister(c)
	}
}

package app

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/fsm"
	"tocsin/fsm/model"
)

// silenceCounts is Alertmanager's metric of silences by state. It counts at
// each scrape, because states change with time alone.
type silenceCounts struct {
	machine *fsm.Machine
	now     func() time.Time
	desc    *prometheus.Desc
}

func newSilenceCounts(m *fsm.Machine, now func() time.Time) *silenceCounts {
	return &silenceCounts{m, now, prometheus.NewDesc("alertmanager_silences", "How many silences by state.", []string{"state"}, nil)}
}

// Describe is for the registry.
func (s *silenceCounts) Describe(ch chan<- *prometheus.Desc) { ch <- s.desc }

// Collect is for the registry.
func (s *silenceCounts) Collect(ch chan<- prometheus.Metric) {
	counts := map[model.SilenceState]int{model.SilencePending: 0, model.SilenceActive: 0, model.SilenceExpired: 0}
	now := model.Millis(s.now().UnixMilli())
	for silence := range s.machine.View().Silences() {
		counts[silence.State(now)]++
	}
	for state, count := range counts {
		ch <- prometheus.MustNewConstMetric(s.desc, prometheus.GaugeValue, float64(count), state.String())
	}
}

package dispatcher

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/fsm/model"
)

// states collects alertmanager_alerts: how many alerts fire, by what their
// groups' last ticks found of them.
type states struct {
	core *Dispatcher
	desc *prometheus.Desc
}

func newStates(d *Dispatcher) *states {
	labels := []string{"state"}
	if d.opts.GroupKeyInMetrics {
		labels = append(labels, "group_key")
	}
	return &states{core: d, desc: prometheus.NewDesc("alertmanager_alerts", "How many alerts by state.", labels, nil)}
}

// Describe implements prometheus.Collector.
func (s *states) Describe(ch chan<- *prometheus.Desc) { ch <- s.desc }

// Collect implements prometheus.Collector. As in Alertmanager there is nothing
// to see during the start delay.
func (s *states) Collect(ch chan<- prometheus.Metric) {
	e := s.core.current.Load()
	if e == nil || time.Now().Before(s.core.schedule.gate) {
		return
	}
	now := s.core.opts.Now()
	if s.core.opts.GroupKeyInMetrics {
		for _, g := range e.list() {
			s.emit(ch, g.states(now, nil), g.key)
		}
		return
	}
	// An alert that is in several groups counts once, with the state that is
	// furthest from unprocessed.
	seen := make(map[model.AlertHash]State)
	for _, g := range e.list() {
		g.states(now, seen)
	}
	total := make(map[State]int)
	for _, st := range seen {
		total[st]++
	}
	s.emit(ch, total)
}

func (s *states) emit(ch chan<- prometheus.Metric, counts map[State]int, more ...string) {
	for _, st := range []State{StateActive, StateSuppressed, StateUnprocessed} {
		ch <- prometheus.MustNewConstMetric(s.desc, prometheus.GaugeValue, float64(counts[st]), append([]string{string(st)}, more...)...)
	}
}

// states counts the firing members by state, and notes each in seen if that is
// not nil.
func (g *group) states(now time.Time, seen map[model.AlertHash]State) map[State]int {
	counts := make(map[State]int)
	g.mu.Lock()
	defer g.mu.Unlock()
	for h, r := range g.members {
		if r.Load().Resolved(now) {
			continue
		}
		st := StateUnprocessed
		switch {
		case g.muted.Has(h):
			st = StateSuppressed
		case g.ticks > 0:
			st = StateActive
		}
		counts[st]++
		if seen != nil && weight(st) >= weight(seen[h]) {
			seen[h] = st
		}
	}
	return counts
}

// weight orders states as Alertmanager compares them.
func weight(s State) int {
	switch s {
	case StateSuppressed:
		return 3
	case StateActive:
		return 2
	case StateUnprocessed:
		return 1
	default:
		return 0
	}
}

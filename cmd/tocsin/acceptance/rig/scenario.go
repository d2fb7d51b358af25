package rig

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// Scenario is a time line: what is done when, and what the receivers must then
// be told. Built and run by one goroutine.
type Scenario struct {
	Cluster *Cluster

	t       testing.TB
	zero    time.Time
	actions []action
	wants   []want
	sinks   []*Sink
	late    time.Duration
}

type action struct {
	at   float64
	what string
	do   func()
}

// want is a notification that one sink must be told between two times.
type want struct {
	sink   *Sink
	lo, hi float64
	told   Told
}

// lateness is how late an action may begin without being mentioned.
const lateness = 150 * time.Millisecond

// NewScenario makes an empty time line for a cluster, which may be nil until an
// action sets it.
func NewScenario(t testing.TB, c *Cluster) *Scenario {
	return &Scenario{t: t, Cluster: c}
}

// Zero is the beginning of the time line; set once Run has been called.
func (s *Scenario) Zero() time.Time { return s.zero }

// Watch says which sinks belong to the scenario. What arrives there and is not
// wanted is a failure.
func (s *Scenario) Watch(sinks ...*Sink) { s.sinks = append(s.sinks, sinks...) }

// At does something at a time.
func (s *Scenario) At(at float64, what string, do func()) {
	s.actions = append(s.actions, action{at, what, do})
}

// Post posts alerts to every node at a time.
func (s *Scenario) Post(at float64, alerts ...Alert) {
	s.At(at, "post alerts", func() { s.Cluster.Post(s.t, s.api(alerts)...) })
}

// PostTo posts alerts to one node at a time.
func (s *Scenario) PostTo(node int, at float64, alerts ...Alert) {
	s.At(at, fmt.Sprintf("post alerts to node %d", node), func() {
		if r := s.Cluster.Nodes[node].PostAlerts(s.api(alerts)...); r.Code != 200 {
			s.t.Errorf("POST alerts to %s: %v", s.Cluster.Nodes[node].Name, r)
		}
	})
}

func (s *Scenario) api(alerts []Alert) []APIAlert {
	out := make([]APIAlert, len(alerts))
	for i, a := range alerts {
		out[i] = a.API(s.zero)
	}
	return out
}

// Want says that a sink must be told something between two times.
func (s *Scenario) Want(sink *Sink, lo, hi float64, told Told) {
	if !slices.Contains(s.sinks, sink) {
		s.Watch(sink)
	}
	s.wants = append(s.wants, want{sink, lo, hi, told})
}

// Run lets the time line pass until its end, which must lie behind everything
// on it, and then compares what was told with what was wanted.
func (s *Scenario) Run(end float64) {
	s.t.Helper()
	s.zero = time.Now().Round(time.Millisecond)
	slices.SortStableFunc(s.actions, func(a, b action) int {
		return int((a.at - b.at) * 1e6)
	})
	for _, a := range s.actions {
		s.until(a.at)
		s.late = max(s.late, time.Since(s.zero)-Seconds(a.at))
		a.do()
		if s.t.Failed() {
			s.t.Logf("failed in the action %q at %v s", a.what, a.at)
		}
	}
	s.until(end)
	s.check(end)
}

func (s *Scenario) until(at float64) { time.Sleep(time.Until(s.zero.Add(Seconds(at)))) }

func (s *Scenario) check(end float64) {
	s.t.Helper()
	ok := true
	for _, sink := range s.sinks {
		var wants []want
		for _, w := range s.wants {
			if w.hi > end {
				s.t.Fatalf("BUG: wanted until %v s, but the scenario ends at %v s", w.hi, end)
			}
			if w.sink == sink {
				wants = append(wants, w)
			}
		}
		for _, problem := range judge(s.zero, wants, sink.Arrivals()) {
			ok = false
			s.t.Errorf("%s: %s", sink.Name, problem)
		}
		if !Tested(s.t).Oracle {
			for _, problem := range judgeIDs(sink.Arrivals()) {
				s.t.Errorf("%s: %s", sink.Name, problem)
			}
		}
	}
	if !ok && s.late > lateness {
		s.t.Logf("note: this machine is busy; an action began %v late", s.late)
	}
}

// judge compares what a sink was told with what it should have been told. Only
// accepted requests count. Each arrival is given to the first want that it
// satisfies.
func judge(zero time.Time, wants []want, arrivals []Arrival) []string {
	var problems []string
	open := slices.Clone(wants)
	var strays []Arrival
	for _, a := range arrivals {
		if a.Problem != "" {
			problems = append(problems, fmt.Sprintf("a request at %s is no notification: %s", on(zero, a.At), a.Problem))
			continue
		}
		if !a.Accepted() {
			continue
		}
		i := slices.IndexFunc(open, func(w want) bool {
			return w.covers(zero, a.At) && len(w.told.differences(a.Message, zero)) == 0
		})
		if i < 0 {
			strays = append(strays, a)
			continue
		}
		open = slices.Delete(open, i, i+1)
	}
	for _, a := range strays {
		problems = append(problems, stray(zero, open, a))
	}
	for _, w := range open {
		problems = append(problems, fmt.Sprintf("was not told between %.2f and %.2f s: %v", w.lo, w.hi, w.told))
	}
	return problems
}

// stray describes an arrival that nobody wanted, against the open want of which
// it differs least.
func stray(zero time.Time, open []want, a Arrival) string {
	text := fmt.Sprintf("unwanted notification at %s: %s", on(zero, a.At), a.Message)
	var nearest []string
	for _, w := range open {
		d := w.told.differences(a.Message, zero)
		if !w.covers(zero, a.At) {
			d = append(d, fmt.Sprintf("it came at %s, want between %.2f and %.2f s", on(zero, a.At), w.lo, w.hi))
		}
		if nearest == nil || len(d) < len(nearest) {
			nearest = d
		}
	}
	if nearest != nil {
		text += "\n    against what was wanted: " + strings.Join(nearest, "\n      ")
	}
	return text
}

func (w want) covers(zero, at time.Time) bool {
	s := at.Sub(zero).Seconds()
	return s >= w.lo && s <= w.hi
}

func on(zero, at time.Time) string { return fmt.Sprintf("%.3f s", at.Sub(zero).Seconds()) }

// judgeIDs checks the delivery IDs: every request has one, retries of a message
// have the same, and different messages have different ones.
func judgeIDs(arrivals []Arrival) []string {
	var problems []string
	seen := map[string]bool{}
	for _, a := range arrivals {
		id := a.Header.Get("Idempotency-Key")
		switch {
		case id == "":
			problems = append(problems, "a notification has no Idempotency-Key")
		case a.Accepted() && seen[id]:
			problems = append(problems, "two notifications were accepted with the Idempotency-Key "+id)
		}
		if a.Accepted() {
			seen[id] = true
		}
	}
	return problems
}

// String is the message in short.
func (m *Message) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s to %s, group %s:", m.Status, m.Receiver, m.GroupKey)
	for _, a := range m.Alerts {
		fmt.Fprintf(&b, " %s%s", a.Status, labelString(a.Labels))
	}
	return b.String()
}

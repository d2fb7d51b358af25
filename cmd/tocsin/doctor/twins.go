package doctor

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"tocsin/dispatcher/alert"
)

const (
	// maxTwins bounds the alerts that are compared: what a misconfigured
	// source does it does to all of its alerts.
	maxTwins = 5000
	// maxValues bounds the values that are named.
	maxValues = 5
)

// twinKey is an alert without one of its labels.
type twinKey struct {
	label string
	rest  uint64
}

// twins are the alerts of one key.
type twins struct {
	values  []string
	example string
}

// FindTwins looks for labels in which alerts differ that are the same otherwise,
// where that can only be a mistake: the label names the replica of a Prometheus.
// Prometheus's alert_relabel_configs are there to drop such a label.
func FindTwins(alerts iter.Seq[*alert.Alert]) []Twin {
	groups := map[twinKey]*twins{}
	n := 0
	for a := range alerts {
		if n++; n > maxTwins {
			break
		}
		for i := range a.Labels {
			add(groups, a, i)
		}
	}
	found := map[string]*Twin{}
	for key, g := range groups {
		if len(g.values) < 2 {
			continue
		}
		t := found[key.label]
		if t == nil {
			t = &Twin{Label: key.label, Example: g.example}
			found[key.label] = t
		}
		t.Alerts += len(g.values) - 1
		t.Example = min(t.Example, g.example)
		t.Values = append(t.Values, g.values...)
		slices.Sort(t.Values)
		t.Values = slices.Compact(t.Values)
		t.Values = t.Values[:min(len(t.Values), maxValues)]
	}
	var out []Twin
	for _, t := range found {
		out = append(out, *t)
	}
	slices.SortFunc(out, func(a, b Twin) int { return cmp.Or(cmp.Compare(b.Alerts, a.Alerts), cmp.Compare(a.Label, b.Label)) })
	return out
}

// add puts the alert without its label i where its twins are.
func add(groups map[twinKey]*twins, a *alert.Alert, i int) {
	name := a.Labels[i].Name.Value()
	if !namesReplica(name) {
		return
	}
	key := twinKey{name, without(a.Labels, i)}
	g := groups[key]
	if g == nil {
		g = &twins{example: a.Name()}
		groups[key] = g
	}
	g.values = insert(g.values, a.Labels[i].Value.Value())
}

func insert(list []string, s string) []string {
	if slices.Contains(list, s) || len(list) > 64 {
		return list
	}
	return append(list, s)
}

// without is a hash of the labels but one.
func without(ls alert.Labels, skip int) uint64 {
	var d xxhash.Digest
	d.Reset()
	for i, l := range ls {
		if i == skip {
			continue
		}
		d.WriteString(l.Name.Value())
		d.Write([]byte{0xff})
		d.WriteString(l.Value.Value())
		d.Write([]byte{0})
	}
	return d.Sum64()
}

// namesReplica reports whether a label is one of those that tell the replicas of
// the same Prometheus apart. Others, such as instance or cluster, tell different
// things apart, also where two alerts differ in nothing else.
func namesReplica(label string) bool {
	label = strings.ToLower(label)
	return strings.Contains(label, "replica") ||
		slices.Contains([]string{"prometheus", "prometheus_server", "prometheus_instance", "prom", "ruler", "scraper"}, label)
}

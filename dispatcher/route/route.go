package route

import (
	"slices"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"

	"tocsin/dispatcher/alert"
	"tocsin/fsm/model"
)

// Route is one node of a routing tree. Shared and immutable.
type Route struct {
	// Key is the texts of the matchers from the root to here, joined with
	// "/". It names the route in group keys and need not be unique.
	Key string
	// ID is Key with each route's place among its siblings; it is unique.
	ID string
	// Idx numbers the routes of a tree, children before their parents.
	Idx int

	// Receiver is the name of who is told.
	Receiver string
	// GroupBy are the labels that make up a group, ascending, without
	// repeats. With GroupByAll every label does, whatever GroupBy says.
	GroupBy    []string
	GroupByAll bool

	GroupWait, GroupInterval, RepeatInterval time.Duration
	// MuteTimeIntervals and ActiveTimeIntervals are names of time intervals.
	// They are not inherited.
	MuteTimeIntervals, ActiveTimeIntervals []string
	// Labels are the route labels, inherited ones included, ascending by
	// name. Their values are templates; see RenderLabels.
	Labels []model.Pair

	// Matchers are what the route asks of an alert, sorted as in Key.
	Matchers labels.Matchers
	// Continue: an alert that matches here is offered to later siblings too.
	Continue bool
	// Routes are the children, in the order of the configuration.
	Routes []*Route

	tests    []test
	groupBy  map[alert.Symbol]struct{}
	sameness string
}

// GroupLabels are those of ls by which the route groups.
func (r *Route) GroupLabels(ls alert.Labels) alert.Labels {
	if r.GroupByAll {
		return ls
	}
	n := 0
	for _, l := range ls {
		if r.groups(l.Name) {
			n++
		}
	}
	switch n {
	case 0:
		return nil
	case len(ls):
		return ls
	}
	out := make(alert.Labels, 0, n)
	for _, l := range ls {
		if r.groups(l.Name) {
			out = append(out, l)
		}
	}
	return out
}

func (r *Route) groups(name alert.Symbol) bool {
	_, ok := r.groupBy[name]
	return ok
}

// GroupKey is Alertmanager's key of the group with these labels. It is what
// goes out in messages.
func (r *Route) GroupKey(group alert.Labels) string { return r.Key + ":" + group.String() }

// LedgerKey is GroupKey, with "#2", "#3" … behind it where earlier routes of the
// tree have the same key and receiver. It is model.DeliveryKey's Group.
func (r *Route) LedgerKey(group alert.Labels) string { return r.GroupKey(group) + r.sameness }

// append adds to dst the routes at and below r that labels take.
func (r *Route) append(dst []*Route, ls alert.Labels) []*Route {
	for i := range r.tests {
		if !r.tests[i].matches(ls) {
			return dst
		}
	}
	before := len(dst)
	for _, child := range r.Routes {
		was := len(dst)
		if dst = child.append(dst, ls); len(dst) > was && !child.Continue {
			break
		}
	}
	if len(dst) == before {
		dst = append(dst, r)
	}
	return dst
}

// walk visits r and all below it, parents before their children.
func (r *Route) walk(visit func(*Route)) {
	visit(r)
	for _, child := range r.Routes {
		child.walk(visit)
	}
}

// setGroupBy takes the labels to group by, in any order.
func (r *Route) setGroupBy(names []string) {
	r.GroupBy = slices.Compact(slices.Sorted(slices.Values(names)))
	r.groupBy = make(map[alert.Symbol]struct{}, len(r.GroupBy))
	for _, n := range r.GroupBy {
		r.groupBy[intern(n)] = struct{}{}
	}
}

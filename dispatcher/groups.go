package dispatcher

import (
	"cmp"
	"slices"
	"time"

	"tocsin/dispatcher/alert"
	"tocsin/fsm/model"
)

// GroupFilter says which groups and alerts are wanted. Nil functions want all.
type GroupFilter struct {
	// Receiver takes a receiver's name.
	Receiver func(name string) bool
	// Alert takes an alert and its state, without time intervals.
	Alert func(a *alert.Alert, status AlertStatus) bool
	// Resolved keeps alerts that are over but not let go yet.
	Resolved bool
}

// GroupView is one group at the moment of asking. A group with no wanted alert
// is not shown.
type GroupView struct {
	// Key is Alertmanager's group key.
	Key    string
	Labels alert.Labels
	// RouteLabels are rendered for the wanted alerts.
	RouteLabels map[string]string
	Receiver    string
	RouteID     string
	// MutedBy are the time intervals that mute the group now; nil if none do.
	MutedBy []string
	// Alerts are ordered by job, instance, then labels.
	Alerts []GroupedAlert
}

// GroupedAlert is an alert in a group.
type GroupedAlert struct {
	*alert.Alert
	// Status has MutedBy filled and the state suppressed if the group is
	// muted.
	Status AlertStatus
	// Receivers are those of all groups of the answer that the alert is in,
	// ascending, with repeats. Shared between the groups.
	Receivers []string
}

// Groups is the groups as they are now, ordered by group labels, then receiver.
func (d *Dispatcher) Groups(f GroupFilter) []GroupView {
	e := d.reading()
	if e == nil {
		return nil
	}
	now := d.opts.Now()
	var out []GroupView
	for _, g := range e.list() {
		if f.Receiver != nil && !f.Receiver(g.route.Receiver) {
			continue
		}
		if v, ok := g.show(f, now); ok {
			out = append(out, v)
		}
	}
	slices.SortFunc(out, func(a, b GroupView) int {
		return cmp.Or(alert.CompareLabels(a.Labels, b.Labels), cmp.Compare(a.Receiver, b.Receiver), cmp.Compare(a.RouteID, b.RouteID))
	})
	shareReceivers(out)
	return out
}

// show is the group with the wanted alerts, false if there are none.
func (g *group) show(f GroupFilter, now time.Time) (GroupView, bool) {
	m := g.epoch.muter(g.route, now)
	v := GroupView{Key: g.key, Labels: g.labels, Receiver: g.route.Receiver, RouteID: g.route.ID, MutedBy: m.by}
	for _, r := range g.records() {
		a := r.Load()
		if !f.Resolved && a.Resolved(now.Add(-1)) { // at its very end it is shown
			continue
		}
		s := g.epoch.status(a, now)
		if f.Alert != nil && !f.Alert(a, s) {
			continue
		}
		if len(m.by) > 0 {
			s.State, s.MutedBy = StateSuppressed, m.by
		}
		v.Alerts = append(v.Alerts, GroupedAlert{Alert: a, Status: s})
	}
	if len(v.Alerts) == 0 {
		return GroupView{}, false
	}
	slices.SortFunc(v.Alerts, func(a, b GroupedAlert) int { return alert.Compare(a.Alert, b.Alert) })
	v.RouteLabels = g.routeLabels(v.Alerts)
	return v, true
}

func (g *group) routeLabels(alerts []GroupedAlert) map[string]string {
	if len(g.route.Labels) == 0 {
		return nil
	}
	as := make([]*alert.Alert, len(alerts))
	for i, a := range alerts {
		as[i] = a.Alert
	}
	labels, err := g.route.RenderLabels(g.epoch.setup.Template, g.labels, as)
	if err != nil {
		g.epoch.core.opts.Logger.Error("route labels cannot be rendered", "group_key", g.key, "err", err)
	}
	return labels
}

// shareReceivers gives each alert the receivers of all groups shown that it is
// in.
func shareReceivers(gs []GroupView) {
	of := make(map[model.AlertHash][]string)
	for _, g := range gs {
		for _, a := range g.Alerts {
			of[a.Hash] = append(of[a.Hash], g.Receiver)
		}
	}
	for _, names := range of {
		slices.Sort(names)
	}
	for _, g := range gs {
		for i := range g.Alerts {
			g.Alerts[i].Receivers = of[g.Alerts[i].Hash]
		}
	}
}

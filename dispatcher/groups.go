package dispatcher

import (
	"tocsin/dispatcher/alert"
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
func (d *Dispatcher) Groups(f GroupFilter) []GroupView { return nil }

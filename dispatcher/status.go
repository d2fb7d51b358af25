package dispatcher

import (
	"tocsin/dispatcher/alert"
)

// State is where an alert stands, in the words of Alertmanager's API.
type State string

// The states.
const (
	// StateUnprocessed: no configuration is applied yet.
	StateUnprocessed State = "unprocessed"
	StateActive      State = "active"
	StateSuppressed  State = "suppressed"
)

// AlertStatus is an alert's state at the moment of asking.
type AlertStatus struct {
	State State
	// SilencedBy are silence IDs, ascending; InhibitedBy fingerprints of 16
	// hexadecimal digits; MutedBy names of time intervals, set only for an
	// alert in a group. Each is nil if empty.
	SilencedBy, InhibitedBy, MutedBy []string
}

// Status is where the alert stands now.
func (d *Dispatcher) Status(a *alert.Alert) AlertStatus { return AlertStatus{State: StateUnprocessed} }

// Receivers are the names of the receivers of the routes that the alert takes,
// in the order of the configuration, with repeats.
func (d *Dispatcher) Receivers(a *alert.Alert) []string { return nil }

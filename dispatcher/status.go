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
func (d *Dispatcher) Status(a *alert.Alert) AlertStatus {
	e := d.reading()
	if e == nil {
		return AlertStatus{State: StateUnprocessed}
	}
	return e.status(a, d.opts.Now())
}

// Receivers are the names of the receivers of the routes that the alert takes,
// in the order of the configuration, with repeats.
func (d *Dispatcher) Receivers(a *alert.Alert) []string {
	e := d.reading()
	if e == nil {
		return nil
	}
	routes := e.setup.Routes.Match(a.Labels)
	names := make([]string, len(routes))
	for i, r := range routes {
		names[i] = r.Receiver
	}
	return names
}

// reading is the current epoch when it has all alerts; nil if there is none.
func (d *Dispatcher) reading() *epoch {
	e := d.current.Load()
	if e != nil {
		<-e.filled
	}
	return e
}

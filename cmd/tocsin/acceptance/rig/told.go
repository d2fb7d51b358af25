package rig

import (
	"cmp"
	"fmt"
	"maps"
	"time"
)

// Told is a notification that a scenario wants. Whatever it does not name must
// follow from what it names: status, counts, common labels and annotations,
// fingerprints.
type Told struct {
	Firing, Resolved []Alert
	// Group are the group labels.
	Group map[string]string
	// Receiver is the receiver's name; default "hook".
	Receiver string
	// Key is the group key; empty: not looked at.
	Key string
	// Reason is the reason for the notification; empty: not looked at.
	// Alertmanagers before 0.30 do not give one.
	Reason string
	// Any allows further alerts, and leaves what follows from the alerts
	// unchecked. For scenarios about counts and times only.
	Any bool
}

// differences are all that is wrong with a message; none if it is the wanted
// one.
func (w Told) differences(m *Message, zero time.Time) []string {
	d := &diffs{zero: zero}
	d.text("version", m.Version, "4")
	d.text("receiver", m.Receiver, orElse(w.Receiver, "hook"))
	d.pairs("groupLabels", m.GroupLabels, w.Group)
	if w.Key != "" {
		d.text("groupKey", m.GroupKey, w.Key)
	} else if m.GroupKey == "" {
		d.add("groupKey is empty")
	}
	if w.Reason != "" {
		d.text("notification_reason", m.Reason, w.Reason)
	}
	if m.TruncatedAlerts != 0 {
		d.add("truncatedAlerts is %d, want 0", m.TruncatedAlerts)
	}
	if m.ExternalURL == "" {
		d.add("externalURL is empty")
	}
	status := "resolved"
	if len(w.Firing) > 0 {
		status = "firing"
	}
	d.text("status", m.Status, status)
	w.compareAlerts(d, m)
	return d.list
}

func (w Told) compareAlerts(d *diffs, m *Message) {
	got := map[string]MessageAlert{}
	for _, a := range m.Alerts {
		id := labelString(a.Labels)
		if _, twice := got[id]; twice {
			d.add("alert %s is in it twice", id)
		}
		got[id] = a
	}
	d.order(m.Alerts)
	for _, want := range w.Firing {
		d.alert(got, want, "firing")
	}
	for _, want := range w.Resolved {
		d.alert(got, want, "resolved")
	}
	if w.Any {
		return
	}
	for id, a := range got {
		d.add("unwanted alert %s (%s)", id, a.Status)
	}
	d.pairs("commonLabels", m.CommonLabels, common(w.each(func(a Alert) map[string]string { return a.Labels })))
	d.pairs("commonAnnotations", m.CommonAnnotations, common(w.each(func(a Alert) map[string]string { return a.Notes })))
}

func (w Told) each(f func(Alert) map[string]string) []map[string]string {
	var out []map[string]string
	for _, list := range [][]Alert{w.Firing, w.Resolved} {
		for _, a := range list {
			out = append(out, f(a))
		}
	}
	return out
}

// String is what the notification says, in short.
func (w Told) String() string {
	return fmt.Sprintf("firing %v resolved %v", w.Firing, w.Resolved)
}

// diffs collects differences.
type diffs struct {
	zero time.Time
	list []string
}

func (d *diffs) add(format string, args ...any) {
	d.list = append(d.list, fmt.Sprintf(format, args...))
}

func (d *diffs) text(what, got, want string) {
	if got != want {
		d.add("%s is %q, want %q", what, got, want)
	}
}

func (d *diffs) pairs(what string, got, want map[string]string) {
	if !maps.Equal(got, want) {
		d.add("%s is %s, want %s", what, labelString(got), labelString(want))
	}
}

// alert compares one wanted alert and takes it out of got.
func (d *diffs) alert(got map[string]MessageAlert, want Alert, status string) {
	id := want.String()
	a, ok := got[id]
	if !ok {
		d.add("alert %s (%s) is missing", id, status)
		return
	}
	delete(got, id)
	d.text(id+" status", a.Status, status)
	d.text(id+" fingerprint", a.Fingerprint, Fingerprint(want.Labels))
	d.text(id+" generatorURL", a.GeneratorURL, want.URL)
	d.pairs(id+" annotations", a.Annotations, want.Notes)
	if !want.start.set {
		panic("BUG: the wanted alert " + id + " says no start")
	}
	d.time(id+" startsAt", a.StartsAt, want.start)
	switch {
	case status == "firing":
		if !a.EndsAt.IsZero() {
			d.add("%s endsAt is %v, want none: it fires", id, a.EndsAt)
		}
	case !want.end.set:
		panic("BUG: the wanted resolved alert " + id + " says no end")
	default:
		d.time(id+" endsAt", a.EndsAt, want.end)
	}
}

// order checks that the alerts are sorted by job and then instance.
func (d *diffs) order(alerts []MessageAlert) {
	for i := 1; i < len(alerts); i++ {
		a, b := alerts[i-1].Labels, alerts[i].Labels
		if cmp.Or(cmp.Compare(a["job"], b["job"]), cmp.Compare(a["instance"], b["instance"])) > 0 {
			d.add("alert %s stands before %s", labelString(a), labelString(b))
		}
	}
}

// time compares a time with one on the time line: exactly to the millisecond, or
// within the span.
func (d *diffs) time(what string, got time.Time, want span) {
	lo, hi := moment(d.zero, want.lo), moment(d.zero, want.hi)
	if got.Before(lo) || got.After(hi) {
		d.add("%s is at %.3f s, want %s", what, got.Sub(d.zero).Seconds(), want)
	}
}

// String is the span in seconds.
func (s span) String() string {
	if s.lo == s.hi {
		return fmt.Sprintf("%.3f s", s.lo)
	}
	return fmt.Sprintf("%.3f to %.3f s", s.lo, s.hi)
}

func orElse(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

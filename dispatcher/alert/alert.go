package alert

import (
	"time"

	upstream "github.com/prometheus/alertmanager/alert"
	prommodel "github.com/prometheus/common/model"

	"tocsin/fsm/model"
)

// Alert is one alert as it was at some moment. It is immutable once it is in a
// Store.
type Alert struct {
	Labels      Labels
	Annotations Annotations
	// StartsAt, EndsAt and UpdatedAt are nanoseconds since the Unix epoch; 0
	// is "not set". Times beyond the years 1678 to 2262 are moved to the
	// nearest that fits.
	StartsAt, EndsAt, UpdatedAt int64
	// GeneratorURL may be the zero Symbol; read it with Generator.
	GeneratorURL Symbol
	// Fingerprint and Hash are those of Labels. See Of.
	Fingerprint uint64
	Hash        model.AlertHash
	// Timeout says that EndsAt was not given but follows from the
	// resolve_timeout.
	Timeout bool
	// keptUntil is until when the alert counts as firing although its end has
	// passed; see Restored.
	keptUntil int64
}

// Of is an alert with these labels, with its fingerprint and hash computed and
// all else unset.
func Of(ls Labels) Alert {
	return Alert{Labels: ls, Fingerprint: ls.Fingerprint(), Hash: ls.Hash()}
}

// Name is the label alertname, or the empty string.
func (a *Alert) Name() string { return a.Labels.Get(prommodel.AlertNameLabel) }

// Generator is the generator URL, or the empty string.
func (a *Alert) Generator() string {
	if a.GeneratorURL == (Symbol{}) {
		return ""
	}
	return a.GeneratorURL.Value()
}

// Resolved reports whether the alert is over at now: an end is set and not in
// the future, and it is not kept. An alert resolves by time as well as by an
// update, so ask again whenever it matters.
func (a *Alert) Resolved(now time.Time) bool { return a.resolvedAt(now.UnixNano()) }

func (a *Alert) resolvedAt(now int64) bool {
	return a.EndsAt != 0 && a.EndsAt <= now && a.keptUntil <= now
}

// Time is the moment ns nanoseconds after the Unix epoch, in UTC, and the zero
// time for 0.
func Time(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns).UTC()
}

// Nanos is the reverse of Time: 0 for the zero time, and the nearest that fits
// for a time out of range.
func Nanos(t time.Time) int64 {
	switch {
	case t.IsZero():
		return 0
	case t.Before(earliest):
		return earliest.UnixNano()
	case t.After(latest):
		return latest.UnixNano()
	default:
		return t.UnixNano()
	}
}

// The first and the last second that nanoseconds in 64 bits can say.
var (
	earliest = time.Date(1677, 9, 21, 0, 12, 44, 0, time.UTC)
	latest   = time.Date(2262, 4, 11, 23, 47, 16, 0, time.UTC)
)

// Upstream is a new alert of Alertmanager's type, for its notifiers and
// templates. It is costly: use it for sending only.
func (a *Alert) Upstream() *upstream.Alert {
	u := &upstream.Alert{UpdatedAt: Time(a.UpdatedAt), Timeout: a.Timeout}
	u.Labels = make(prommodel.LabelSet, len(a.Labels))
	for n, v := range a.Labels.All() {
		u.Labels[prommodel.LabelName(n)] = prommodel.LabelValue(v)
	}
	u.Annotations = make(prommodel.LabelSet)
	for n, v := range a.Annotations.All() {
		u.Annotations[prommodel.LabelName(n)] = prommodel.LabelValue(v)
	}
	u.StartsAt, u.EndsAt = Time(a.StartsAt), Time(a.EndsAt)
	u.GeneratorURL = a.Generator()
	return u
}

package dispatcher

import (
	"strconv"
	"time"

	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/route"
)

// muting says why an alert is not told of.
type muting uint8

// The reasons, in the order in which they are looked for.
const (
	mutedNot muting = iota
	mutedInhibited
	mutedInactive
	mutedInterval
	mutedSilenced
)

// String is Alertmanager's label in notifications_suppressed_total.
func (m muting) String() string {
	switch m {
	case mutedInhibited:
		return "inhibition"
	case mutedInactive:
		return "active_time_interval"
	case mutedInterval:
		return "mute_time_interval"
	case mutedSilenced:
		return "silence"
	default:
		return "none"
	}
}

// muter judges the alerts of one group at one moment.
type muter struct {
	epoch *epoch
	now   time.Time
	// judged is the moment as of which alerts inhibit others.
	judged time.Time
	// hours is why the route's time intervals mute all of the group now, and
	// by which of them.
	hours muting
	by    []string
}

// muter is for the groups of r at now.
func (e *epoch) muter(r *route.Route, now time.Time) *muter {
	m := &muter{epoch: e, now: now, judged: e.core.hearing.judged(e.core.mode(), now)}
	if len(r.ActiveTimeIntervals) > 0 {
		if active, _ := e.inside(r.ActiveTimeIntervals, now); !active {
			m.hours, m.by = mutedInactive, r.ActiveTimeIntervals
			return m
		}
	}
	if len(r.MuteTimeIntervals) > 0 {
		if muted, by := e.inside(r.MuteTimeIntervals, now); muted {
			m.hours, m.by = mutedInterval, by
		}
	}
	return m
}

// inside reports which of the named intervals now is in. A name that does not
// exist, which a checked configuration has none of, mutes nothing.
func (e *epoch) inside(names []string, now time.Time) (bool, []string) {
	in, by, err := e.setup.Intervals.Mutes(names, now)
	if err != nil {
		e.core.opts.Logger.Error("time interval cannot be looked at", "err", err)
		return false, nil
	}
	return in, by
}

// judge says whether a is muted, and why.
func (m *muter) judge(a *alert.Alert) muting {
	if by, inhibited := m.epoch.inhibitor.Inhibits(a, m.judged); inhibited {
		m.epoch.core.opts.Events.Inhibited(by.Fingerprint, a)
		return mutedInhibited
	}
	if m.hours != mutedNot {
		return m.hours
	}
	if ids := m.epoch.core.opts.Silences.Mutes(a, m.now); ids != nil {
		m.epoch.core.opts.Events.Silenced(ids, a)
		return mutedSilenced
	}
	return mutedNot
}

// status is what the API shows: everything that holds the alert back, but the
// time intervals.
func (e *epoch) status(a *alert.Alert, now time.Time) AlertStatus {
	s := AlertStatus{State: StateActive}
	if by, inhibited := e.inhibitor.Inhibits(a, now); inhibited {
		s.State, s.InhibitedBy = StateSuppressed, []string{fingerprintText(by.Fingerprint)}
	}
	if ids := e.core.opts.Silences.Mutes(a, now); len(ids) > 0 {
		s.State, s.SilencedBy = StateSuppressed, ids
	}
	return s
}

// fingerprintText is 16 hexadecimal digits.
func fingerprintText(fp uint64) string {
	const zeros = "0000000000000000"
	s := strconv.FormatUint(fp, 16)
	return zeros[len(s):] + s
}

package dispatcher

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"

	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/notify"
	"tocsin/dispatcher/trace"
	"tocsin/fsm/model"
)

// view is a group as it was at one tick. It does not change but for withheld.
// Notifications are about a
// view, so that what fires between two ticks waits for the next, whichever node
// sends and however often it has to try.
type view struct {
	group *group
	// seq counts the group's ticks, tick is the tick by the monotonic clock,
	// now by the wall clock.
	seq  uint64
	tick time.Time
	now  time.Time
	// alerts are all of the group, ascending by hash.
	alerts []seen

	firing, resolved, muted model.AlertSet
	// lapsed are those that resolved while they were muted. Nobody is told of
	// that, as in Alertmanager.
	lapsed model.AlertSet
	// silent are those of resolved that nobody reported as resolved: their end
	// came because their source was not heard of again.
	silent model.AlertSet
	// kept are those of firing, outlived those of resolved, whose source was not
	// heard since a restart in which their end passed (alert.Restored).
	kept, outlived model.AlertSet
	// withheld: some integration was not told of silent ones, so none of them
	// may be let go.
	withheld *atomic.Bool
	// flush is the tick in traces; nil while nothing is traced.
	flush *trace.Span
}

// seen is an alert as a view has it.
type seen struct {
	record   *alert.Record
	alert    *alert.Alert
	resolved bool
	muted    muting
}

// look makes a view of the records.
func (g *group) look(records []*alert.Record, tick, now time.Time) *view {
	v := &view{group: g, tick: tick, now: now, withheld: new(atomic.Bool), alerts: make([]seen, 0, len(records))}
	m := g.epoch.muter(g.route, now)
	var suppressed [mutedSilenced + 1]int
	for _, r := range records {
		a := r.Load()
		s := seen{record: r, alert: a, resolved: a.Resolved(m.judged), muted: m.judge(a)}
		suppressed[s.muted]++
		v.alerts = append(v.alerts, s)
	}
	slices.SortFunc(v.alerts, func(a, b seen) int { return cmp.Compare(a.alert.Hash, b.alert.Hash) })
	for i := range v.alerts {
		v.file(&v.alerts[i])
	}
	g.epoch.core.metrics.suppress(suppressed[:])
	return v
}

// file puts an alert into the set that it belongs to. Alerts come in ascending
// order.
func (v *view) file(s *seen) {
	h := s.alert.Hash
	switch {
	case s.muted != mutedNot && s.resolved:
		v.lapsed = append(v.lapsed, h)
	case s.muted != mutedNot:
		v.muted = append(v.muted, h)
	case !s.resolved:
		v.firing = append(v.firing, h)
		if s.alert.Kept(v.now) || s.alert.Outlived(v.now) {
			v.kept = append(v.kept, h)
		}
	default:
		if s.alert.Outlived(v.now) {
			v.outlived = append(v.outlived, h)
		}
		v.resolved = append(v.resolved, h)
		if s.alert.EndsAt > s.alert.UpdatedAt {
			v.silent = append(v.silent, h)
		}
	}
}

// situation is the view as dedup sees it. A node that sees none of the others, or
// is not in step with them, cannot tell a source that went silent from one that
// it does not hear, so it does not call resolved what nobody said is. What was
// kept over a restart is no news: it fires where base says that the receiver was
// told so, and else waits for its source. If the source stays silent, its end is
// for those to hear who may believe that it fires.
func (v *view) situation(sendResolved, unsure bool, base *model.Entry) Situation {
	s := Situation{
		Firing: v.firing, Resolved: v.resolved, Muted: v.muted,
		SendResolved: sendResolved, Repeat: v.group.route.RepeatInterval,
		Tick: millis(v.now), Now: millis(v.group.epoch.core.opts.Now()),
	}
	if unsure && len(v.silent) > 0 {
		v.withheld.Store(true)
		s.Resolved, s.Muted = s.Resolved.Minus(v.silent), s.Muted.Union(v.silent)
	}
	if past := v.past(base); len(past) > 0 {
		s.Firing, s.Muted = s.Firing.Minus(past), s.Muted.Union(past)
	}
	if len(v.kept) > 0 {
		untold := v.kept.Minus(base.Must)
		s.Firing, s.Muted = s.Firing.Minus(untold), s.Muted.Union(untold)
	}
	if len(v.outlived) > 0 {
		s.Resolved = s.Resolved.Minus(v.outlived.Minus(base.Must).Minus(base.Maybe))
	}
	return s
}

// past are those that fired at the tick, have ended since, and were told as
// resolved, by a node that has looked at them later than this view did: a process
// that stood still comes back with an old view, and must not tell it (I17). If it
// is in doubt what was told of them last, their end is what is left to tell, at
// the next tick.
func (v *view) past(base *model.Entry) model.AlertSet {
	told := v.firing.Intersect(base.Resolved.Union(base.Maybe))
	if len(told) == 0 {
		return nil
	}
	now := v.group.epoch.core.opts.Now()
	var past model.AlertSet
	for i := range v.alerts {
		if s := &v.alerts[i]; told.Has(s.alert.Hash) && s.record.Load().Resolved(now) {
			past = append(past, s.alert.Hash)
		}
	}
	return past
}

// mayGo reports whether an alert of a concluded view is over for good: resolved
// at the tick, and still the same occurrence, resolved, at now.
func (v *view) mayGo(s *seen, now time.Time) bool {
	if !s.resolved || v.withheld.Load() && v.silent.Has(s.alert.Hash) {
		return false
	}
	a := s.record.Load()
	return a.StartsAt == s.alert.StartsAt && a.Resolved(now)
}

// narrowed is what is left of a claimed message when it is about to be sent.
type narrowed struct {
	firing, resolved, muted model.AlertSet
	alerts                  []notify.Told
}

// narrow looks again at the alerts of a message, at now: those that have been
// muted since are left out (I7), and resolved ones that fire again, which wait
// for the next tick as if they were muted. Nothing is added. A firing alert that has resolved since is still told as firing, as
// it was at the tick; that it resolved is told at the next.
func (v *view) narrow(firing, resolved model.AlertSet, now time.Time) narrowed {
	m := v.group.epoch.muter(v.group.route, now)
	var n narrowed
	for i := range v.alerts {
		s := &v.alerts[i]
		h := s.alert.Hash
		asFiring, asResolved := firing.Has(h), resolved.Has(h)
		if !asFiring && !asResolved {
			continue
		}
		a := s.record.Load()
		over := a.Resolved(now)
		switch {
		case m.judge(a) != mutedNot:
			if asFiring || !over {
				n.muted = append(n.muted, h)
			}
		case asResolved && over:
			n.resolved = append(n.resolved, h)
			n.alerts = append(n.alerts, notify.Told{Alert: a, Resolved: true})
		case asResolved:
			n.muted = append(n.muted, h)
		default:
			if over {
				a = s.alert
			}
			n.firing = append(n.firing, h)
			n.alerts = append(n.alerts, notify.Told{Alert: a})
		}
	}
	return n
}

// after is v without what a narrow look at these of its alerts has left out.
func (v *view) after(n narrowed, firing, resolved model.AlertSet) *view {
	by := *v
	by.firing = v.firing.Minus(firing).Union(n.firing)
	by.resolved = v.resolved.Minus(resolved).Union(n.resolved)
	by.muted = v.muted.Union(n.muted)
	by.lapsed = v.lapsed.Union(resolved.Minus(n.resolved).Minus(n.muted))
	return &by
}

func millis(t time.Time) model.Millis { return model.Millis(t.UnixMilli()) }

package dispatcher

import (
	"context"
	"sync"
	"time"

	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/inhibit"
	"tocsin/dispatcher/route"
)

// epoch is the reign of one configuration: its groups and its inhibition rules.
// A reload begins a new one; what the old one is sending is finished, the rest
// of it is dropped.
type epoch struct {
	core      *Dispatcher
	setup     Setup
	inhibitor *inhibit.Inhibitor
	// first: it is the process's first. Its groups go on where those of the
	// process before were; after a reload they start anew.
	first bool
	// ctx ends with the epoch. Sends under way do not depend on it.
	ctx context.Context
	end context.CancelFunc
	// filled is closed when the store's alerts are grouped.
	filled chan struct{}

	mu sync.RWMutex // guards what follows; taken after a group's lock
	// groups are those alive.
	groups map[groupID]*group
	// open: groups are timed. Before that they gather alerts only, so that no
	// group is looked at that has half of its alerts.
	open bool
	// over: no group is created any more.
	over bool
}

func newEpoch(d *Dispatcher, s Setup, ih *inhibit.Inhibitor) *epoch {
	e := &epoch{
		core: d, setup: s, inhibitor: ih,
		filled: make(chan struct{}), groups: make(map[groupID]*group),
	}
	e.ctx, e.end = context.WithCancel(d.life)
	return e
}

// fill groups the alerts of the store and then starts the timers. Sources of
// inhibition are all known before the first group is looked at.
func (e *epoch) fill(store *alert.Store) {
	for r := range store.All() {
		e.inhibitor.Observe(r)
	}
	for r := range store.All() {
		e.group(nil, r)
	}
	e.mu.Lock()
	e.open = true
	e.mu.Unlock()
	e.arm(e.list())
	close(e.filled)
}

// take is for changes of alerts after they are in the store. Sources of
// inhibition come first: a target in the same batch must find them.
func (e *epoch) take(changes []alert.Change) {
	for _, c := range changes {
		e.inhibitor.Observe(c.Record)
	}
	var fresh []*group
	now := e.core.opts.Now()
	for _, c := range changes {
		fresh = e.group(fresh, c.Record)
		if c.Old != nil && c.Old.Kept(now) && !c.New.Resolved(now) {
			e.spoken(c.Record)
		}
	}
	e.arm(fresh)
}

// spoken has the groups of an alert that was kept over a restart looked at after
// the group wait, now that its source has spoken. It may never have been told.
func (e *epoch) spoken(r *alert.Record) {
	labels := r.Load().Labels
	for _, rt := range e.setup.Routes.AppendMatch(nil, labels) {
		e.mu.RLock()
		g := e.groups[groupID{rt.Idx, rt.GroupLabels(labels).Hash()}]
		e.mu.RUnlock()
		if g != nil {
			e.core.schedule.advance(&g.slot, time.Now().Add(rt.GroupWait))
		}
	}
}

// group puts a record into the groups that it belongs to, and adds those that it
// had to create to fresh. They are not timed yet: a group that is due at once
// must not be looked at before the rest of the batch is in it.
func (e *epoch) group(fresh []*group, r *alert.Record) []*group {
	var room [8]*route.Route
	a := r.Load()
	for _, rt := range e.setup.Routes.AppendMatch(room[:0], a.Labels) {
		if g := e.enter(rt, r, a); g != nil {
			fresh = append(fresh, g)
		}
	}
	return fresh
}

// enter puts a record into its group of one route, and returns the group if it
// had to be created.
func (e *epoch) enter(rt *route.Route, r *alert.Record, a *alert.Alert) (fresh *group) {
	labels := rt.GroupLabels(a.Labels)
	id := groupID{rt.Idx, labels.Hash()}
	for {
		e.mu.RLock()
		g, open := e.groups[id], e.open
		e.mu.RUnlock()
		if g == nil {
			var created bool
			if g, created = e.create(rt, labels, a); created {
				fresh = g
			}
		} else if !open {
			e.hasten(g, a)
		}
		if g == nil || g.insert(r) {
			return fresh
		}
	}
}

// create adds a group, unless another goroutine has meanwhile. Its first tick is
// after the group wait, or at once if the alert that creates it is older than
// that. It is nil once the epoch is over; the next one has the alert.
func (e *epoch) create(rt *route.Route, labels alert.Labels, a *alert.Alert) (g *group, created bool) {
	fresh := newGroup(e, rt, labels)
	e.mu.Lock()
	defer e.mu.Unlock()
	if g := e.groups[fresh.id]; g != nil || e.over {
		return g, false
	}
	e.groups[fresh.id] = fresh
	e.core.metrics.groups.Inc()
	fresh.slot.at = time.Now()
	if !e.overdue(rt, a) {
		fresh.slot.at = fresh.slot.at.Add(rt.GroupWait)
	}
	return fresh, true
}

// arm times groups. While the epoch is not open they wait with all others.
func (e *epoch) arm(gs []*group) {
	if len(gs) == 0 {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, g := range gs {
		if e.open && !g.armed {
			g.armed = true
			e.core.schedule.push(&g.slot, g.slot.at)
		}
	}
}

// hasten makes a group due at once if a is older than the group wait. While an
// epoch is filled the order of alerts means nothing, so it must not matter which
// of them creates the group.
func (e *epoch) hasten(g *group, a *alert.Alert) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if now := time.Now(); !e.open && e.overdue(g.route, a) && now.Before(g.slot.at) {
		g.slot.at = now
	}
}

// overdue reports whether an alert would have been told already if its group
// had been there from the start.
func (e *epoch) overdue(rt *route.Route, a *alert.Alert) bool {
	return alert.Time(a.StartsAt).Add(rt.GroupWait).Before(e.core.opts.Now())
}

// forget takes a dead group out. The group's lock is held.
func (e *epoch) forget(g *group) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.groups[g.id] == g {
		delete(e.groups, g.id)
		e.core.metrics.groups.Dec()
	}
}

// list is the groups alive, in no order.
func (e *epoch) list() []*group {
	e.mu.RLock()
	defer e.mu.RUnlock()
	gs := make([]*group, 0, len(e.groups))
	for _, g := range e.groups {
		gs = append(gs, g)
	}
	return gs
}

// close ends the epoch: waits of its deliveries end, its timers are gone, its
// alerts are the store's again.
func (e *epoch) close() {
	e.end()
	e.mu.Lock()
	e.over = true
	e.mu.Unlock()
	e.core.schedule.drop(e)
	for _, g := range e.list() {
		g.close()
		e.forget(g)
	}
}

package dispatcher

import (
	"sync"
	"time"

	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/event"
	"tocsin/dispatcher/route"
	"tocsin/fsm/model"
)

// group is the alerts of one route that are told together.
type group struct {
	epoch  *epoch
	id     groupID
	route  *route.Route
	labels alert.Labels
	// key is Alertmanager's group key.
	key        string
	deliveries []*delivery
	slot       slot
	// armed: the slot was pushed. Guarded by the epoch's lock.
	armed bool

	mu sync.Mutex // guards what follows
	// members are held in the store until the group lets them go.
	members map[model.AlertHash]*alert.Record
	// begun: there was a tick.
	begun bool
	// dead: the group is empty and out of its epoch; nothing may enter.
	dead bool
	// view is that of the last tick, nil once it is concluded.
	view *view
	// ticks counts looks at the group; muted are the members that were muted
	// at the last.
	ticks uint64
	muted model.AlertSet
}

// groupID is a route with the hash of the group's labels.
type groupID struct {
	route  int
	labels model.AlertHash
}

func newGroup(e *epoch, r *route.Route, labels alert.Labels) *group {
	g := &group{
		epoch: e, id: groupID{r.Idx, labels.Hash()}, route: r, labels: labels,
		key: r.GroupKey(labels), members: make(map[model.AlertHash]*alert.Record),
	}
	g.slot = slot{fire: g.tick, of: e}
	ledger := r.LedgerKey(labels)
	for _, to := range e.setup.Receivers[r.Receiver] {
		g.deliveries = append(g.deliveries, newDelivery(g, to, ledger))
	}
	return g
}

// insert takes a record in. It returns false if the group is dead.
func (g *group) insert(r *alert.Record) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.dead {
		return false
	}
	h := r.Load().Hash
	// A record that cannot be held has left the store: its alert was over, and
	// nothing of it is left to tell.
	if g.members[h] != r && r.Hold() {
		g.members[h] = r
		g.epoch.core.opts.Events.Grouped(g.described(), r.Load())
	}
	return true
}

// tick looks at the group and has its integrations told what they do not know.
// The next tick is set first, so what follows cannot delay it.
func (g *group) tick() {
	core := g.epoch.core
	began := time.Now()
	if g.epoch.ctx.Err() != nil || !g.again(began) {
		return
	}
	v := g.look(g.records(), began, core.opts.Now())
	v.flush = g.traced(began, len(v.alerts))
	g.publish(v)
	for _, d := range g.deliveries {
		d.offer(v)
	}
	if len(g.deliveries) == 0 {
		g.letGo()
	}
}

// again sets the next tick. It returns false if this one is not to be: the group
// is dead, and a last tick of it may have been on its way already; or it is the
// first after a start, and too early for all of the group's integrations.
func (g *group) again(tick time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.dead {
		return false
	}
	next, look := g.route.GroupInterval, true
	if g.epoch.first && !g.begun {
		next, look = g.resume()
	}
	g.begun = true
	g.epoch.core.schedule.push(&g.slot, tick.Add(next))
	return look
}

// resume takes the timer up where the ledger says that it was, in how long the
// next tick is, and whether the group is to be looked at now. A time in the
// future, of a faulty clock, says nothing.
func (g *group) resume() (next time.Duration, look bool) {
	core, interval := g.epoch.core, g.route.GroupInterval
	next, look = interval, len(g.deliveries) == 0
	for _, d := range g.deliveries {
		e, ok := core.opts.Ledger.Entry(d.key)
		if !ok {
			look = true
			continue
		}
		left := interval - core.opts.Now().Sub(time.UnixMilli(int64(e.Stamp)))
		if left <= 0 || left > interval {
			look = true
			continue
		}
		next = min(next, left)
	}
	return next, look
}

// described is the group for events.
func (g *group) described() event.Group {
	return event.Group{Key: g.key, Receiver: g.route.Receiver, Labels: g.labels}
}

func (g *group) records() []*alert.Record {
	g.mu.Lock()
	defer g.mu.Unlock()
	rs := make([]*alert.Record, 0, len(g.members))
	for _, r := range g.members {
		rs = append(rs, r)
	}
	return rs
}

func (g *group) publish(v *view) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ticks++
	v.seq = g.ticks
	g.view, g.muted = v, v.muted
}

// letGo drops the resolved alerts of the last view, once every integration was
// told of it or did not need to be (design: a flush that is done or covered). An
// alert that has changed since the tick stays, unless it is the same resolved
// occurrence. A group that is empty then is over.
func (g *group) letGo() {
	g.mu.Lock()
	defer g.mu.Unlock()
	v := g.view
	if v == nil || g.dead || !g.concluded(v.seq) {
		return
	}
	now := g.epoch.core.opts.Now()
	for i := range v.alerts {
		if s := &v.alerts[i]; v.mayGo(s, now) && g.members[s.alert.Hash] == s.record {
			delete(g.members, s.alert.Hash)
			g.epoch.core.opts.Events.Resolved(g.described(), s.alert)
			s.record.Drop()
			// An update between the two looks at the alert has not found it
			// missing, so it is taken back.
			if !s.record.Load().Resolved(now) && s.record.Hold() {
				g.members[s.alert.Hash] = s.record
			}
		}
	}
	g.view = nil
	if len(g.members) == 0 {
		g.dead = true
		g.epoch.core.schedule.remove(&g.slot)
		g.epoch.forget(g)
	}
}

func (g *group) concluded(seq uint64) bool {
	for _, d := range g.deliveries {
		if d.concluded.Load() < seq {
			return false
		}
	}
	return true
}

// close gives the members back to the store.
func (g *group) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.dead = true
	for _, r := range g.members {
		r.Drop()
	}
	g.members = nil
	for _, d := range g.deliveries {
		d.count(false)
	}
}

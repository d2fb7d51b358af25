package dispatcher

import (
	"sync"
	"sync/atomic"
	"time"

	"tocsin/dispatcher/trace"
	"tocsin/fsm/model"
)

// delivery is one integration of one group, on this node: it watches what the
// receiver knows, and sees to it that it is told. It is quiet, with no goroutine
// and no timer, while there is nothing to tell.
type delivery struct {
	group *group
	to    Integration
	key   model.DeliveryKey
	// slot is in the schedule while the delivery waits for a moment that is
	// not near.
	slot slot
	// concluded is the seq of the newest view that is told or needs no telling.
	concluded atomic.Uint64

	mu sync.Mutex // guards view and running
	// view is the newest one that is not concluded.
	view *view
	// running: a goroutine has the delivery in hand. What follows belongs to
	// it.
	running bool
	// pending: it is counted as having something to tell.
	pending atomic.Bool

	fresh chan struct{} // poked when there is a new view
	pace  pace
	// act is what is done now, in traces; nil while nothing is traced.
	traced *trace.Span
}

func newDelivery(g *group, to Integration, ledgerGroup string) *delivery {
	d := &delivery{
		group: g, to: to, fresh: make(chan struct{}, 1),
		key: model.DeliveryKey{Group: ledgerGroup, Receiver: g.route.Receiver, Integration: to.Identity()},
	}
	d.slot = slot{fire: d.wake, of: g.epoch}
	return d
}

// offer gives the delivery a new view of its group. Whoever has it in hand looks
// at that from now on.
func (d *delivery) offer(v *view) {
	d.mu.Lock()
	d.view = v
	busy := d.running
	d.running = true
	d.mu.Unlock()
	if busy {
		poke(d.fresh)
		return
	}
	d.take()
}

// wake is called when the moment that the delivery waited for has come.
func (d *delivery) wake() {
	d.mu.Lock()
	busy := d.running || d.view == nil
	if !busy {
		d.running = true
	}
	d.mu.Unlock()
	if !busy {
		d.take()
	}
}

// take decides what is next. Only what needs waiting or sending gets a
// goroutine: mostly nothing has to be told.
func (d *delivery) take() {
	core := d.group.epoch.core
	for {
		if d.group.epoch.ctx.Err() != nil {
			d.rest()
			return
		}
		v := d.latest()
		s := d.next(v)
		switch {
		case s.does == stepQuiet:
			if d.conclude(v) {
				return
			}
		case s.does == stepWait && s.far():
			d.park(s.until)
			return
		default:
			if !core.begin(d.run) {
				d.rest()
			}
			return
		}
	}
}

func (d *delivery) latest() *view {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.view
}

// conclude ends the work on v. It returns false if there is a newer view.
func (d *delivery) conclude(v *view) bool {
	d.mu.Lock()
	if d.view != v {
		d.mu.Unlock()
		return false
	}
	d.pace.rest()
	d.view, d.running = nil, false
	d.concluded.Store(v.seq)
	d.mu.Unlock()
	d.count(false)
	d.group.letGo()
	return true
}

// replace puts a newer look at the same tick in the place of v.
func (d *delivery) replace(v, by *view) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.view == v {
		d.view = by
	}
}

// park leaves the delivery to the schedule.
func (d *delivery) park(until time.Time) {
	d.count(true)
	// In this order: the slot may be due at once, and wake must find that
	// nobody has the delivery in hand.
	d.rest()
	d.group.epoch.core.schedule.push(&d.slot, until)
	if d.group.epoch.ctx.Err() != nil {
		d.count(false)
	}
}

// rest gives the delivery out of hand.
func (d *delivery) rest() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.running = false
}

// count keeps the number of deliveries that have something to tell.
func (d *delivery) count(pending bool) {
	switch was := d.pending.Swap(pending); {
	case pending && !was:
		d.group.epoch.core.pending.Add(1)
	case !pending && was:
		d.group.epoch.core.pending.Add(-1)
	}
}

// run has the delivery in hand until it is told, far from due, or its epoch
// over.
func (d *delivery) run() {
	d.count(true)
	var in *lane
	lanes := d.group.epoch.core.lanes
	leave := func() {
		if in != nil {
			lanes.leave(in)
			in = nil
		}
	}
	defer leave()
	for d.group.epoch.ctx.Err() == nil {
		v := d.latest()
		changed, unwatch := d.group.epoch.core.opts.Ledger.Watch(d.key)
		s := d.next(v)
		switch {
		case s.does == stepQuiet:
			leave()
			if d.conclude(v) {
				unwatch()
				return
			}
		case s.does == stepWait && s.far():
			unwatch()
			leave()
			d.park(s.until)
			return
		case s.does == stepWait:
			leave()
			d.wait(changed, s.until)
		case in == nil:
			// What there is to do is decided anew once there is room.
			in = lanes.enter(d.group.epoch.ctx, d.key.Receiver+"/"+d.key.Integration)
		default:
			d.act(v, s)
		}
		unwatch()
	}
	d.count(false)
	d.rest()
}

// wait returns when the key changes, a new view comes, until has come, or the
// epoch is over.
func (d *delivery) wait(changed <-chan struct{}, until time.Time) {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-changed:
	case <-d.fresh:
	case <-timer.C:
	case <-d.group.epoch.ctx.Done():
	}
}

// breath is the least time between two acts of a delivery. If what it does does
// not change what it sees, it must not do it as fast as it can.
const breath = 50 * time.Millisecond

// act does what next has decided.
func (d *delivery) act(v *view, s step) {
	began := time.Now()
	defer func() { d.pace.pause(breath - time.Since(began)) }()
	d.traced = d.trace(v)
	defer d.traced.End()
	switch s.does {
	case stepClaim:
		d.claim(v, s)
	case stepAlone:
		d.sendAlone(v, s)
	case stepGiveBack:
		d.giveBack(s.token)
	}
}

package alert

import (
	"math"
	"sync"
	"unique"

	prommodel "github.com/prometheus/common/model"
)

// quotas keeps the number of firing alerts of each alertname at a limit. A nil
// quotas lets everything in. Its lock is taken inside a shard's, never around
// it.
type quotas struct {
	limit int
	mu    sync.Mutex
	names map[Symbol]*quota
}

// quota is the firing alerts of one alertname. Alerts that resolved by time are
// still among them until they are swept out.
type quota struct {
	firing map[*Record]int64
	// nextEnd is no later than the earliest end among firing.
	nextEnd int64
}

func newQuotas(limit int) *quotas {
	if limit <= 0 {
		return nil
	}
	return &quotas{limit: limit, names: make(map[Symbol]*quota)}
}

// move tells of r's change from old (nil if it is new) to upd, and reports
// whether there is room for it. An alert that fires already always has room.
func (q *quotas) move(r *Record, old, upd *Alert, now int64) bool {
	if q == nil {
		return true
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	name := nameOf(upd)
	n := q.names[name]
	if n == nil {
		n = &quota{firing: make(map[*Record]int64), nextEnd: math.MaxInt64}
		q.names[name] = n
	}
	defer q.tidy(name, n)
	if old != nil && upd.resolvedAt(now) {
		delete(n.firing, r)
		return true
	}
	if _, in := n.firing[r]; !in && !n.room(q.limit, now) {
		return false
	}
	if !upd.resolvedAt(now) {
		n.put(r, upd)
	}
	return true
}

// leave tells that r left the store.
func (q *quotas) leave(r *Record, last *Alert) {
	if q == nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	name := nameOf(last)
	if n := q.names[name]; n != nil {
		delete(n.firing, r)
		q.tidy(name, n)
	}
}

func (q *quotas) tidy(name Symbol, n *quota) {
	if len(n.firing) == 0 {
		delete(q.names, name)
	}
}

func (n *quota) put(r *Record, a *Alert) {
	end := a.EndsAt
	if end == 0 {
		end = math.MaxInt64
	}
	n.firing[r] = end
	n.nextEnd = min(n.nextEnd, end)
}

// room reports whether fewer than limit alerts fire. It looks through them only
// if one may have resolved by time since it last did.
func (n *quota) room(limit int, now int64) bool {
	if len(n.firing) >= limit && n.nextEnd <= now {
		n.sweep(now)
	}
	return len(n.firing) < limit
}

func (n *quota) sweep(now int64) {
	n.nextEnd = math.MaxInt64
	for r, end := range n.firing {
		if end <= now {
			delete(n.firing, r)
			continue
		}
		n.nextEnd = min(n.nextEnd, end)
	}
}

var alertname = unique.Make(prommodel.AlertNameLabel)

// nameOf is the alertname; the zero Symbol stands for alerts without one.
func nameOf(a *Alert) Symbol {
	v, _ := a.Labels.Lookup(alertname)
	return v
}

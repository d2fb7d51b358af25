package app

import (
	"iter"
	"time"

	"tocsin/cluster/exchange"
	"tocsin/dispatcher/alert"
	"tocsin/fsm/model"
)

// soon is how near its end an alert must have been for its refresh to be told at
// once: it may be over at a peer before the next round.
const soon = 15 * time.Second

// alertPort is the alerts' memory as the exchange sees it.
type alertPort struct {
	alerts *alert.Store
	merge  func([]alert.Alert) alert.PutResult
	now    func() time.Time
}

var _ exchange.Store = (*alertPort)(nil)

// listen has x told of what is posted to this node, until cancel is called.
func (p *alertPort) listen(x *exchange.Exchange) (cancel func()) {
	return p.alerts.Subscribe(func(changes []alert.Change, from alert.Origin) {
		if from == alert.Posted {
			p.tell(x, changes)
		}
	})
}

// tell passes changes on.
func (p *alertPort) tell(x *exchange.Exchange, changes []alert.Change) {
	var transitions, refreshes []uint64
	urgent, near := false, p.now().Add(soon).UnixNano()
	for _, c := range changes {
		if c.Kind != alert.Refreshed {
			transitions = append(transitions, uint64(c.New.Hash))
			continue
		}
		refreshes = append(refreshes, uint64(c.New.Hash))
		urgent = urgent || c.Old.EndsAt != 0 && c.Old.EndsAt < near
	}
	x.Changed(transitions, refreshes, urgent)
}

// Entries are the alerts. Those that are over are offered while a group has
// still to tell their end. Those that a restart keeps over their end are not: a
// peer that does not know them let them go long ago.
func (p *alertPort) Entries() iter.Seq[exchange.Entry] {
	return func(yield func(exchange.Entry) bool) {
		now := p.now()
		for r := range p.alerts.All() {
			a := r.Load()
			offer := !a.Kept(now) && (!a.Resolved(now) || r.Held() > 0)
			if !yield(exchange.Entry{State: stateOf(a), Offer: offer}) {
				return
			}
		}
	}
}

// State is that of one alert.
func (p *alertPort) State(hash uint64) (exchange.State, bool) {
	r, ok := p.alerts.Get(model.AlertHash(hash))
	if !ok {
		return exchange.State{}, false
	}
	return stateOf(r.Load()), true
}

func stateOf(a *alert.Alert) exchange.State {
	return exchange.State{Hash: uint64(a.Hash), Updated: a.UpdatedAt, Ends: a.EndsAt, Sum: a.Sum()}
}

// AppendBody writes one alert.
func (p *alertPort) AppendBody(dst []byte, hash uint64) ([]byte, exchange.State, bool) {
	r, ok := p.alerts.Get(model.AlertHash(hash))
	if !ok {
		return dst, exchange.State{}, false
	}
	a := r.Load()
	out := alert.AppendWire(dst, a)
	return out, stateOf(a), len(out) > len(dst)
}

// Take merges alerts of another node.
func (p *alertPort) Take(bodies [][]byte) (refused int) {
	batch := make([]alert.Alert, 0, len(bodies))
	for _, b := range bodies {
		a, err := alert.ReadWire(b)
		if err != nil {
			refused++
			continue
		}
		batch = append(batch, a)
	}
	p.merge(batch)
	return refused
}

// Move merges refreshes of another node.
func (p *alertPort) Move(states []exchange.State) {
	batch := make([]alert.Alert, 0, len(states))
	for _, s := range states {
		r, ok := p.alerts.Get(model.AlertHash(s.Hash))
		if !ok {
			continue
		}
		if a := *r.Load(); a.Sum() == s.Sum {
			a.UpdatedAt, a.EndsAt = s.Updated, s.Ends
			batch = append(batch, a)
		}
	}
	p.merge(batch)
}

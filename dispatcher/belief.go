package dispatcher

import (
	"tocsin/fsm/model"
)

// belief is what a receiver believes of a group's alerts, as far as is known:
// the sets of an entry or an overlay.
type belief struct {
	must, maybe, resolved model.AlertSet
}

func beliefOf(e *model.Entry) belief {
	return belief{must: e.Must, maybe: e.Maybe, resolved: e.Resolved}
}

// told is the belief after a message that arrived. What the message does not
// speak of is not known any more (I8).
func (b belief) told(firing, resolved model.AlertSet) belief {
	return belief{
		must:     firing,
		maybe:    b.must.Union(b.maybe).Minus(firing).Minus(resolved),
		resolved: b.resolved.Union(resolved).Minus(firing),
	}
}

// doubted is the belief while it is not known whether a message arrived (I8).
func (b belief) doubted(firing, resolved model.AlertSet) belief {
	must := b.must.Minus(resolved)
	return belief{
		must:     must,
		maybe:    b.maybe.Union(firing).Union(b.must.Intersect(resolved)).Minus(must),
		resolved: b.resolved.Minus(firing),
	}
}

// join is the belief of a receiver that was told things by two senders who did
// not know of each other: certain is only what both say.
func (b belief) join(o belief) belief {
	must := b.must.Intersect(o.must)
	return belief{
		must:     must,
		maybe:    b.must.Union(b.maybe).Union(o.must).Union(o.maybe).Minus(must),
		resolved: b.resolved.Intersect(o.resolved),
	}
}

// overlaid is the entry as it will be when the overlays are in the ledger: what
// dedup has to go by while they are not. It does not change its arguments. Rev,
// Gen, Claim, Attempt and NotBefore stay the ledger's.
func overlaid(e model.Entry, overlays []model.Overlay) model.Entry {
	var b belief
	joined := false
	add := func(o belief, stamp model.Millis, data model.Data) {
		if !joined {
			b, e.Stamp, e.Data, joined = o, stamp, data, true
			return
		}
		if stamp > e.Stamp {
			e.Data = data
		}
		b, e.Stamp = b.join(o), min(e.Stamp, stamp)
	}
	// What the ledger says counts beside the overlays unless all of them were
	// built on it.
	for _, o := range overlays {
		if o.BaseRev < e.Rev {
			add(beliefOf(&e), e.Stamp, e.Data)
			break
		}
	}
	for _, o := range overlays {
		add(belief{must: o.Must, maybe: o.Maybe, resolved: o.Resolved}, o.Stamp, o.Data)
	}
	if joined {
		e.Must, e.Maybe, e.Resolved = b.must, b.maybe, b.resolved
	}
	return e
}

package fsm

import (
	"cmp"

	"tocsin/fsm/model"
)

// told is what one line of messages leaves at the receiver, as far as the line
// knows: must ⊆ what it was told is firing ⊆ must ∪ maybe (I8), and resolved ⊆
// what it was told is resolved.
type told struct {
	must, maybe, resolved model.AlertSet

	stamp model.Millis
	data  model.Data
}

func toldOf(e *model.Entry) told {
	return told{e.Must, e.Maybe, e.Resolved, e.Stamp, e.Data}
}

func (t told) putInto(e *model.Entry) {
	e.Must, e.Maybe, e.Resolved = t.must, t.maybe, t.resolved
	e.Stamp, e.Data = t.stamp, t.data
}

// plus is the line with one more message, which arrived. What was told before
// and is not in the message stays in doubt: the sender may never have seen those
// alerts, and a node that never saw an alert must not erase that it was told.
func (t told) plus(firing, resolved model.AlertSet) told {
	resolved = resolved.Minus(firing)
	before := t.resolved.Minus(firing).Minus(resolved)
	if len(before) > model.MaxResolved {
		before = nil
	}
	return told{
		must:     firing,
		maybe:    t.must.Union(t.maybe).Minus(firing).Minus(resolved),
		resolved: before.Union(resolved),
		stamp:    t.stamp,
		data:     t.data,
	}
}

// perhaps is the line with one more message that may have arrived or not. The
// resolved half is as needed as the other: if the message arrived, what it
// called resolved is not known as firing any more, and has to be told again
// when it fires.
func (t told) perhaps(firing, resolved model.AlertSet) told {
	resolved = resolved.Minus(firing)
	must := t.must.Minus(resolved)
	return told{
		must:     must,
		maybe:    t.maybe.Union(firing).Union(t.must.Intersect(resolved)).Minus(must),
		resolved: t.resolved.Minus(firing),
		stamp:    t.stamp,
		data:     t.data,
	}
}

// join is what several lines leave together that knew nothing of each other:
// certain is only what is certain in all of them. Of the integration's data
// that of the youngest line is kept; ranks break ties.
func join(lines []told) told {
	j := lines[0]
	all := j.must.Union(j.maybe)
	youngest := j.stamp
	for _, t := range lines[1:] {
		j.must = j.must.Intersect(t.must)
		j.resolved = j.resolved.Intersect(t.resolved)
		all = all.Union(t.must).Union(t.maybe)
		j.stamp = min(j.stamp, t.stamp)
		if t.stamp > youngest || t.stamp == youngest && compareData(t.data, j.data) > 0 {
			youngest, j.data = t.stamp, t.data
		}
	}
	j.maybe = all.Minus(j.must)
	return j
}

// compareData orders integration data, so that the choice between two does not
// hang on which came first.
func compareData(a, b model.Data) int {
	for i := range min(len(a), len(b)) {
		if c := cmp.Or(
			cmp.Compare(a[i].Key, b[i].Key),
			cmp.Compare(a[i].Kind, b[i].Kind),
			cmp.Compare(a[i].Str, b[i].Str),
			cmp.Compare(a[i].Int, b[i].Int),
			cmp.Compare(a[i].Float, b[i].Float),
		); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}

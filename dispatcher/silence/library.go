package silence

import (
	"cmp"
	"errors"
	"maps"
	"slices"

	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/match"
	"tocsin/fsm/model"
)

// library is all silences of one view, compiled. Immutable. What changed since
// the index was built lies beside it, so that one change among thousands of
// silences does not build the index anew.
type library struct {
	rev uint64
	// age counts the times at which the revisions of silences went backwards,
	// as after a restored backup; what was remembered before is void then.
	age uint64
	// top is the largest revision of a silence, count how many there are.
	top   uint64
	count int
	// indexed are the silences in the index, also ascending by revision.
	indexed map[string]*compiled
	byRev   []*compiled
	index   *match.Index[*compiled]
	// changed are those that came or changed since, each in the place of the
	// indexed one with its ID; recent are the same, ascending by revision.
	changed map[string]*compiled
	recent  []*compiled
}

func newLibrary() *library { return (&library{}).build(nil) }

// get is the silence with this ID, as it is in this library; nil if none.
func (l *library) get(id string) *compiled {
	if c := l.changed[id]; c != nil {
		return c
	}
	return l.indexed[id]
}

// next compiles what changed in v since l. Silences that do not compile mute
// nothing; the error names them.
func (l *library) next(v View) (*library, error) {
	var changed []*compiled
	var bad error
	seen, added, rewound := 0, 0, v.SilenceRev() < l.rev
	for s := range v.Silences() {
		seen++
		c := l.get(s.ID)
		if c != nil && c.Rev == s.Rev {
			continue
		}
		if c == nil {
			added++
		}
		rewound = rewound || s.Rev <= l.top
		fresh, err := compile(s)
		bad = errors.Join(bad, err)
		changed = append(changed, fresh)
	}
	var n *library
	if gone := l.count + added - seen; gone != 0 || len(l.changed)+len(changed) > 64+seen/16 {
		n = l.build(l.all(v, changed))
	} else {
		n = l.amend(changed)
	}
	n.rev, n.count, n.age = v.SilenceRev(), seen, l.age
	if rewound {
		n.age++
	}
	return n, bad
}

// all are the silences of v, which differ from those of l by the changed ones
// and by what is gone.
func (l *library) all(v View, changed []*compiled) []*compiled {
	fresh := make(map[string]*compiled, len(changed))
	for _, c := range changed {
		fresh[c.ID] = c
	}
	var out []*compiled
	for s := range v.Silences() {
		out = append(out, cmp.Or(fresh[s.ID], l.get(s.ID)))
	}
	return out
}

// build is a library with all of these indexed.
func (l *library) build(cs []*compiled) *library {
	n := &library{indexed: make(map[string]*compiled, len(cs)), byRev: cs}
	slices.SortFunc(n.byRev, byRevision)
	var entries []match.Entry[*compiled]
	for _, c := range cs {
		n.indexed[c.ID] = c
		n.top = max(n.top, c.Rev)
		for _, set := range c.sets {
			entries = append(entries, match.Entry[*compiled]{Set: set, Item: c})
		}
	}
	n.index = match.NewIndex(entries)
	return n
}

// amend is l with these in the place of what it had by their IDs.
func (l *library) amend(changed []*compiled) *library {
	n := &library{
		top: l.top, indexed: l.indexed, byRev: l.byRev, index: l.index,
		changed: make(map[string]*compiled, len(l.changed)+len(changed)),
	}
	maps.Copy(n.changed, l.changed)
	for _, c := range changed {
		n.changed[c.ID] = c
		n.top = max(n.top, c.Rev)
	}
	n.recent = slices.SortedFunc(maps.Values(n.changed), byRevision)
	return n
}

// matching are all silences that match the labels, ascending by ID, and how many
// were looked at for that.
func (l *library) matching(ls alert.Labels) (found []*compiled, held int) {
	var room [16]*compiled
	cands := append(l.index.Append(room[:0], ls), l.recent...)
	return l.sorted(cands, ls), len(cands)
}

// since is what matching becomes after l replaced an older library of the same
// age, whose largest revision was top and which found old.
func (l *library) since(old []*compiled, top uint64, ls alert.Labels) (found []*compiled, held int) {
	cands := slices.Concat(old, after(l.byRev, top), after(l.recent, top))
	return l.sorted(cands, ls), len(cands)
}

func after(byRev []*compiled, top uint64) []*compiled {
	first, _ := slices.BinarySearchFunc(byRev, top+1, func(c *compiled, rev uint64) int { return cmp.Compare(c.Rev, rev) })
	return byRev[first:]
}

func byRevision(a, b *compiled) int { return cmp.Compare(a.Rev, b.Rev) }

// sorted are those of the candidates that are current and match, ascending by
// ID, without repeats.
func (l *library) sorted(cands []*compiled, ls alert.Labels) []*compiled {
	var out []*compiled
	for _, c := range cands {
		if l.get(c.ID) == c && c.match(ls) {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b *compiled) int { return cmp.Compare(a.ID, b.ID) })
	return slices.Compact(out)
}

// active are the IDs of those that are active at t.
func active(cs []*compiled, t model.Millis) []string {
	var ids []string
	for _, c := range cs {
		if c.State(t) == model.SilenceActive {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

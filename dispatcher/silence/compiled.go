package silence

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/prometheus/alertmanager/pkg/labels"

	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/match"
	"tocsin/fsm/model"
)

// compiled is a silence with its matchers compiled. Immutable.
type compiled struct {
	*model.Silence
	sets []match.Set
}

func compile(s *model.Silence) (*compiled, error) {
	c := &compiled{Silence: s}
	for _, set := range s.MatcherSets {
		ms := make([]*labels.Matcher, 0, len(set))
		for _, m := range set {
			lm, err := labels.NewMatcher(typeOf(m.Type), m.Name, m.Value)
			if err != nil {
				return nil, fmt.Errorf("compile silence %s: %w", s.ID, err)
			}
			ms = append(ms, lm)
		}
		c.sets = append(c.sets, match.NewSet(ms))
	}
	return c, nil
}

func typeOf(t model.MatchType) labels.MatchType {
	switch t {
	case model.MatchEqual:
		return labels.MatchEqual
	case model.MatchNotEqual:
		return labels.MatchNotEqual
	case model.MatchRegexp:
		return labels.MatchRegexp
	default:
		return labels.MatchNotRegexp
	}
}

// match reports whether any of the sets matches.
func (c *compiled) match(ls alert.Labels) bool {
	return slices.ContainsFunc(c.sets, func(s match.Set) bool { return s.Match(ls) })
}

// library is all silences of one view, compiled. Immutable.
type library struct {
	rev uint64
	// age counts the times at which the revisions of silences went backwards,
	// as after a restored backup; what was remembered before is void then.
	age uint64
	// top is the largest revision of a silence.
	top  uint64
	byID map[string]*compiled
	// byRev are the silences ascending by revision.
	byRev []*compiled
	index *match.Index[*compiled]
}

// next compiles what changed in v since l. Silences that do not compile mute
// nothing; the error names them.
func (l *library) next(v View) (*library, error) {
	n := &library{rev: v.SilenceRev(), age: l.age, byID: make(map[string]*compiled, len(l.byID)+1)}
	var bad error
	rewound := n.rev < l.rev
	for s := range v.Silences() {
		c, known := l.byID[s.ID]
		if !known || c.Rev != s.Rev {
			rewound = rewound || s.Rev <= l.top
			var err error
			if c, err = compile(s); err != nil {
				bad = cmp.Or(bad, err)
				continue
			}
		}
		n.byID[s.ID] = c
		n.byRev = append(n.byRev, c)
		n.top = max(n.top, s.Rev)
	}
	if rewound {
		n.age++
	}
	slices.SortFunc(n.byRev, func(a, b *compiled) int { return cmp.Compare(a.Rev, b.Rev) })
	var entries []match.Entry[*compiled]
	for _, c := range n.byRev {
		for _, set := range c.sets {
			entries = append(entries, match.Entry[*compiled]{Set: set, Item: c})
		}
	}
	n.index = match.NewIndex(entries)
	return n, bad
}

// matching are all silences that match the labels, ascending by ID.
func (l *library) matching(ls alert.Labels) []*compiled {
	var room [16]*compiled
	return sorted(l.index.Append(room[:0], ls), ls)
}

// since is what matching becomes after l replaced an older library of the same
// age, whose largest revision was top and which found old.
func (l *library) since(old []*compiled, top uint64, ls alert.Labels) []*compiled {
	first, _ := slices.BinarySearchFunc(l.byRev, top+1, func(c *compiled, rev uint64) int { return cmp.Compare(c.Rev, rev) })
	cands := slices.Clone(l.byRev[first:])
	for _, c := range old {
		if l.byID[c.ID] == c {
			cands = append(cands, c)
		}
	}
	return sorted(cands, ls)
}

func sorted(cands []*compiled, ls alert.Labels) []*compiled {
	var out []*compiled
	for _, c := range cands {
		if c.match(ls) {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b *compiled) int { return cmp.Compare(a.ID, b.ID) })
	return slices.Compact(out)
}

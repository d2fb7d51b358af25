package silence

import (
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

// compile never fails altogether: a silence whose matchers do not compile, which
// Validate lets nobody make, matches nothing.
func compile(s *model.Silence) (*compiled, error) {
	c := &compiled{Silence: s}
	var sets []match.Set
	for _, set := range s.MatcherSets {
		ms := make([]*labels.Matcher, 0, len(set))
		for _, m := range set {
			lm, err := labels.NewMatcher(typeOf(m.Type), m.Name, m.Value)
			if err != nil {
				return c, fmt.Errorf("compile silence %s: %w", s.ID, err)
			}
			ms = append(ms, lm)
		}
		sets = append(sets, match.NewSet(ms))
	}
	c.sets = sets
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

package match

import (
	"unique"

	"github.com/prometheus/alertmanager/pkg/labels"

	"tocsin/dispatcher/alert"
)

// Set is a list of matchers that must all match. The zero Set matches
// everything. Immutable and safe for concurrent use.
type Set struct{ terms []term }

type term struct {
	name, value alert.Symbol
	matcher     *labels.Matcher
}

// NewSet compiles matchers. They must not change afterwards.
func NewSet(ms []*labels.Matcher) Set {
	s := Set{terms: make([]term, 0, len(ms))}
	for _, m := range ms {
		s.terms = append(s.terms, term{name: unique.Make(m.Name), value: unique.Make(m.Value), matcher: m})
	}
	return s
}

// Match reports whether all matchers match the labels.
func (s Set) Match(ls alert.Labels) bool {
	for i := range s.terms {
		if !s.terms[i].match(ls) {
			return false
		}
	}
	return true
}

// Demands is every label that the set can only match in the presence of.
func (s Set) Demands() []alert.Label {
	var out []alert.Label
	for _, t := range s.terms {
		if t.matcher.Type == labels.MatchEqual && t.matcher.Value != "" {
			out = append(out, alert.Label{Name: t.name, Value: t.value})
		}
	}
	return out
}

func (t *term) match(ls alert.Labels) bool {
	v, ok := ls.Lookup(t.name)
	if !ok {
		return t.matcher.Matches("")
	}
	switch t.matcher.Type {
	case labels.MatchEqual:
		return v == t.value
	case labels.MatchNotEqual:
		return v != t.value
	default:
		return t.matcher.Matches(v.Value())
	}
}

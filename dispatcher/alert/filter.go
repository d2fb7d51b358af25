package alert

import (
	"unique"

	"github.com/prometheus/alertmanager/pkg/labels"
)

// Filter is a list of matchers as the API's filter parameter has them: all must
// match. It is immutable and safe for concurrent use. The zero Filter lets
// everything pass.
type Filter struct{ terms []term }

type term struct {
	matcher *labels.Matcher
	name    Symbol
	value   Symbol
}

// NewFilter compiles the matchers.
func NewFilter(matchers []*labels.Matcher) Filter {
	f := Filter{terms: make([]term, 0, len(matchers))}
	for _, m := range matchers {
		f.terms = append(f.terms, term{
			matcher: m, name: unique.Make(m.Name), value: unique.Make(m.Value),
		})
	}
	return f
}

// Match reports whether all matchers match the labels.
func (f Filter) Match(ls Labels) bool {
	for _, t := range f.terms {
		if !t.match(ls) {
			return false
		}
	}
	return true
}

// MatchMap is Match for labels in a map, such as a receiver's.
func (f Filter) MatchMap(ls map[string]string) bool {
	for _, t := range f.terms {
		v, present := ls[t.matcher.Name]
		if !t.matchText(v, present) {
			return false
		}
	}
	return true
}

func (t term) match(ls Labels) bool {
	v, present := ls.Lookup(t.name)
	if !present {
		return t.matchText("", false)
	}
	switch t.matcher.Type {
	case labels.MatchEqual:
		return v == t.value
	case labels.MatchNotEqual:
		return v != t.value || t.matcher.Value == ""
	default:
		return t.matchText(v.Value(), true)
	}
}

// matchText knows the two special cases of Alertmanager's API, which ask for
// presence where the matcher's value is empty: x!="" and x!~"" match any label
// x that is there, x="" and x=~"" match where there is none.
func (t term) matchText(v string, present bool) bool {
	negative := t.matcher.Type == labels.MatchNotEqual || t.matcher.Type == labels.MatchNotRegexp
	if t.matcher.Value == "" && negative == present {
		return true
	}
	return t.matcher.Matches(v)
}

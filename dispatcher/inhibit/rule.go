package inhibit

import (
	"slices"
	"unique"

	amcommon "github.com/prometheus/alertmanager/config/common"
	"github.com/prometheus/alertmanager/pkg/labels"

	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/match"
)

// rule is one compiled inhibition rule with its sources.
type rule struct {
	source, target match.Set
	equal          []alert.Symbol
	sources        *sources
}

func newRule(r amcommon.InhibitRule) (*rule, error) {
	source, err := matchersOf(r.SourceMatch, r.SourceMatchRE, r.SourceMatchers)
	if err != nil {
		return nil, err
	}
	target, err := matchersOf(r.TargetMatch, r.TargetMatchRE, r.TargetMatchers)
	if err != nil {
		return nil, err
	}
	names := slices.Sorted(slices.Values(r.Equal))
	out := &rule{source: match.NewSet(source), target: match.NewSet(target), sources: newSources()}
	for _, n := range slices.Compact(names) {
		out.equal = append(out.equal, unique.Make(n))
	}
	return out, nil
}

// matchersOf joins the two old forms and the current one.
func matchersOf(equal map[string]string, regexps amcommon.MatchRegexps, ms amcommon.Matchers) ([]*labels.Matcher, error) {
	var out []*labels.Matcher
	add := func(t labels.MatchType, name, value string) error {
		m, err := labels.NewMatcher(t, name, value)
		out = append(out, m)
		return err
	}
	for name, value := range equal {
		if err := add(labels.MatchEqual, name, value); err != nil {
			return nil, err
		}
	}
	for name, re := range regexps {
		if err := add(labels.MatchRegexp, name, re.String()); err != nil {
			return nil, err
		}
	}
	return append(out, ms...), nil
}

// key appends to b the values of the equal labels; nothing stands for a missing
// one.
func (r *rule) key(b []byte, ls alert.Labels) []byte {
	for _, n := range r.equal {
		if v, ok := ls.Lookup(n); ok {
			b = append(b, v.Value()...)
		}
		b = append(b, 0xff)
	}
	return b
}

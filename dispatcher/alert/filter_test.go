package alert_test

import (
	"fmt"
	"testing"

	"github.com/prometheus/alertmanager/pkg/labels"
	"pgregory.net/rapid"

	"tocsin/dispatcher/alert"
)

func matcher(t testing.TB, typ labels.MatchType, name, value string) *labels.Matcher {
	t.Helper()
	m, err := labels.NewMatcher(typ, name, value)
	if err != nil {
		t.Fatalf("make matcher: %v", err)
	}
	return m
}

func TestFilterKnowsPresence(t *testing.T) {
	const eq, ne, re, nre = labels.MatchEqual, labels.MatchNotEqual, labels.MatchRegexp, labels.MatchNotRegexp
	tests := []struct {
		typ                  labels.MatchType
		value                string
		absent, b, bb, empty bool // without x, with x="b", x="bb", x=""
	}{
		{eq, "", true, false, false, true},
		{re, "", true, false, false, true},
		{ne, "", false, true, true, true},
		{nre, "", false, true, true, true},
		{eq, "b", false, true, false, false},
		{ne, "b", true, false, true, true},
		{re, "b", false, true, false, false},
		{re, "b+", false, true, true, false},
		{re, "b*", true, true, true, true},
		{nre, "b*", false, false, false, false},
		{nre, "bb", true, true, false, true},
	}
	for _, tt := range tests {
		f := alert.NewFilter([]*labels.Matcher{matcher(t, tt.typ, "x", tt.value)})
		for _, c := range []struct {
			set  map[string]string
			want bool
		}{
			{map[string]string{"y": "b"}, tt.absent},
			{map[string]string{"x": "b"}, tt.b},
			{map[string]string{"x": "bb", "y": "b"}, tt.bb},
			{map[string]string{"x": ""}, tt.empty},
		} {
			name := fmt.Sprintf("x%s%q on %v", tt.typ, tt.value, c.set)
			if got := f.Match(alert.NewLabels(c.set)); got != c.want {
				t.Errorf("%s: match = %v, want %v", name, got, c.want)
			}
			if got := f.MatchMap(c.set); got != c.want {
				t.Errorf("%s: match of the map = %v, want %v", name, got, c.want)
			}
		}
	}
}

func TestFilterNeedsAllMatchers(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		types := rapid.SampledFrom([]labels.MatchType{
			labels.MatchEqual, labels.MatchNotEqual, labels.MatchRegexp, labels.MatchNotRegexp,
		})
		var ms []*labels.Matcher
		for range rapid.IntRange(0, 3).Draw(rt, "matchers") {
			name := rapid.SampledFrom([]string{"a", "b", "job"}).Draw(rt, "name")
			value := rapid.SampledFrom([]string{"", "1", "2", "1|2", ".*", ".+"}).Draw(rt, "value")
			ms = append(ms, matcher(t, types.Draw(rt, "type"), name, value))
		}
		m := drawLabelMap(rt, 4)
		want := true
		for _, one := range ms {
			v, present := m[one.Name]
			want = want && (one.Matches(v) || one.Value == "" && present && one.Type != labels.MatchEqual && one.Type != labels.MatchRegexp)
		}
		f := alert.NewFilter(ms)
		if got := f.Match(alert.NewLabels(m)); got != want {
			rt.Fatalf("%v on %v: match = %v, want %v", ms, m, got, want)
		}
		if got := f.MatchMap(m); got != want {
			rt.Fatalf("%v on map %v: match = %v, want %v", ms, m, got, want)
		}
	})
}

package route_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	amconfig "github.com/prometheus/alertmanager/config"
	amcommon "github.com/prometheus/alertmanager/config/common"
	"github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/alertmanager/pkg/labels"
	prommodel "github.com/prometheus/common/model"
	"pgregory.net/rapid"

	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/route"
)

// Few names and values, so that matchers and alerts meet.
var (
	names  = []string{"a", "b", "job", "severity", "ünï"}
	values = []string{"", "x", "y", "xy", "x\ny", "warning", "critical", "café", "a\xffb"}
	// Every shape of expression that has a short way, and those that look as
	// if they had.
	regexps = []string{
		"", ".*", ".+", "x.*", "(x.*)", "x|y", "warn(ing)?", "x|xy|y", "[xy]", "x[xy]?", "(?i)X", "critical|warning", "(?s)x.*", "x.*y",
		"^x$", "x$", ".*y", "x{1,2}y?", "()", "caf.", "(?:x|y)(?:y|x)?", "[^x]", "a.b", "x\\b", "\uFFFD", "a\uFFFDb", "x|", "(x|y).*",
	}
)

func genMatcher(t *rapid.T) *labels.Matcher {
	typ := labels.MatchType(rapid.IntRange(0, 3).Draw(t, "type"))
	from := values
	if typ >= labels.MatchRegexp {
		from = regexps
	}
	m, err := labels.NewMatcher(typ, rapid.SampledFrom(names).Draw(t, "name"), rapid.SampledFrom(from).Draw(t, "value"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func genRoute(t *rapid.T, depth int) *amconfig.Route {
	r := &amconfig.Route{Continue: rapid.Bool().Draw(t, "continue")}
	r.Receiver = rapid.SampledFrom([]string{"", "one", "two"}).Draw(t, "receiver")
	if depth == 0 {
		r.Receiver, r.Continue = "root", false
	} else {
		for range rapid.IntRange(0, 2).Draw(t, "matchers") {
			r.Matchers = append(r.Matchers, genMatcher(t))
		}
		if rapid.IntRange(0, 3).Draw(t, "match") == 0 {
			r.Match = map[string]string{rapid.SampledFrom(names).Draw(t, "name"): rapid.SampledFrom(values).Draw(t, "value")}
		}
		if rapid.IntRange(0, 3).Draw(t, "match_re") == 0 {
			text := rapid.SampledFrom(regexps).Draw(t, "re")
			r.MatchRE = amcommon.MatchRegexps{
				rapid.SampledFrom(names).Draw(t, "name"): {Regexp: regexp.MustCompile("^(?:" + text + ")$"), Original: text},
			}
		}
	}
	genOptions(t, r)
	if depth < 3 {
		for range rapid.IntRange(0, 3).Draw(t, "children") {
			r.Routes = append(r.Routes, genRoute(t, depth+1))
		}
	}
	return r
}

func genOptions(t *rapid.T, r *amconfig.Route) {
	switch rapid.IntRange(0, 3).Draw(t, "group_by") {
	case 0:
		for _, n := range rapid.SliceOfDistinct(rapid.SampledFrom(names), rapid.ID).Draw(t, "by") {
			r.GroupBy = append(r.GroupBy, prommodel.LabelName(n))
		}
	case 1:
		r.GroupBy = []prommodel.LabelName{}
	case 2:
		r.GroupByAll = true
	}
	wait := func(name string) *prommodel.Duration {
		if rapid.Bool().Draw(t, name) {
			return nil
		}
		d := prommodel.Duration(time.Duration(rapid.IntRange(0, 90).Draw(t, name)) * time.Second)
		return &d
	}
	r.GroupWait, r.GroupInterval, r.RepeatInterval = wait("wait"), wait("interval"), wait("repeat")
	r.MuteTimeIntervals = rapid.SampledFrom([][]string{nil, {"night"}}).Draw(t, "mute")
	r.ActiveTimeIntervals = rapid.SampledFrom([][]string{nil, {"day"}}).Draw(t, "active")
	if rapid.Bool().Draw(t, "labels") {
		r.Labels = prommodel.LabelSet{prommodel.LabelName(rapid.SampledFrom(names).Draw(t, "label")): prommodel.LabelValue(rapid.SampledFrom(values).Draw(t, "value"))}
	}
}

func genLabels(t *rapid.T) map[string]string {
	return rapid.MapOfN(rapid.SampledFrom(names), rapid.SampledFrom(values[1:]), 0, 4).Draw(t, "labels")
}

// TestSameAsAlertmanager compares trees, matches and group keys with
// Alertmanager's own.
func TestSameAsAlertmanager(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cr := genRoute(t, 0)
		theirs := dispatch.NewRoute(cr, nil)
		ours, err := route.New(cr)
		if err != nil {
			t.Fatal(err)
		}
		compareRoutes(t, ours.Root(), theirs)
		for range 8 {
			m := genLabels(t)
			compareMatches(t, ours, theirs, m)
		}
	})
}

func compareRoutes(t *rapid.T, ours *route.Route, theirs *dispatch.Route) {
	if ours.Key != theirs.Key() || ours.ID != theirs.ID() || ours.Idx != theirs.Idx {
		t.Fatalf("route is %q %q %d, want %q %q %d", ours.Key, ours.ID, ours.Idx, theirs.Key(), theirs.ID(), theirs.Idx)
	}
	o := theirs.RouteOpts
	var by []string
	for n := range o.GroupBy {
		by = append(by, string(n))
	}
	slices.Sort(by)
	same := ours.Receiver == o.Receiver && slices.Equal(ours.GroupBy, by) && ours.GroupByAll == o.GroupByAll &&
		ours.GroupWait == o.GroupWait && ours.GroupInterval == o.GroupInterval && ours.RepeatInterval == o.RepeatInterval &&
		slices.Equal(ours.MuteTimeIntervals, o.MuteTimeIntervals) && slices.Equal(ours.ActiveTimeIntervals, o.ActiveTimeIntervals) &&
		len(ours.Labels) == len(o.Labels) && ours.Continue == theirs.Continue
	if !same {
		t.Fatalf("options of %s are %+v, want %+v", ours.ID, ours, o)
	}
	for i, p := range ours.Labels {
		if i > 0 && ours.Labels[i-1].Name >= p.Name || string(o.Labels[prommodel.LabelName(p.Name)]) != p.Value {
			t.Fatalf("labels of %s are %v, want %v", ours.ID, ours.Labels, o.Labels)
		}
	}
	if len(ours.Routes) != len(theirs.Routes) {
		t.Fatalf("%s has %d children, want %d", ours.ID, len(ours.Routes), len(theirs.Routes))
	}
	for i := range ours.Routes {
		compareRoutes(t, ours.Routes[i], theirs.Routes[i])
	}
}

func compareMatches(t *rapid.T, ours *route.Tree, theirs *dispatch.Route, m map[string]string) {
	set := make(prommodel.LabelSet)
	for n, v := range m {
		set[prommodel.LabelName(n)] = prommodel.LabelValue(v)
	}
	ls := alert.NewLabels(m)
	got, want := ours.Match(ls), theirs.Match(set)
	var gotIDs, wantIDs []string
	for _, r := range got {
		gotIDs = append(gotIDs, r.ID)
	}
	for _, r := range want {
		wantIDs = append(wantIDs, r.ID())
	}
	if !slices.Equal(gotIDs, wantIDs) {
		t.Fatalf("%v takes %q, want %q", m, gotIDs, wantIDs)
	}
	for i, r := range got {
		group := make(prommodel.LabelSet)
		for n, v := range set {
			if _, ok := want[i].RouteOpts.GroupBy[n]; ok || want[i].RouteOpts.GroupByAll {
				group[n] = v
			}
		}
		key := want[i].Key() + ":" + group.String()
		if got := r.GroupKey(r.GroupLabels(ls)); got != key {
			t.Fatalf("group key is %q, want %q", got, key)
		}
		if lk := r.LedgerKey(r.GroupLabels(ls)); !strings.HasPrefix(lk, key) {
			t.Fatalf("ledger key %q does not begin with %q", lk, key)
		}
	}
}

// TestLedgerKeysAreApart: two routes never share a ledger key and a receiver
// (I2), while their group keys may be equal.
func TestLedgerKeysAreApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tree, err := route.New(genRoute(t, 0))
		if err != nil {
			t.Fatal(err)
		}
		ls := alert.NewLabels(map[string]string{"a": "x", "job": "y"})
		seen := make(map[[2]string]string)
		for r := range tree.All() {
			k := [2]string{r.LedgerKey(ls), r.Receiver}
			if other, ok := seen[k]; ok {
				t.Fatalf("routes %s and %s share the ledger key %q", other, r.ID, k)
			}
			seen[k] = r.ID
		}
	})
}

func TestLedgerKeyOfTwins(t *testing.T) {
	tree, err := route.New(&amconfig.Route{Receiver: "a", Routes: []*amconfig.Route{
		{Receiver: "b", Match: map[string]string{"x": "1"}, Continue: true},
		{Receiver: "b", Match: map[string]string{"x": "1"}},
		{Receiver: "c", Match: map[string]string{"x": "1"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range tree.Root().Routes {
		got = append(got, r.LedgerKey(nil))
	}
	want := []string{`{}/{x="1"}:{}`, `{}/{x="1"}:{}#2`, `{}/{x="1"}:{}`}
	if !slices.Equal(got, want) {
		t.Errorf("ledger keys are %q, want %q", got, want)
	}
}

func TestMatchDoesNotAllocate(t *testing.T) {
	tree, err := route.New(&amconfig.Route{Receiver: "a", Routes: []*amconfig.Route{
		{Matchers: amcommon.Matchers{must(t, labels.MatchRegexp, "severity", "critical|page")}, Continue: true},
		{Matchers: amcommon.Matchers{must(t, labels.MatchNotRegexp, "job", "db-.*")}, Continue: true},
		{Matchers: amcommon.Matchers{must(t, labels.MatchNotEqual, "job", "x")}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	ls := alert.NewLabels(map[string]string{"alertname": "Down", "job": "api", "severity": "critical"})
	dst := make([]*route.Route, 0, 8)
	if n := testing.AllocsPerRun(100, func() { dst = tree.AppendMatch(dst[:0], ls) }); n != 0 {
		t.Errorf("matching allocates %v times, want 0", n)
	}
	if len(dst) != 3 {
		t.Errorf("matches are %d, want 3", len(dst))
	}
}

func must(t testing.TB, typ labels.MatchType, name, value string) *labels.Matcher {
	t.Helper()
	m, err := labels.NewMatcher(typ, name, value)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func BenchmarkMatch(b *testing.B) {
	root := &amconfig.Route{Receiver: "a"}
	for _, team := range []string{"core", "edge", "data", "web", "ops", "lab"} {
		root.Routes = append(root.Routes, &amconfig.Route{
			Receiver: team,
			Matchers: amcommon.Matchers{must(b, labels.MatchRegexp, "team", team+"|"+team+"-.*"), must(b, labels.MatchRegexp, "severity", "critical|warning")},
		})
	}
	tree, err := route.New(root)
	if err != nil {
		b.Fatal(err)
	}
	ls := alert.NewLabels(map[string]string{"alertname": "Down", "instance": "a:1", "job": "api", "severity": "critical", "team": "ops"})
	dst := make([]*route.Route, 0, 8)
	b.ReportAllocs()
	for b.Loop() {
		dst = tree.AppendMatch(dst[:0], ls)
	}
}

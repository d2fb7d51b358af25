package inhibit_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	amcommon "github.com/prometheus/alertmanager/config/common"
	"github.com/prometheus/alertmanager/pkg/labels"
	"pgregory.net/rapid"

	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/inhibit"
)

// rule reads "source | target | equal equal".
func rule(t interface{ Fatal(...any) }, text string) amcommon.InhibitRule {
	parts := strings.Split(text, " | ")
	var r amcommon.InhibitRule
	for i, into := range []*amcommon.Matchers{&r.SourceMatchers, &r.TargetMatchers} {
		if s := strings.TrimSpace(parts[i]); s != "" {
			ms, err := labels.ParseMatchers("{" + s + "}")
			if err != nil {
				t.Fatal(err)
			}
			*into = amcommon.Matchers(ms)
		}
	}
	if len(parts) > 2 {
		r.Equal = strings.Fields(parts[2])
	}
	return r
}

// world is a store with an inhibitor on it.
type world struct {
	t     *testing.T
	store *alert.Store
	ih    *inhibit.Inhibitor
	now   time.Time
}

func newWorld(t *testing.T, rules ...string) *world {
	t.Helper()
	w := &world{t: t, store: alert.NewStore(alert.Options{}), now: time.Unix(1_700_000_000, 0)}
	var rs []amcommon.InhibitRule
	for _, r := range rules {
		rs = append(rs, rule(t, r))
	}
	var err error
	if w.ih, err = inhibit.New(rs); err != nil {
		t.Fatal(err)
	}
	return w
}

func labelsOf(spec string) alert.Labels {
	m := map[string]string{}
	for _, f := range strings.Fields(spec) {
		k, v, _ := strings.Cut(f, "=")
		m[k] = v
	}
	return alert.NewLabels(m)
}

// put posts an alert that ends after the given time.
func (w *world) put(spec string, lasts time.Duration) {
	a := alert.Of(labelsOf(spec))
	a.StartsAt, a.EndsAt, a.UpdatedAt = w.now.Add(-time.Minute).UnixNano(), w.now.Add(lasts).UnixNano(), w.now.UnixNano()
	for _, c := range w.store.Put(w.now, []alert.Alert{a}).Changes {
		w.ih.Observe(c.Record)
	}
}

func (w *world) inhibited(spec string) string {
	a := alert.Of(labelsOf(spec))
	by, ok := w.ih.Inhibits(&a, w.now)
	if !ok {
		return ""
	}
	return by.Labels.String()
}

func (w *world) is(spec, by string) {
	w.t.Helper()
	if got := w.inhibited(spec); got != by {
		w.t.Errorf("%s is inhibited by %q, want %q", spec, got, by)
	}
}

func TestEqualLabels(t *testing.T) {
	w := newWorld(t, "sev=critical | sev=warning | job zone")
	w.put("sev=critical job=x", time.Hour)
	w.is("sev=warning job=x", `{job="x", sev="critical"}`)
	w.is("sev=warning job=y", "")
	w.is("sev=warning job=x zone=1", "")
	w.is("sev=info job=x", "")
	w.put("sev=critical job=y zone=1", time.Hour)
	w.is("sev=warning job=y zone=1", `{job="y", sev="critical", zone="1"}`)
}

// Inventory 10.B10: the last source that fires holds the target, whichever was
// heard of last.
func TestLastSourceCounts(t *testing.T) {
	w := newWorld(t, "sev=critical | sev=warning | job")
	w.put("sev=critical job=x n=1", time.Hour)
	w.put("sev=critical job=x n=2", time.Hour)
	w.put("sev=critical job=x n=2", 0)
	w.is("sev=warning job=x", `{job="x", n="1", sev="critical"}`)
	w.put("sev=critical job=x n=2", time.Hour)
	w.put("sev=critical job=x n=1", 0)
	w.is("sev=warning job=x", `{job="x", n="2", sev="critical"}`)
	w.put("sev=critical job=x n=2", 0)
	w.is("sev=warning job=x", "")
}

func TestSourceEndsByTime(t *testing.T) {
	w := newWorld(t, "sev=critical | sev=warning | job")
	w.put("sev=critical job=x", time.Minute)
	w.is("sev=warning job=x", `{job="x", sev="critical"}`)
	w.now = w.now.Add(time.Minute)
	w.is("sev=warning job=x", "")
	// It comes back after it was forgotten.
	w.now = w.now.Add(time.Hour)
	w.is("sev=warning job=x", "")
	w.ih.Sweep(w.now)
	w.put("sev=critical job=x", time.Minute)
	w.is("sev=warning job=x", `{job="x", sev="critical"}`)
	w.ih.Sweep(w.now)
	w.is("sev=warning job=x", `{job="x", sev="critical"}`)
}

func TestTwoSidedRule(t *testing.T) {
	w := newWorld(t, `sev=~"critical|both" | sev=~"warning|both" | job`)
	w.put("sev=both job=x n=1", time.Hour)
	w.is("sev=both job=x n=2", "")
	w.is("sev=both job=x n=1", "")
	w.is("sev=warning job=x", `{job="x", n="1", sev="both"}`)
	w.put("sev=critical job=x", time.Hour)
	w.is("sev=both job=x n=2", `{job="x", sev="critical"}`)
}

func TestEmptyRule(t *testing.T) {
	w := newWorld(t, "  |  ", "sev=critical | sev=warning | job")
	w.put("sev=critical job=x", time.Hour)
	w.put("sev=info job=y", time.Hour)
	w.is("sev=info job=x", "")
	w.is("sev=warning job=x", `{job="x", sev="critical"}`)
	if w.ih.Len() != 2 {
		t.Errorf("%d rules", w.ih.Len())
	}
}

func TestOldForms(t *testing.T) {
	r := amcommon.InhibitRule{SourceMatch: map[string]string{"sev": "critical"}, TargetMatch: map[string]string{"sev": "warning"}}
	ih, err := inhibit.New([]amcommon.InhibitRule{r})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.ih = ih
	w.put("sev=critical", time.Hour)
	w.is("sev=warning", `{sev="critical"}`)
	w.is("sev=info", "")
}

// naive is the rule as the guide to Alertmanager words it.
func naive(rules []amcommon.InhibitRule, sources []*alert.Alert, target *alert.Alert, now time.Time) bool {
	matches := func(ms []*labels.Matcher, ls alert.Labels) bool {
		for _, m := range ms {
			if !m.Matches(ls.Get(m.Name)) {
				return false
			}
		}
		return true
	}
	for _, r := range rules {
		if !matches(r.TargetMatchers, target.Labels) {
			continue
		}
		both := matches(r.SourceMatchers, target.Labels)
		if slices.ContainsFunc(sources, func(s *alert.Alert) bool {
			if s.Resolved(now) || !matches(r.SourceMatchers, s.Labels) || both && matches(r.TargetMatchers, s.Labels) {
				return false
			}
			return !slices.ContainsFunc(r.Equal, func(n string) bool { return s.Labels.Get(n) != target.Labels.Get(n) })
		}) {
			return true
		}
	}
	return false
}

func TestAgainstNaive(t *testing.T) {
	texts := []string{
		"a=1 | b=1 | c", "a=1 | a=2 | b c", "a!=1 | b=1", `a=~"1|2" | a=~"2|3" | b`, "c=1 | c=1 | a b", "  |  ",
		`a="" | b=2 | c`, `a!="",b=1 | b!=1 | c`, "a=1,b=1 |  | c",
	}
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		var rules []amcommon.InhibitRule
		for _, text := range rapid.SliceOfN(rapid.SampledFrom(texts), 1, 4).Draw(rt, "rules") {
			rules = append(rules, rule(rt, text))
		}
		var err error
		if w.ih, err = inhibit.New(rules); err != nil {
			rt.Fatal(err)
		}
		drawSpec := rapid.Custom(func(t *rapid.T) string {
			var s []string
			for _, n := range []string{"a", "b", "c"} {
				if v := rapid.IntRange(0, 3).Draw(t, n); v > 0 {
					s = append(s, fmt.Sprintf("%s=%d", n, v))
				}
			}
			return strings.Join(append(s, "x=y"), " ")
		})
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			switch rapid.IntRange(0, 5).Draw(rt, "op") {
			case 0:
				w.now = w.now.Add(time.Duration(rapid.IntRange(1, 9).Draw(rt, "later")) * time.Minute)
			case 1:
				w.ih.Sweep(w.now)
			default:
				w.put(drawSpec.Draw(rt, "source"), time.Duration(rapid.IntRange(0, 9).Draw(rt, "lasts"))*time.Minute)
			}
			target := alert.Of(labelsOf(drawSpec.Draw(rt, "target")))
			var sources []*alert.Alert
			for r := range w.store.All() {
				sources = append(sources, r.Load())
			}
			_, got := w.ih.Inhibits(&target, w.now)
			if want := naive(rules, sources, &target, w.now); got != want {
				rt.Fatalf("%s inhibited: %v, want %v; rules %v", target.Labels, got, want, rules)
			}
		}
	})
}

func BenchmarkInhibits(b *testing.B) {
	store := alert.NewStore(alert.Options{})
	var rules []amcommon.InhibitRule
	for i := range 200 {
		rules = append(rules, rule(b, fmt.Sprintf("alertname=Source%d | team=t%d | cluster", i, i)))
	}
	ih, err := inhibit.New(rules)
	if err != nil {
		b.Fatal(err)
	}
	now := time.Now()
	for i := range 10000 {
		a := alert.Of(labelsOf(fmt.Sprintf("alertname=Source%d cluster=c%d n=%d", i%200, i%50, i)))
		a.EndsAt = now.Add(time.Hour).UnixNano()
		for _, c := range store.Put(now, []alert.Alert{a}).Changes {
			ih.Observe(c.Record)
		}
	}
	target := alert.Of(labelsOf("alertname=Target cluster=none team=t7 instance=i job=j"))
	b.ReportAllocs()
	for b.Loop() {
		ih.Inhibits(&target, now)
	}
}

package alert_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
	"weak"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"pgregory.net/rapid"

	"tocsin/dispatcher/alert"
)

func member(name, instance string, ts times) alert.Alert {
	a := alert.Of(alert.NewLabels(map[string]string{"alertname": name, "instance": instance}))
	a.StartsAt, a.EndsAt, a.UpdatedAt = at(ts.start), at(ts.end), at(ts.updated)
	return a
}

// TestQuotaCountsWhatFires compares with a count over the whole store, at every
// step.
func TestQuotaCountsWhatFires(t *testing.T) {
	const limit = 2
	rapid.Check(t, func(t *rapid.T) {
		s := alert.NewStore(alert.Options{PerAlertnameLimit: limit})
		clock := time.Duration(0)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			clock += time.Duration(rapid.IntRange(0, 3).Draw(t, "pause")) * time.Second
			now := base.Add(clock)
			if rapid.IntRange(0, 9).Draw(t, "what") == 0 {
				s.GC(now)
				continue
			}
			a := member(rapid.SampledFrom([]string{"x", "x", "x", "y"}).Draw(t, "name"),
				fmt.Sprint(rapid.IntRange(0, 3).Draw(t, "instance")), times{start: clock - time.Second, updated: clock})
			a.EndsAt = now.Add(time.Duration(rapid.IntRange(0, 8).Draw(t, "length")) * time.Second).UnixNano()

			fires := firingOf(s, a.Name(), now)
			r, known := s.Get(a.Hash)
			mayEnter := fires < limit || known && (!r.Load().Resolved(now) || a.Resolved(now))
			res := s.Put(now, []alert.Alert{a})
			if (res.Limited == 0) != mayEnter {
				t.Fatalf("%d of %s fire, limited = %d: %s", fires, a.Name(), res.Limited, show(&a))
			}
			if n := firingOf(s, a.Name(), now); n > limit {
				t.Fatalf("%d alerts of %s fire, the limit is %d", n, a.Name(), limit)
			}
		}
	})
}

func firingOf(s *alert.Store, name string, now time.Time) int {
	n := 0
	for r := range s.All() {
		if a := r.Load(); a.Name() == name && !a.Resolved(now) {
			n++
		}
	}
	return n
}

func TestQuotaMakesRoom(t *testing.T) {
	s := alert.NewStore(alert.Options{PerAlertnameLimit: 1})
	put := func(now time.Duration, a alert.Alert) int {
		t.Helper()
		return s.Put(base.Add(now), []alert.Alert{a}).Limited
	}
	if put(0, member("x", "1", times{end: time.Minute})) != 0 {
		t.Errorf("the first was limited")
	}
	if put(0, member("x", "2", times{end: time.Minute})) != 1 || s.Len() != 1 {
		t.Errorf("the second was let in")
	}
	if put(0, member("y", "1", times{end: time.Minute})) != 0 {
		t.Errorf("another alertname was limited")
	}
	if put(time.Second, member("x", "1", times{end: 2 * time.Minute, updated: time.Second})) != 0 {
		t.Errorf("a refresh was limited")
	}
	if put(time.Minute, member("x", "2", times{end: 3 * time.Minute})) != 1 {
		t.Errorf("the end before the refresh still counts")
	}
	if put(2*time.Minute, member("x", "2", times{end: 3 * time.Minute})) != 0 {
		t.Errorf("no room after the first ended by time")
	}
	if put(2*time.Minute, member("x", "2", times{end: 2 * time.Minute, updated: 2 * time.Minute})) != 0 {
		t.Errorf("a resolve was limited")
	}
	if put(2*time.Minute, member("x", "3", times{end: 9 * time.Minute})) != 0 {
		t.Errorf("no room after a resolve")
	}
	if put(2*time.Minute, member("x", "1", times{start: 2 * time.Minute, end: 9 * time.Minute, updated: 2 * time.Minute})) != 1 {
		t.Errorf("the first fires again beyond the limit")
	}
}

// TestQuotaLetsGo is about memory: what the store has collected is not kept by
// the count of its alertname.
func TestQuotaLetsGo(t *testing.T) {
	s := alert.NewStore(alert.Options{PerAlertnameLimit: 5})
	a := member("x", "1", times{end: time.Minute})
	r := weak.Make(s.Put(base, []alert.Alert{a}).Changes[0].Record)
	if got := s.GC(base.Add(time.Hour)); len(got) != 1 {
		t.Fatalf("collected %d records, want 1", len(got))
	}
	runtime.GC()
	if r.Value() != nil {
		t.Errorf("a collected record is still referred to")
	}
	runtime.KeepAlive(s)
}

func TestQuotaIsInTheMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	s := alert.NewStore(alert.Options{PerAlertnameLimit: 1, NamesInMetrics: true, Registerer: reg})
	s.Put(base, []alert.Alert{
		member("x", "1", times{end: time.Minute}), member("x", "2", times{end: time.Minute}), member("x", "3", times{end: time.Minute}),
	})
	want := `
# HELP alertmanager_alerts_limited_total Alerts that were dropped because their alertname was at its limit.
# TYPE alertmanager_alerts_limited_total counter
alertmanager_alerts_limited_total{alertname="x"} 2
# HELP alertmanager_alerts_per_alert_limit How many alerts of one alertname may fire at once; 0 is without limit.
# TYPE alertmanager_alerts_per_alert_limit gauge
alertmanager_alerts_per_alert_limit 1
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "alertmanager_alerts_limited_total", "alertmanager_alerts_per_alert_limit"); err != nil {
		t.Error(err)
	}
}

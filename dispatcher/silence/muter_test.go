package silence_test

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"
	"pgregory.net/rapid"

	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/silence"
	"tocsin/fsm/model"
)

// view is a state of replicated silences.
type view struct {
	rev  uint64
	sils map[string]*model.Silence
}

func (v *view) SilenceRev() uint64 { return v.rev }

func (v *view) Silences() iter.Seq[*model.Silence] {
	return func(yield func(*model.Silence) bool) {
		for _, s := range v.sils {
			if !yield(s) {
				return
			}
		}
	}
}

// put is the view with one silence more, or changed.
func (v *view) put(s model.Silence) *view {
	n := &view{rev: v.rev + 1, sils: maps.Clone(v.sils)}
	if n.sils == nil {
		n.sils = make(map[string]*model.Silence)
	}
	s.Rev = n.rev
	n.sils[s.ID] = &s
	return n
}

func (v *view) drop(id string) *view {
	n := &view{rev: v.rev + 1, sils: maps.Clone(v.sils)}
	delete(n.sils, id)
	return n
}

func TestMutes(t *testing.T) {
	v := &view{}
	m := silence.NewMuter(func() silence.View { return v })
	a := alert.Of(alert.NewLabels(map[string]string{"alertname": "a", "job": "x"}))
	is := func(d time.Duration, want ...string) {
		t.Helper()
		if got := m.Mutes(&a, time.UnixMilli(int64(at(d)))); !slices.Equal(got, want) {
			t.Errorf("at %v muted by %v, want %v", d, got, want)
		}
	}
	is(0)
	v = v.put(model.Silence{ID: "s2", MatcherSets: eq("job", "x"), StartsAt: at(time.Minute), EndsAt: at(time.Hour)})
	is(0)
	is(time.Minute-time.Millisecond, nil...)
	is(time.Minute, "s2")
	is(time.Hour, "s2")
	is(time.Hour+time.Millisecond, nil...)
	// Inventory 10.B3: an extension counts for an alert that was looked at
	// after the silence was over.
	v = v.put(model.Silence{ID: "s2", MatcherSets: eq("job", "x"), StartsAt: at(time.Minute), EndsAt: at(9 * time.Hour)})
	is(time.Hour+time.Millisecond, "s2")
	v = v.put(model.Silence{ID: "s1", MatcherSets: [][]model.Matcher{{{Name: "job", Value: "y"}}, {{Name: "alertname", Type: model.MatchRegexp, Value: "a|b"}}}, EndsAt: at(9 * time.Hour)})
	is(2*time.Hour, "s1", "s2")
	v = v.put(model.Silence{ID: "s2", MatcherSets: eq("job", "z"), EndsAt: at(9 * time.Hour)})
	is(2*time.Hour, "s1")
	v = v.drop("s1")
	is(2 * time.Hour)
}

// A restored backup sets revisions back; nothing that was remembered before may
// count then.
func TestMutesAfterRestore(t *testing.T) {
	first := (&view{rev: 100}).put(model.Silence{ID: "s", MatcherSets: eq("job", "x"), EndsAt: at(time.Hour)})
	other := (&view{rev: 49}).put(model.Silence{ID: "s", MatcherSets: eq("job", "y"), EndsAt: at(time.Hour)})
	v := first
	m := silence.NewMuter(func() silence.View { return v })
	x := alert.Of(alert.NewLabels(map[string]string{"job": "x"}))
	y := alert.Of(alert.NewLabels(map[string]string{"job": "y"}))
	for i, c := range []struct {
		v    *view
		x, y bool
	}{{first, true, false}, {other, false, true}, {first, true, false}, {other.put(model.Silence{ID: "t", MatcherSets: eq("job", "x"), EndsAt: at(time.Hour)}), true, true}} {
		v = c.v
		if got := m.Mutes(&x, time.UnixMilli(int64(now))) != nil; got != c.x {
			t.Errorf("%d: x is muted: %v", i, got)
		}
		if got := m.Mutes(&y, time.UnixMilli(int64(now))) != nil; got != c.y {
			t.Errorf("%d: y is muted: %v", i, got)
		}
	}
}

func naive(v *view, a *alert.Alert, t model.Millis) []string {
	types := []labels.MatchType{labels.MatchEqual, labels.MatchNotEqual, labels.MatchRegexp, labels.MatchNotRegexp}
	var ids []string
	for _, s := range v.sils {
		if s.State(t) != model.SilenceActive {
			continue
		}
		if slices.ContainsFunc(s.MatcherSets, func(set []model.Matcher) bool {
			for _, m := range set {
				lm, err := labels.NewMatcher(types[m.Type], m.Name, m.Value)
				if err != nil || !lm.Matches(a.Labels.Get(m.Name)) {
					return false
				}
			}
			return true
		}) {
			ids = append(ids, s.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

func TestMutesAgainstNaive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := &view{}
		m := silence.NewMuter(func() silence.View { return v })
		drawMatcher := rapid.Custom(func(t *rapid.T) model.Matcher {
			return model.Matcher{
				Type: model.MatchType(rapid.IntRange(0, 3).Draw(t, "type")), Name: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name"),
				Value: rapid.SampledFrom([]string{"", "1", "2", "1|2", ".+"}).Draw(t, "value"),
			}
		})
		var alerts []*alert.Alert
		for i := range 9 {
			m := map[string]string{"a": fmt.Sprint(i % 3)}
			if i > 2 {
				m["b"] = fmt.Sprint(i / 3)
			}
			a := alert.Of(alert.NewLabels(m))
			alerts = append(alerts, &a)
		}
		clock := now
		for range rapid.IntRange(1, 15).Draw(t, "steps") {
			id := fmt.Sprint("s", rapid.IntRange(0, 3).Draw(t, "id"))
			switch rapid.IntRange(0, 4).Draw(t, "op") {
			case 0:
				v = v.drop(id)
			case 1:
				clock += model.Millis(rapid.IntRange(1, 5).Draw(t, "later") * 60_000)
			default:
				s := model.Silence{ID: id, StartsAt: clock + model.Millis(rapid.IntRange(-2, 3).Draw(t, "from")*60_000)}
				s.EndsAt = s.StartsAt + model.Millis(rapid.IntRange(0, 5).Draw(t, "lasts")*60_000)
				for range rapid.IntRange(1, 2).Draw(t, "sets") {
					s.MatcherSets = append(s.MatcherSets, rapid.SliceOfN(drawMatcher, 1, 3).Draw(t, "set"))
				}
				v = v.put(s)
			}
			a := rapid.SampledFrom(alerts).Draw(t, "alert")
			got := m.Mutes(a, time.UnixMilli(int64(clock)))
			if want := naive(v, a, clock); !slices.Equal(got, want) {
				t.Fatalf("%s muted by %v, want %v", a.Labels, got, want)
			}
		}
	})
}

func TestMutesFromManyGoroutines(t *testing.T) {
	var mu sync.Mutex
	v := &view{}
	m := silence.NewMuter(func() silence.View { mu.Lock(); defer mu.Unlock(); return v })
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 200 {
				name := fmt.Sprint("j", i%10)
				if g == 0 {
					mu.Lock()
					v = v.put(model.Silence{ID: name, MatcherSets: eq("job", name), EndsAt: at(time.Hour)})
					mu.Unlock()
				}
				a := alert.Of(alert.NewLabels(map[string]string{"job": name}))
				muted := m.Mutes(&a, time.UnixMilli(int64(now)))
				if g == 0 && len(muted) != 1 {
					t.Errorf("%s is muted by %v right after it was silenced", name, muted)
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkMutes(b *testing.B) {
	v := &view{sils: make(map[string]*model.Silence), rev: 1}
	for i := range 10000 {
		id := fmt.Sprint("s", i)
		v.sils[id] = &model.Silence{ID: id, Rev: uint64(i + 1), MatcherSets: eq("job", id), EndsAt: at(time.Hour)}
		if i%100 == 0 {
			v.sils[id].MatcherSets[0][0].Type = model.MatchRegexp
		}
	}
	m := silence.NewMuter(func() silence.View { return v })
	a := alert.Of(alert.NewLabels(map[string]string{"alertname": "a", "job": "none", "instance": "i"}))
	t := time.UnixMilli(int64(now))
	b.Run("known", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m.Mutes(&a, t)
		}
	})
	b.Run("new", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			a.Hash++
			m.Mutes(&a, t)
		}
	})
	b.Run("afterChange", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			v = v.put(model.Silence{ID: "x", MatcherSets: eq("job", "x"), EndsAt: at(time.Hour)})
			m.Mutes(&a, t)
		}
	})
}

package alert_test

import (
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	upstream "github.com/prometheus/alertmanager/alert"
	"pgregory.net/rapid"

	"tocsin/dispatcher/alert"
	"tocsin/fsm/model"
)

// mem is Alertmanager's provider for one label set, with its own Merge.
type mem struct{ alert *upstream.Alert }

func (m *mem) put(in *upstream.Alert) {
	if old := m.alert; old != nil {
		if (in.EndsAt.After(old.StartsAt) && in.EndsAt.Before(old.EndsAt)) ||
			(in.StartsAt.After(old.StartsAt) && in.StartsAt.Before(old.EndsAt)) {
			in = old.Merge(in)
		}
	}
	m.alert = in
}

func TestPutMergesAsAlertmanager(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		synctest.Test(t, func(*testing.T) {
			s, m := alert.NewStore(alert.Options{}), mem{}
			for range rapid.IntRange(1, 8).Draw(rt, "updates") {
				time.Sleep(time.Duration(rapid.IntRange(1, 5).Draw(rt, "pause")) * time.Second)
				a := drawUpdate(rt, time.Now())
				m.put(a.Upstream())
				s.Put(time.Now(), []alert.Alert{a})
				got := record(t, s, a).Load().Upstream()
				if !got.StartsAt.Equal(m.alert.StartsAt) || !got.EndsAt.Equal(m.alert.EndsAt) ||
					!got.UpdatedAt.Equal(m.alert.UpdatedAt) || got.Timeout != m.alert.Timeout ||
					!got.Annotations.Equal(m.alert.Annotations) {
					rt.Fatalf("after %s:\n got %+v\nwant %+v", show(&a), got, m.alert)
				}
			}
		})
	})
}

// drawUpdate draws an update posted at now, with ends and starts that often
// meet those of others.
func drawUpdate(t *rapid.T, now time.Time) alert.Alert {
	a := alert.Of(alert.NewLabels(map[string]string{"alertname": "x"}))
	seconds := rapid.IntRange(-8, 8)
	start := now.Add(time.Duration(seconds.Draw(t, "start")) * time.Second)
	end := start.Add(time.Duration(rapid.IntRange(0, 16).Draw(t, "length")) * time.Second)
	a.StartsAt, a.EndsAt, a.UpdatedAt = start.UnixNano(), end.UnixNano(), now.UnixNano()
	a.Timeout = rapid.Bool().Draw(t, "timeout")
	a.Annotations = alert.NewAnnotations(map[string]string{
		"summary": rapid.SampledFrom([]string{"one", "two"}).Draw(t, "summary"),
	})
	return a
}

// TestResolvedStaysResolved is the race that leaves alerts firing: a firing
// update and the resolving one after it, handled by different goroutines (I17).
func TestResolvedStaysResolved(t *testing.T) {
	const n, writers = 10_000, 8
	s := alert.NewStore(alert.Options{})
	updates := make([]alert.Alert, 0, 2*n)
	for i := range n {
		ls := alert.NewLabels(map[string]string{"alertname": "x", "i": string(rune('a' + i%26)), "n": time.Duration(i).String()})
		firing := alert.Of(ls)
		firing.StartsAt, firing.EndsAt, firing.UpdatedAt = at(0), at(5*time.Minute), at(time.Second)
		resolved := firing
		resolved.EndsAt, resolved.UpdatedAt = at(2*time.Second), at(2*time.Second)
		updates = append(updates, firing, resolved)
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(updates), func(i, j int) { updates[i], updates[j] = updates[j], updates[i] })

	now := base.Add(3 * time.Second)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := w; i < len(updates); i += writers {
				s.Put(now, updates[i:i+1])
			}
		})
	}
	wg.Go(func() {
		for range 20 {
			for r := range s.All() {
				r.Load().Resolved(now)
			}
		}
	})
	wg.Wait()

	firing := 0
	for r := range s.All() {
		if !r.Load().Resolved(now) {
			firing++
		}
	}
	if s.Len() != n || firing != 0 {
		t.Fatalf("%d alerts, %d of them firing; want %d and 0", s.Len(), firing, n)
	}
}

func TestOvertakenUpdateChangesNothing(t *testing.T) {
	s := alert.NewStore(alert.Options{})
	resolved := build("x", "new", times{start: 0, end: 2 * time.Minute, updated: 2 * time.Minute})
	firing := build("x", "old", times{start: 0, end: 6 * time.Minute, updated: time.Minute})
	s.Put(base, []alert.Alert{resolved})
	res := s.Put(base, []alert.Alert{firing})
	if got := record(t, s, firing).Load(); got.EndsAt != resolved.EndsAt || got.Annotations != resolved.Annotations {
		t.Errorf("an older update made of %s: %s", show(&resolved), show(got))
	}
	if len(res.Changes) != 0 || res.Refreshed != 1 {
		t.Errorf("result is %+v, want one refresh", res)
	}
}

func TestPostIsNewerThanWhatWasHeard(t *testing.T) {
	s := alert.NewStore(alert.Options{})
	ahead := build("x", "skewed", times{start: 0, end: 10 * time.Minute, updated: time.Hour})
	s.Merge(base, []alert.Alert{ahead})
	resolve := build("x", "here", times{start: 0, end: time.Minute, updated: time.Minute})
	res := s.Put(base.Add(time.Minute), []alert.Alert{resolve})
	got := record(t, s, ahead).Load()
	if !got.Resolved(base.Add(time.Minute)) || got.UpdatedAt <= ahead.UpdatedAt {
		t.Errorf("after a node with a fast clock, a resolve posted here makes %s", show(got))
	}
	if len(res.Changes) != 1 || res.Changes[0].Kind != alert.Resolved {
		t.Errorf("changes are %+v, want one resolved", res.Changes)
	}
	other := alert.NewStore(alert.Options{})
	other.Merge(base, []alert.Alert{ahead})
	other.Merge(base, []alert.Alert{*got})
	if got := record(t, other, ahead).Load(); !got.Resolved(base.Add(time.Minute)) {
		t.Errorf("the node with the fast clock still has %s", show(got))
	}
}

func TestSamePostTwiceIsNoNews(t *testing.T) {
	s := alert.NewStore(alert.Options{})
	a := build("x", "", times{start: 0, end: 5 * time.Minute, updated: time.Second})
	s.Merge(base, []alert.Alert{a})
	heard := only(s)
	s.Put(base, []alert.Alert{a})
	if only(s) != heard {
		t.Errorf("the post that a peer was told of, too, makes %s", show(only(s)))
	}
}

func TestEqualTimesOfUpdate(t *testing.T) {
	variants := []alert.Alert{
		build("x", "a", times{start: 0, end: 5 * time.Minute, updated: time.Second}),
		build("x", "a", times{start: 0, end: time.Second, updated: time.Second}),
		build("x", "b", times{start: -time.Second, end: time.Second, updated: time.Second}),
		build("x", "b", times{start: 0, end: 6 * time.Minute, updated: time.Second}),
	}
	variants[0].Timeout = true
	for i := range variants {
		for j := range variants {
			a, b := alert.NewStore(alert.Options{}), alert.NewStore(alert.Options{})
			a.Merge(base, []alert.Alert{variants[i], variants[j]})
			b.Merge(base, []alert.Alert{variants[j], variants[i]})
			if show(only(a)) != show(only(b)) {
				t.Errorf("%d and %d make\n%s or\n%s", i, j, show(only(a)), show(only(b)))
			}
			if want := max(variants[i].EndsAt, variants[j].EndsAt); only(a).EndsAt != want {
				t.Errorf("%d and %d end at %v", i, j, alert.Time(only(a).EndsAt))
			}
		}
	}
}

// TestNodesEndWithTheSame lets nodes take posts and exchange what they have, in
// any order, and then exchange until nothing moves.
func TestNodesEndWithTheSame(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		nodes := []*alert.Store{
			alert.NewStore(alert.Options{}), alert.NewStore(alert.Options{}), alert.NewStore(alert.Options{}),
		}
		pick := rapid.IntRange(0, len(nodes)-1)
		for i := range rapid.IntRange(1, 10).Draw(rt, "steps") {
			now := base.Add(time.Duration(rapid.IntRange(0, i).Draw(rt, "clock")) * time.Second)
			from, to := nodes[pick.Draw(rt, "from")], nodes[pick.Draw(rt, "to")]
			if rapid.Bool().Draw(rt, "post") {
				to.Put(now, []alert.Alert{drawUpdate(rt, now)})
				continue
			}
			exchange(from, to, now)
		}
		now := base.Add(time.Minute)
		for range len(nodes) {
			for _, from := range nodes {
				for _, to := range nodes {
					exchange(from, to, now)
				}
			}
		}
		for _, n := range nodes[1:] {
			if a, b := only(nodes[0]), only(n); show(a) != show(b) {
				rt.Fatalf("nodes differ:\n%s\n%s", show(a), show(b))
			}
		}
		before := only(nodes[0])
		if res := nodes[0].Merge(now, []alert.Alert{orNothing(before)}); before != nil && (len(res.Changes) != 0 || only(nodes[0]) != before) {
			rt.Fatalf("hearing of the same state again changed it: %+v", res)
		}
	})
}

func exchange(from, to *alert.Store, now time.Time) {
	if a := only(from); a != nil {
		to.Merge(now, []alert.Alert{*a})
	}
}

func only(s *alert.Store) *alert.Alert {
	for r := range s.All() {
		return r.Load()
	}
	return nil
}

func orNothing(a *alert.Alert) alert.Alert {
	if a == nil {
		return alert.Alert{Hash: model.AlertHash(1)}
	}
	return *a
}

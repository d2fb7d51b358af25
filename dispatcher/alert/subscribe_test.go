package alert_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"tocsin/dispatcher/alert"
)

// heardOf collects what a subscriber is told.
type heardOf struct {
	mu  sync.Mutex
	got []string // guarded by mu
}

func (h *heardOf) told(changes []alert.Change, from alert.Origin) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range changes {
		h.got = append(h.got, fmt.Sprintf("%s %s %s", from, c.Kind, c.New.Name()))
	}
}

func TestSubscribe(t *testing.T) {
	s := alert.NewStore(alert.Options{PerAlertnameLimit: 2})
	var one, two heardOf
	cancel := s.Subscribe(one.told)
	s.Put(base, []alert.Alert{build("a", "x", times{0, time.Hour, 0}), build("b", "x", times{0, time.Hour, 0})})
	cancelTwo := s.Subscribe(two.told)
	refresh := build("a", "x", times{0, 2 * time.Hour, time.Second})
	s.Put(base.Add(time.Second), []alert.Alert{refresh, build("b", "y", times{0, time.Hour, time.Second})})
	s.Merge(base.Add(time.Second), []alert.Alert{refresh}) // it is known
	s.Merge(base.Add(2*time.Second), []alert.Alert{build("c", "x", times{0, time.Hour, time.Second})})
	cancel()
	cancel()
	res := s.Put(base.Add(3*time.Second), []alert.Alert{build("a", "x", times{0, 2 * time.Second, 3 * time.Second})})
	if len(res.Changes) != 1 || res.Changes[0].Kind != alert.Resolved {
		t.Errorf("the result has %v, want the end of a", res.Changes)
	}
	cancelTwo()
	s.Put(base.Add(4*time.Second), []alert.Alert{build("d", "x", times{0, time.Hour, 4 * time.Second})})

	want := []string{"posted refreshed a", "posted changed b", "heard new c"}
	if all := append([]string{"posted new a", "posted new b"}, want...); !slices.Equal(one.got, all) {
		t.Errorf("the first subscriber was told %q, want %q", one.got, all)
	}
	if all := append(want, "posted resolved a"); !slices.Equal(two.got, all) {
		t.Errorf("the second subscriber was told %q, want %q", two.got, all)
	}
}

// Refreshes are told to subscribers and stay out of results.
func TestSubscribeResult(t *testing.T) {
	s := alert.NewStore(alert.Options{})
	var h heardOf
	s.Subscribe(h.told)
	s.Put(base, []alert.Alert{build("a", "x", times{0, time.Hour, 0})})
	res := s.Put(base.Add(time.Second), []alert.Alert{build("a", "x", times{0, 2 * time.Hour, time.Second})})
	if len(res.Changes) != 0 || res.Refreshed != 1 || len(h.got) != 2 {
		t.Errorf("result %+v, told %q", res, h.got)
	}
}

// What is told at once may be used again: many at a time must not meet.
func TestSubscribeAtOnce(t *testing.T) {
	s := alert.NewStore(alert.Options{})
	var h heardOf
	s.Subscribe(h.told)
	var all sync.WaitGroup
	const posters, rounds = 8, 50
	for p := range posters {
		all.Go(func() {
			name := fmt.Sprint(p)
			for i := range rounds {
				d := time.Duration(i) * time.Second
				s.Put(base.Add(d), []alert.Alert{build(name, "x", times{0, time.Hour + d, d})})
			}
		})
	}
	all.Wait()
	counts := map[string]int{}
	for _, g := range h.got {
		counts[g]++
	}
	for p := range posters {
		if n, r := counts[fmt.Sprintf("posted new %d", p)], counts[fmt.Sprintf("posted refreshed %d", p)]; n != 1 || r != rounds-1 {
			t.Errorf("poster %d: told %d times as new, %d times as refreshed", p, n, r)
		}
	}
}

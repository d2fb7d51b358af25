package alert_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tocsin/dispatcher/alert"
)

func TestKinds(t *testing.T) {
	firing := build("x", "one", times{start: 0, end: 5 * time.Minute, updated: 0})
	later := firing
	later.EndsAt, later.UpdatedAt = at(6*time.Minute), at(time.Minute)
	reworded := build("x", "two", times{start: 0, end: 6 * time.Minute, updated: time.Minute})
	restarted := build("x", "one", times{start: 5 * time.Minute, end: 6 * time.Minute, updated: 7 * time.Minute})
	resolved := build("x", "one", times{start: 0, end: time.Minute, updated: time.Minute})
	early := build("x", "one", times{start: 0, end: 5*time.Minute - time.Second, updated: 5*time.Minute - time.Second})
	again := build("x", "one", times{start: 7 * time.Minute, end: 12 * time.Minute, updated: 7 * time.Minute})

	tests := []struct {
		name    string
		before  []alert.Alert
		put     alert.Alert
		now     time.Duration
		want    alert.Kind // 0: refreshed
		endsNow bool
	}{
		{"first", nil, firing, 0, alert.New, false},
		{"first and resolved", nil, resolved, time.Minute, alert.New, true},
		{"same again", []alert.Alert{firing}, firing, 0, 0, false},
		{"later end", []alert.Alert{firing}, later, time.Minute, 0, false},
		{"annotation", []alert.Alert{firing}, reworded, time.Minute, alert.Changed, false},
		{"resolve", []alert.Alert{firing}, resolved, time.Minute, alert.Resolved, true},
		{"resolve again", []alert.Alert{firing, resolved}, resolved, time.Minute, 0, true},
		{"fires again", []alert.Alert{firing, resolved}, again, 7 * time.Minute, alert.Changed, false},
		{"goes on well before its end", []alert.Alert{firing}, later, 5*time.Minute - 16*time.Second, 0, false},
		{"goes on close to its end", []alert.Alert{firing}, later, 5*time.Minute - 15*time.Second, alert.Changed, false},
		{"goes on at its end", []alert.Alert{firing}, later, 5 * time.Minute, alert.Changed, false},
		{"same again close to its end", []alert.Alert{firing}, firing, 5*time.Minute - time.Second, 0, false},
		{"resolve close to its end", []alert.Alert{firing}, early, 5*time.Minute - time.Second, alert.Resolved, true},
		{"fires again from the same start", []alert.Alert{firing, resolved}, later, 2 * time.Minute, alert.Changed, false},
		{"fires again after it ended by time", []alert.Alert{firing}, again, 7 * time.Minute, alert.Changed, false},
		{"ended by time, told so", []alert.Alert{firing}, restarted, 7 * time.Minute, alert.Changed, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := alert.NewStore(alert.Options{})
			told := alert.NewStore(alert.Options{TellRefreshed: true})
			now := base.Add(tt.now)
			for _, b := range tt.before {
				s.Put(now, []alert.Alert{b})
				told.Put(now, []alert.Alert{b})
			}
			res := s.Put(now, []alert.Alert{tt.put})
			if tt.want == 0 {
				if len(res.Changes) != 0 || res.Refreshed != 1 {
					t.Fatalf("result is %+v, want one refresh and no change", res)
				}
			} else if len(res.Changes) != 1 || res.Changes[0].Kind != tt.want || res.Refreshed != 0 {
				t.Fatalf("result is %+v, want one change: %v", res, tt.want)
			}
			r := record(t, s, tt.put)
			if got := r.Load().Resolved(now); got != tt.endsNow {
				t.Errorf("resolved = %v, want %v: %s", got, tt.endsNow, show(r.Load()))
			}
			if res := told.Put(now, []alert.Alert{tt.put}); tt.name == "later end" &&
				(len(res.Changes) != 1 || res.Changes[0].Kind != alert.Refreshed || res.Changes[0].Old == res.Changes[0].New) {
				t.Errorf("with TellRefreshed the result is %+v", res)
			}
		})
	}
}

func TestPutIdentifies(t *testing.T) {
	s := alert.NewStore(alert.Options{})
	a := alert.Alert{Labels: alert.NewLabels(map[string]string{"a": "b"}), StartsAt: at(0), EndsAt: at(time.Minute)}
	batch := []alert.Alert{a}
	s.Put(base, batch)
	r, ok := s.Get(a.Labels.Hash())
	if !ok || r.Load().Fingerprint != a.Labels.Fingerprint() {
		t.Fatalf("an alert without a hash was not given one")
	}
	batch[0].EndsAt = 1
	if r.Load().EndsAt != at(time.Minute) {
		t.Errorf("the store shares memory with the batch")
	}
}

func TestCollisionIsDroppedAndCounted(t *testing.T) {
	s := alert.NewStore(alert.Options{})
	a := build("x", "", times{end: time.Minute})
	b := build("y", "", times{end: time.Minute})
	b.Hash = a.Hash
	s.Put(base, []alert.Alert{a})
	if res := s.Put(base, []alert.Alert{b}); res.Collided != 1 || len(res.Changes) != 0 {
		t.Errorf("result is %+v, want one collision", res)
	}
	if got := record(t, s, a).Load().Name(); got != "x" {
		t.Errorf("the record is of alert %q now", got)
	}
}

func TestGCTakesWhatIsOverAndFree(t *testing.T) {
	s := alert.NewStore(alert.Options{})
	over := build("over", "", times{end: time.Minute})
	held := build("held", "", times{end: time.Minute})
	firing := build("firing", "", times{end: 5 * time.Minute})
	s.Put(base, []alert.Alert{over, held, firing})
	gone, kept := record(t, s, over), record(t, s, held)
	for range 2 {
		if !kept.Hold() {
			t.Fatalf("a record in the store cannot be held")
		}
	}
	if kept.Held() != 2 {
		t.Errorf("%d holds, want 2", kept.Held())
	}
	kept.Drop()

	now := base.Add(2 * time.Minute)
	if got := s.GC(now); len(got) != 1 || got[0] != gone || s.Len() != 2 {
		t.Fatalf("collected %d records, %d stay; want 1 and 2", len(got), s.Len())
	}
	if gone.Hold() || gone.Held() != 0 {
		t.Errorf("a record that left the store can be held")
	}
	kept.Drop()
	if got := s.GC(now); len(got) != 1 || got[0] != kept || s.Len() != 1 {
		t.Errorf("collected %d records after the drop, %d stay; want 1 and 1", len(got), s.Len())
	}
	if res := s.Put(now, []alert.Alert{over}); len(res.Changes) != 1 || res.Changes[0].Kind != alert.New || res.Changes[0].Record == gone {
		t.Errorf("an alert that was collected comes back as %+v", res)
	}
}

func TestDropTooOftenIsABug(t *testing.T) {
	s := alert.NewStore(alert.Options{})
	a := build("x", "", times{end: time.Minute})
	s.Put(base, []alert.Alert{a})
	defer func() {
		if recover() == nil {
			t.Errorf("a drop without a hold did not panic")
		}
	}()
	record(t, s, a).Drop()
}

func TestHoldRacesGC(t *testing.T) {
	s := alert.NewStore(alert.Options{})
	now := base.Add(time.Hour)
	var wg sync.WaitGroup
	for i := range 200 {
		a := build(time.Duration(i).String(), "", times{end: time.Minute})
		r := s.Put(base, []alert.Alert{a}).Changes[0].Record
		wg.Go(func() {
			for range 50 {
				if r.Hold() {
					if got, ok := s.Get(r.Load().Hash); !ok || got != r {
						t.Errorf("a held record is not in the store")
					}
					r.Drop()
				}
			}
		})
	}
	wg.Go(func() {
		for range 50 {
			s.GC(now)
		}
	})
	wg.Wait()
	s.GC(now)
	if s.Len() != 0 {
		t.Errorf("%d records stay", s.Len())
	}
}

func TestRunCollects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := alert.NewStore(alert.Options{GCInterval: time.Minute})
		a := alert.Of(alert.NewLabels(map[string]string{"a": "b"}))
		a.EndsAt = time.Now().Add(90 * time.Second).UnixNano()
		s.Put(time.Now(), []alert.Alert{a})
		ctx, cancel := context.WithCancel(t.Context())
		var when time.Duration
		begin, done := time.Now(), make(chan struct{})
		go func() {
			defer close(done)
			s.Run(ctx, func(rs []*alert.Record) { when = time.Since(begin) })
		}()
		time.Sleep(10 * time.Minute)
		cancel()
		<-done
		if when != 2*time.Minute || s.Len() != 0 {
			t.Errorf("collected after %v, %d stay; want 2m and 0", when, s.Len())
		}
	})
}

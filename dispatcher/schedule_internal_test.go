package dispatcher

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

func TestScheduleOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Now()
		q := newSchedule(now.Add(-time.Hour))
		epochs := []*epoch{{}, {}}
		want := map[*slot]time.Duration{}
		var all []*slot
		for range rapid.IntRange(0, 60).Draw(t, "n") {
			switch op := rapid.IntRange(0, 5).Draw(t, "op"); {
			case op == 0 && len(all) > 0:
				s := rapid.SampledFrom(all).Draw(t, "remove")
				q.remove(s)
				delete(want, s)
			case op == 1 && len(all) > 0:
				s := rapid.SampledFrom(all).Draw(t, "again")
				at := time.Duration(rapid.IntRange(-50, 0).Draw(t, "at"))
				q.push(s, now.Add(at))
				want[s] = at
			case op == 2 && rapid.IntRange(0, 9).Draw(t, "drop") == 0:
				q.drop(epochs[0])
				for s := range want {
					if s.of == epochs[0] {
						delete(want, s)
					}
				}
			default:
				s := &slot{of: rapid.SampledFrom(epochs).Draw(t, "of")}
				at := time.Duration(rapid.IntRange(-50, 0).Draw(t, "at"))
				q.push(s, now.Add(at))
				all, want[s] = append(all, s), at
			}
		}
		var last time.Time
		for len(want) > 0 {
			s, _ := q.pop(now)
			if s == nil {
				t.Fatalf("%d slots missing", len(want))
			}
			at, ok := want[s]
			if !ok || !s.at.Equal(now.Add(at)) || s.at.Before(last) {
				t.Fatalf("popped %v after %v, want %v (%v)", s.at, last, at, ok)
			}
			last = s.at
			delete(want, s)
		}
		if s, _ := q.pop(now); s != nil {
			t.Fatal("a slot too many")
		}
	})
}

func TestScheduleGateAndWake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		zero := time.Now()
		q := newSchedule(zero.Add(10 * time.Second))
		ctx, cancel := context.WithCancel(context.Background())
		workers := make(chan *slot)
		go q.run(ctx, workers)
		var fired []time.Duration
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				select {
				case <-workers:
					fired = append(fired, time.Since(zero))
				case <-ctx.Done():
					return
				}
			}
		}()
		q.push(&slot{}, zero.Add(time.Second))
		q.push(&slot{}, zero.Add(30*time.Second))
		time.Sleep(15 * time.Second)
		q.push(&slot{}, zero.Add(20*time.Second))
		time.Sleep(25 * time.Second)
		cancel()
		<-done
		synctest.Wait()
		if want := []time.Duration{10 * time.Second, 20 * time.Second, 30 * time.Second}; !slices.Equal(fired, want) {
			t.Errorf("fired at %v, want %v", fired, want)
		}
	})
}

func TestLanesKeepOneFromTakingAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLanes(8)
		var held []*lane
		for range 2 {
			held = append(held, l.enter(t.Context(), "slow"))
		}
		// The third of the slow one waits; others go past it.
		waits := make(chan *lane, 1)
		go func() { waits <- l.enter(context.Background(), "slow") }()
		synctest.Wait()
		other := l.enter(t.Context(), "quick")
		if other == nil || l.inside() != 3 {
			t.Fatalf("%d inside", l.inside())
		}
		l.leave(other)
		synctest.Wait()
		if len(waits) != 0 {
			t.Fatal("the slow one got the room of another")
		}
		l.leave(held[0])
		synctest.Wait()
		if len(waits) != 1 {
			t.Fatal("nobody was let in")
		}
		l.leave(<-waits)
		l.leave(held[1])
		// Who gives up leaves nothing behind.
		for range 2 {
			held = append(held, l.enter(t.Context(), "slow"))
		}
		ctx, cancel := context.WithCancel(context.Background())
		gone := make(chan *lane)
		go func() { gone <- l.enter(ctx, "slow") }()
		synctest.Wait()
		cancel()
		if <-gone != nil {
			t.Fatal("entered after the context ended")
		}
		l.leave(held[2])
		l.leave(held[3])
		if l.inside() != 0 || len(l.queue) != 0 || len(l.per) != 0 {
			t.Errorf("left behind: %d inside, %d in line, %v", l.inside(), len(l.queue), l.per)
		}
	})
}

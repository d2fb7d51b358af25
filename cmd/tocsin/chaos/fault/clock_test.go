package fault_test

import (
	"fmt"
	"testing"
	"time"

	"tocsin/cmd/tocsin/chaos/fault"
)

// reading is what a process says of its clocks, and when it was asked.
type reading struct {
	wall          time.Time
	mono          time.Duration // since its start
	before, after time.Time
}

func read(c *child) reading {
	c.t.Helper()
	r := reading{before: time.Now()}
	var wall int64
	if _, err := fmt.Sscan(c.ask("clock"), &wall, (*int64)(&r.mono)); err != nil {
		c.t.Fatal(err)
	}
	r.after = time.Now()
	r.wall = time.Unix(0, wall)
	return r
}

func TestClock(t *testing.T) {
	t.Parallel()
	c, other := start(t), start(t)
	read(c) // so it runs
	clock, err := fault.OpenClock(c.pid())
	possible(t, err)
	last := read(c)
	for _, offset := range []time.Duration{
		time.Hour, -time.Hour, 0, 250 * time.Millisecond, -1500 * time.Millisecond, -time.Nanosecond, 24 * 365 * time.Hour, 0,
	} {
		check(t, clock.Step(offset))
		for range 20 {
			r := read(c)
			lo, hi := r.before.Add(offset).Round(0), r.after.Add(offset).Round(0)
			if r.wall.Before(lo) || r.wall.After(hi) {
				t.Fatalf("with an offset of %v the clock shows %v, want between %v and %v", offset, r.wall, lo, hi)
			}
			least, most := r.before.Sub(last.after), r.after.Sub(last.before)
			if went := r.mono - last.mono; went < least || went > most {
				t.Fatalf("with an offset of %v the monotonic clock went %v, want between %v and %v", offset, went, least, most)
			}
			last = r
		}
		if r := read(other); r.wall.Before(r.before.Round(0)) || r.wall.After(r.after.Round(0)) {
			t.Fatalf("another process sees %v between %v and %v", r.wall, r.before, r.after)
		}
	}
}

func TestClockOfNobody(t *testing.T) {
	t.Parallel()
	c := start(t)
	read(c) // so it runs
	clock, err := fault.OpenClock(c.pid())
	possible(t, err)
	check(t, fault.Kill(c.pid()))
	if err := clock.Step(time.Hour); err == nil {
		t.Error("the clock of a process that has ended was moved")
	}
	if _, err := fault.OpenClock(c.pid()); err == nil {
		t.Error("the clock of a process that has ended was found")
	}
}

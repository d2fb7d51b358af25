package clock_test

import (
	"testing"
	"testing/synctest"
	"time"

	"tocsin/cluster/clock"
	"tocsin/fsm/model"
)

// machine is a machine whose wall clock can be set.
type machine struct {
	*clock.Clock
	skew time.Duration
}

func newMachine(skew time.Duration) *machine {
	m := &machine{skew: skew}
	m.Clock = clock.New(clock.Options{Wall: func() time.Time { return time.Now().Add(m.skew) }})
	return m
}

// ask measures another machine's clock, over a network of that round trip.
func (m *machine) ask(id model.NodeID, o *machine, trip time.Duration) {
	sent := m.Elapsed()
	time.Sleep(trip / 2)
	told := o.Tell()
	time.Sleep(trip - trip/2)
	m.Heard(id, told, sent, m.Elapsed())
}

func (m *machine) off() time.Duration { return time.Until(m.Now()) }

func all(model.NodeID) bool { return true }

// TestClockIsNotSetAlone: a jump of the wall clock is not believed before the
// others are asked, nor when they contradict it; when they confirm it, it is.
func TestClockIsNotSetAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, c := newMachine(0), newMachine(0), newMachine(100*time.Millisecond)
		round := func() clock.Verdict {
			a.ask("b", b, 20*time.Millisecond)
			a.ask("c", c, 20*time.Millisecond)
			return a.Judge(3, all)
		}
		if v := round(); !v.Sure || v.Corrected || a.off() != 0 {
			t.Fatalf("three clocks agree: %+v, off by %v", v, a.off())
		}
		for _, step := range []time.Duration{time.Hour, -time.Hour, 3 * time.Second} {
			a.skew = step
			if off := a.off().Abs(); off > time.Second {
				t.Errorf("set by %v: off by %v before anybody was asked", step, off)
			}
			select {
			case <-a.Steps():
			default:
				t.Errorf("set by %v: nobody is told to ask the others", step)
			}
			v := round()
			if step.Abs() > clock.Tolerance && (!v.Corrected || a.off().Abs() > time.Second) {
				t.Errorf("set by %v: %+v, off by %v after the others were asked", step, v, a.off())
			}
			if s := a.Standing(); (s.Skew - step).Abs() > 200*time.Millisecond {
				t.Errorf("set by %v: its skew is said to be %v", step, s.Skew)
			}
			a.skew = 0
			if round(); a.off() != 0 {
				t.Errorf("set back: off by %v", a.off())
			}
		}
		// All three are set, or this machine slept.
		a.skew, b.skew, c.skew = time.Hour, time.Hour, time.Hour
		if round(); a.off() != time.Hour {
			t.Errorf("all were set by an hour: off by %v", a.off())
		}
	})
}

// TestClockAlone: without others, or with two whose measurements took too long,
// the machine's clock counts, after the next judgement.
func TestClockAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMachine(0), newMachine(0)
		a.Judge(1, all)
		a.skew = time.Hour
		if a.off() != 0 {
			t.Errorf("a jump is believed at once")
		}
		if a.Judge(1, all); a.off() != time.Hour {
			t.Errorf("alone: off by %v after its clock was set, want an hour", a.off())
		}
		a.ask("b", b, 3*time.Second)
		a.ask("c", b, 3*time.Second)
		if v := a.Judge(3, all); v.Clocks != 1 {
			t.Errorf("%d clocks count, but the answers took 3 s", v.Clocks)
		}
	})
}

// TestClockIsHeldWhileAlone: a node that agreed with the others does not follow
// a jump when it is cut off from them, and its measurements grow old.
func TestClockIsHeldWhileAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, c := newMachine(0), newMachine(0), newMachine(0)
		a.ask("b", b, 0)
		a.ask("c", c, 0)
		a.Judge(3, all)
		time.Sleep(20 * time.Second)
		if v := a.Judge(3, all); v.Clocks != 1 || !v.Sure {
			t.Fatalf("cut off: %+v", v)
		}
		a.skew = -time.Hour
		for range 60 {
			time.Sleep(2 * time.Second)
			if a.Judge(3, all); a.off() != 0 {
				t.Fatalf("off by %v", a.off())
			}
		}
		a.skew = 0
		if v := a.Judge(3, all); v.Corrected || a.off() != 0 {
			t.Errorf("set back: %+v, off by %v", v, a.off())
		}
	})
}

// TestBetterMeasurementCounts: a slow answer does not replace a fast one of a
// moment ago, unless both cannot be right.
func TestBetterMeasurementCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMachine(0), newMachine(time.Minute)
		a.ask("b", b, 2*time.Millisecond)
		a.ask("b", b, 800*time.Millisecond)
		if got := a.Standing().Peers["b"]; got.Error != time.Millisecond || got.Offset.Round(time.Second) != time.Minute {
			t.Errorf("measured %+v", got)
		}
		b.skew = 0
		a.ask("b", b, 800*time.Millisecond)
		if got := a.Standing().Peers["b"]; got.Offset.Round(time.Second) != 0 {
			t.Errorf("after it was set: %+v", got)
		}
	})
}

package cluster_test

import (
	"sync/atomic"
	"testing"
	"time"

	"tocsin/cluster"
)

// wallClock is a machine's wall clock that can be set.
type wallClock struct{ skew atomic.Int64 }

func (w *wallClock) set(to time.Duration) { w.skew.Store(int64(to)) }

func (w *wallClock) option(o *cluster.Options) {
	o.Now = func() time.Time { return time.Now().Add(time.Duration(w.skew.Load())) }
}

func (n *node) off() time.Duration { return time.Until(n.Now()).Round(time.Millisecond) }

// TestClocksAreCompared: a node whose clock is set asks the others at once, goes
// by theirs, and all nodes show it (I16).
func TestClocksAreCompared(t *testing.T) {
	bubble(t, func(r *rig) {
		var wall wallClock
		reg := newRegistry()
		a := r.start(1, peers(1, 2, 3), expect(3), wall.option, func(o *cluster.Options) { o.Registerer = reg })
		b, c := r.start(2, peers(1, 2, 3), expect(3)), r.start(3, peers(1, 2, 3), expect(3))
		defer stopAll(a, b, c)
		r.until(10*time.Second, "three nodes ready", func() bool { return a.isReady() && b.isReady() && c.isReady() })
		time.Sleep(5 * time.Second)
		for _, step := range []time.Duration{time.Hour, -time.Hour} {
			wall.set(step)
			for range 100 {
				if off := a.off().Abs(); off > time.Second {
					t.Fatalf("set by %v: it goes by a time that is off by %v", step, off)
				}
				time.Sleep(50 * time.Millisecond)
			}
			for _, n := range []*node{a, b, c} {
				p := peerOf(n, a.ID())
				if !p.ClockKnown || !p.ClockCorrected || (p.ClockSkew-step).Abs() > time.Second {
					t.Errorf("set by %v: node %d shows it as %v, known %v, corrected %v", step, n.i, p.ClockSkew, p.ClockKnown, p.ClockCorrected)
				}
				if p := peerOf(n, b.ID()); !p.ClockKnown || p.ClockCorrected || p.ClockSkew.Abs() > time.Second {
					t.Errorf("set by %v: node %d shows another, that is right, as %v", step, n.i, p.ClockSkew)
				}
			}
			m := gather(t, reg)
			if got := m["tocsin_clock_own_skew_seconds"]; got < step.Seconds()-1 || got > step.Seconds()+1 || m["tocsin_clock_corrected"] != 1 {
				t.Errorf("set by %v: metrics tell of %v, corrected %v", step, got, m["tocsin_clock_corrected"])
			}
			if got := -m["tocsin_clock_skew_seconds"]; got < step.Seconds()-1 || got > step.Seconds()+1 {
				t.Errorf("set by %v: another's clock is told to be %v ahead", step, -got)
			}
			wall.set(0)
			time.Sleep(5 * time.Second)
		}
		if p := peerOf(b, a.ID()); p.ClockCorrected || a.off() != 0 {
			t.Errorf("set back: %+v", p)
		}
	})
}

// TestClockIsSettledBeforeAnythingIsJudged: a node that starts with a wrong clock
// knows it when ClockSettled is closed, which is at once if the others are there,
// and soon if they are not.
func TestClockIsSettledBeforeAnythingIsJudged(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		nodes[2].stop()
		wrong := &wallClock{}
		wrong.set(-time.Hour)
		again := r.start(3, peers(1, 2, 3), wrong.option)
		begun := time.Now()
		<-again.ClockSettled()
		if off := again.off().Abs(); off > time.Second {
			t.Errorf("settled with a clock that is off by %v", off)
		}
		if took := time.Since(begun); took > time.Second {
			t.Errorf("settled after %v, though the others are there", took)
		}
		q := again.Quorum()
		if !q.Held && again.Now().Sub(q.LostAt) > time.Minute {
			t.Errorf("a correction of the clock counts as %v without a quorum", again.Now().Sub(q.LostAt))
		}
		again.stop()
		r.net.Split([]string{ip(3)}, []string{ip(1), ip(2)})
		again = r.start(3, peers(1, 2, 3), wrong.option)
		begun = time.Now()
		<-again.ClockSettled()
		if took := time.Since(begun); took > 3*time.Second {
			t.Errorf("cut off, settled after %v", took)
		}
		r.net.Heal()
		stopAll(nodes[0], nodes[1], again)
	})
}

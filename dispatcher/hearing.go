package dispatcher

import (
	"sync/atomic"
	"time"
)

// hearing is what this node knows of how well it hears its sources. That an alert
// is over because its time has passed is judged by silence, and silence means
// nothing where nobody can be heard (I17).
type hearing struct {
	inStep func() bool
	// posted is when a source was last heard, by the wall clock in nanoseconds;
	// the start before that. outOfStep is since when the alerts have not been
	// in step, by the monotonic clock from zero on; 0 while they are.
	posted    atomic.Int64
	zero      time.Time
	outOfStep atomic.Int64
}

func newHearing(inStep func() bool, started time.Time) *hearing {
	h := &hearing{inStep: inStep, zero: time.Now()}
	h.posted.Store(started.UnixNano())
	return h
}

// heard says that a source has posted something.
func (h *hearing) heard(wall time.Time) { h.posted.Store(wall.UnixNano()) }

// stepTime is how long this node may take to bring its alerts into step while
// there is a quorum. If the exchange is out of order for longer, what is over by
// time is over.
const stepTime = 30 * time.Second

// unsure reports whether what is over by time alone may be told of by others who
// hear better: this node sees nobody, or has not compared its alerts since.
func (h *hearing) unsure(m mode, now time.Time) bool {
	if m.lonely {
		return true
	}
	if h.inStep() {
		h.outOfStep.Store(0)
		return false
	}
	at := max(1, int64(now.Sub(h.zero)))
	h.outOfStep.CompareAndSwap(0, at)
	return m.degraded || time.Duration(at-h.outOfStep.Load()) < stepTime
}

// judged is the moment as of which alerts are over by time and inhibit others. For
// a node that sees no other it is when it last heard a source: where all went
// silent at once it is more likely the node that is cut off, so what was stays,
// until somebody speaks.
func (h *hearing) judged(m mode, wall time.Time) time.Time {
	if !m.lonely {
		return wall
	}
	if last := time.Unix(0, h.posted.Load()); last.Before(wall) {
		return last
	}
	return wall
}

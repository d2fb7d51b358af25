package clock

import (
	"slices"
	"time"
)

// Base is what a wall clock shows, in nanoseconds since 1970, less the time that
// has passed on this node's monotonic clock.
type Base int64

// Sub is the time by which b is ahead of o.
func (b Base) Sub(o Base) time.Duration { return time.Duration(b - o) }

// The bounds of belief.
const (
	// Step is how far a wall clock may jump between two looks and be followed
	// at once.
	Step = 2 * time.Second
	// Tolerance is how far from the others a node's own clock may be and count.
	Tolerance = 5 * time.Second
	// return to one's own clock, and corrections of a correction, come at less
	// than these, so that nothing flaps and time does not tremble.
	backWithin = Tolerance / 2
	tremble    = 500 * time.Millisecond
	// holdTime is how long a jump is disbelieved on a node that hears nobody.
	holdTime = 6 * time.Hour
)

// Vote is one other node's clock.
type Vote struct {
	// Wall is its wall clock, Believed what it goes by.
	Wall, Believed Base
	// Sure: a majority agreed once with what it goes by.
	Sure bool
}

// Belief is what a node goes by.
type Belief struct {
	Base Base
	// Sure: a majority agreed with it once, and nothing since said otherwise.
	Sure bool
	// Corrected: Base is not the node's own clock.
	Corrected bool
	// Alone is how long the own clock has contradicted Base with nobody to ask;
	// 0 if the others had contradicted it already.
	Alone time.Duration
}

// Evidence is what is known of all clocks at a moment.
type Evidence struct {
	Own    Base
	Heard  []Vote
	Voters int // of the cluster, 0 if not known
	Before Belief
	// Passed is the time since the last judgement.
	Passed time.Duration
}

// Verdict is what follows from it.
type Verdict struct {
	Belief
	// Median is that of the clocks that were compared; the own clock if they
	// were fewer than three. Clocks is how many were.
	Median Base
	Clocks int
}

// Judge says which time to go by. The package's comment has the rules.
func Judge(e Evidence) Verdict {
	clocks := []Base{e.Own}
	for _, v := range e.Heard {
		clocks = append(clocks, v.Wall)
	}
	votes := clocks
	if len(clocks) < 3 || len(clocks) <= e.Voters/2 {
		if past, ok := e.past(); ok {
			votes = append(clocks[:len(clocks):len(clocks)], past)
		}
	}
	out := Verdict{Median: e.Own, Clocks: len(clocks)}
	switch {
	case len(votes) >= 3:
		out.Median = median(votes, e.Before)
		out.Belief = e.follow(out.Median)
	case len(votes) == 2 && len(clocks) == 1:
		out.Belief = e.alone()
	default:
		out.Belief = Belief{Base: e.Own}
	}
	out.Sure = out.Sure || agreed(clocks, out.Base, e.Voters)
	return out
}

// past is what was right so far by a majority's word: this node's, or else that
// of a node that it hears. A node without others has nobody's word.
func (e Evidence) past() (Base, bool) {
	if e.Voters == 1 && len(e.Heard) == 0 {
		return 0, false
	}
	if e.Before.Sure {
		return e.Before.Base, true
	}
	for _, v := range e.Heard {
		if v.Sure {
			return v.Believed, true
		}
	}
	return 0, false
}

// follow is the belief when the median is known.
func (e Evidence) follow(med Base) Belief {
	within := Tolerance
	if e.Before.Corrected {
		within = backWithin
	}
	b := Belief{Base: e.Own, Sure: e.Before.Sure}
	switch {
	case near(e.Own, med, within):
	case e.Before.Corrected && near(e.Before.Base, med, tremble):
		b.Base, b.Corrected = e.Before.Base, true
	default:
		b.Base, b.Corrected = med, true
	}
	return b
}

// alone is the belief when there is nothing to go by but the past.
func (e Evidence) alone() Belief {
	if near(e.Own, e.Before.Base, Tolerance) {
		return Belief{Base: e.Own, Sure: true}
	}
	b := e.Before
	if b.Corrected && b.Alone == 0 {
		return b // the others had said so
	}
	b.Corrected, b.Alone = true, b.Alone+max(1, e.Passed)
	if b.Alone > holdTime {
		return Belief{Base: e.Own}
	}
	return b
}

// agreed reports whether a majority of the voters, and two clocks at least, are
// where b is.
func agreed(clocks []Base, b Base, voters int) bool {
	n := 0
	for _, c := range clocks {
		if near(c, b, Tolerance) {
			n++
		}
	}
	return n >= 2 && n > voters/2
}

// median is the middle one; of two, the one closer to what was believed, for
// between two groups of clocks that disagree there is no time that is right.
func median(of []Base, before Belief) Base {
	s := slices.Clone(of)
	slices.Sort(s)
	low, high := s[(len(s)-1)/2], s[len(s)/2]
	if before.Base.Sub(low).Abs() <= high.Sub(before.Base).Abs() {
		return low
	}
	return high
}

func near(a, b Base, within time.Duration) bool { return a.Sub(b).Abs() <= within }

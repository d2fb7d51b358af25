package clock

import (
	"sync"
	"sync/atomic"
	"time"

	"tocsin/fsm/model"
)

// Options say what a Clock reads.
type Options struct {
	// Wall is the machine's wall clock; default time.Now.
	Wall func() time.Time
	// Elapsed is the time that has passed since some moment, on a clock that
	// nobody sets. Default: the monotonic clock of package time, which may
	// stand still while the machine sleeps.
	Elapsed func() time.Duration
}

// Clock is the wall clock to go by. All methods may be called from several
// goroutines; Now takes no lock.
type Clock struct {
	opts  Options
	now   atomic.Pointer[course]
	steps chan struct{}

	mu      sync.Mutex // guards the rest
	heard   map[model.NodeID]sample
	verdict Verdict
	judged  time.Duration // when, by Elapsed
}

// course is what Now goes by until the next judgement.
type course struct {
	base Base
	own  bool // the own wall clock, while it stays near base
}

// New makes a clock that goes by the machine's until it is told of others.
func New(o Options) *Clock {
	if o.Wall == nil {
		o.Wall = time.Now
	}
	if o.Elapsed == nil {
		begun := time.Now()
		o.Elapsed = func() time.Duration { return time.Since(begun) }
	}
	c := &Clock{opts: o, steps: make(chan struct{}, 1), heard: make(map[model.NodeID]sample)}
	_, own, at := c.read()
	c.verdict = Verdict{Belief: Belief{Base: own}, Median: own, Clocks: 1}
	c.judged = at
	c.now.Store(&course{base: own, own: true})
	return c
}

// read is the machine's wall clock now, its base, and the time elapsed.
func (c *Clock) read() (time.Time, Base, time.Duration) {
	wall, elapsed := c.opts.Wall().Round(0), c.opts.Elapsed()
	return wall, Base(wall.UnixNano() - int64(elapsed)), elapsed
}

// Now is the time to go by. It has no monotonic reading.
func (c *Clock) Now() time.Time {
	wall, own, elapsed := c.read()
	by := c.now.Load()
	stepped := by.own && !near(own, by.base, Step)
	if by.own && !stepped {
		return wall
	}
	if stepped {
		select {
		case c.steps <- struct{}{}:
		default:
		}
	}
	return time.Unix(0, int64(by.base)+int64(elapsed)).In(wall.Location())
}

// Steps gets a value when Now has seen the machine's clock jump: it is time to
// ask the others.
func (c *Clock) Steps() <-chan struct{} { return c.steps }

// Elapsed is the time on the clock that nobody sets.
func (c *Clock) Elapsed() time.Duration { return c.opts.Elapsed() }

// Told is what a node tells of its clock when it is asked.
type Told struct {
	// Wall is its wall clock in nanoseconds since 1970, Believed what it goes
	// by, Sure whether a majority agreed with that once, Corrected whether that
	// is not its own.
	Wall      int64 `json:"wall"`
	Believed  int64 `json:"believed"`
	Sure      bool  `json:"sure,omitempty"`
	Corrected bool  `json:"corrected,omitempty"`
	// Skew is by how many nanoseconds its wall clock is ahead of the median,
	// as it judges itself.
	Skew int64 `json:"skew,omitempty"`
}

// Tell is what another node is told.
func (c *Clock) Tell() Told {
	wall, own, elapsed := c.read()
	by := c.now.Load()
	believed := int64(by.base) + int64(elapsed)
	if by.own && near(own, by.base, Step) {
		believed = wall.UnixNano()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return Told{
		Wall: wall.UnixNano(), Believed: believed, Sure: c.verdict.Sure, Corrected: c.verdict.Corrected,
		Skew: int64(own.Sub(c.verdict.Median)),
	}
}

// Heard takes in what another node told of its clock; it was asked at sent and
// the answer came at received, both by Elapsed.
func (c *Clock) Heard(from model.NodeID, t Told, sent, received time.Duration) {
	s, ok := newSample(t, sent, received)
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if old, had := c.heard[from]; !had || s.replaces(old) {
		c.heard[from] = s
	}
}

// Judge decides anew which time to go by, from the clocks of those named that
// were heard lately, and forgets the others. voters is how many there are in the
// cluster, 0 if that is not known.
func (c *Clock) Judge(voters int, among func(model.NodeID) bool) Verdict {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, own, at := c.read()
	e := Evidence{Own: own, Voters: voters, Before: c.verdict.Belief, Passed: at - c.judged}
	for id, s := range c.heard {
		switch {
		case at-s.at > forgetAfter:
			delete(c.heard, id)
		case at-s.at <= freshFor && among(id):
			e.Heard = append(e.Heard, s.vote)
		}
	}
	c.verdict, c.judged = Judge(e), at
	c.now.Store(&course{base: c.verdict.Base, own: !c.verdict.Corrected})
	return c.verdict
}

// Standing is how the clocks stand.
type Standing struct {
	// Skew is by how much the machine's wall clock is ahead of the median of
	// the clocks that are compared; 0 where fewer than three are.
	Skew time.Duration
	// Corrected: Now goes by another time than the machine's.
	Corrected bool
	// Clocks is how many are compared, this one included.
	Clocks int
	Peers  map[model.NodeID]PeerClock
}

// PeerClock is another node's clock.
type PeerClock struct {
	// Offset is by how much its wall clock is ahead of this machine's, Skew of
	// the median.
	Offset, Skew time.Duration
	// Error bounds how far the two may be off, from the time that the
	// measurement took.
	Error time.Duration
	// Corrected: it goes by another time than its own clock's. Told is its skew
	// as it judges itself.
	Corrected bool
	Told      time.Duration
}

// Standing is how the clocks stand now.
func (c *Clock) Standing() Standing {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, own, at := c.read()
	v := c.verdict
	if v.Clocks < 3 && !v.Corrected {
		v.Median = own
	}
	s := Standing{
		Skew: own.Sub(v.Median), Corrected: v.Corrected, Clocks: v.Clocks,
		Peers: make(map[model.NodeID]PeerClock, len(c.heard)),
	}
	for id, h := range c.heard {
		if at-h.at > freshFor {
			continue
		}
		s.Peers[id] = PeerClock{
			Offset: h.vote.Wall.Sub(own), Skew: h.vote.Wall.Sub(v.Median), Error: h.trip / 2,
			Corrected: h.corrected, Told: h.told,
		}
	}
	return s
}

package dispatcher

import (
	"log/slog"
	"sync"
	"time"

	"tocsin/fsm/model"
)

// claimTimeout is how long a claim may stay unanswered, and how long a lost
// quorum is waited for, before a node goes on without.
const claimTimeout = 3 * time.Second

// cut is how this node stands to its quorum. The waits that a cut costs are
// counted from its beginning, so each is paid once a cut and not once a
// notification (I10).
type cut struct {
	peerTimeout time.Duration
	now         func() time.Time
	logger      *slog.Logger

	mu sync.Mutex // guards what follows
	// lost is when the quorum went, by the monotonic clock; zero while it is
	// held.
	lost time.Time
	// held is since when the quorum has been there without a break; zero while
	// it is lost.
	held time.Time
	// deaf is since when claims have had no answer, whether or not a leader was
	// known at times; zero while they have. probed is when the last was begun
	// or given up, missed when one was last given up.
	deaf, probed, missed time.Time
	said                 bool
}

// mode is how notifications are sent at a moment.
type mode struct {
	// degraded: without claims, from the given moment on.
	degraded bool
	from     time.Time
	// lonely: this node sees none of the others.
	lonely bool
}

// mode judges the cluster as it looks now.
func (c *cut) mode(q model.Quorum, now time.Time) mode {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.look(q, now)
	since := c.lost
	if since.IsZero() || !c.deaf.IsZero() && c.deaf.Before(since) {
		since = c.deaf
	}
	if since.IsZero() {
		c.say(false, q)
		return mode{}
	}
	wait := claimTimeout
	if q.CutOff() {
		wait = max(wait, c.peerTimeout)
	}
	m := mode{degraded: true, from: since.Add(wait), lonely: q.Voters > 1 && q.Reachable <= 1}
	if c.lost.IsZero() && now.Before(m.from) {
		// A leader is known: claims are tried until their time is over.
		return mode{}
	}
	c.say(c.said || !now.Before(m.from), q)
	return m
}

// look takes in whether there is a quorum. A quorum that comes and goes answers
// nothing, so what counts then is since when claims have had no answer. That is
// forgotten once the quorum has come back and stayed, which must not hang on
// there being something to claim.
func (c *cut) look(q model.Quorum, now time.Time) {
	if !q.Held {
		c.held = time.Time{}
		if c.lost.IsZero() {
			c.lost = now.Add(-c.age(q))
		}
		return
	}
	c.lost = time.Time{}
	if c.held.IsZero() {
		c.held = now
	}
	if c.missed.Before(c.held) && now.Sub(c.held) >= claimTimeout {
		// What went unanswered did so in the loss, which is over.
		c.deaf = time.Time{}
	}
}

// age is how long ago the quorum was lost. It is measured once a cut by the wall
// clock, and everything after by the monotonic one.
func (c *cut) age(q model.Quorum) time.Duration {
	if q.LostAt.IsZero() {
		return 0
	}
	return min(max(0, c.now().Sub(q.LostAt)), time.Hour)
}

// say logs the beginning and the end of sending without a quorum, once each.
func (c *cut) say(degraded bool, q model.Quorum) {
	if degraded == c.said {
		return
	}
	c.said = degraded
	if degraded {
		c.logger.Warn("no quorum: notifications are sent without it, and may be sent twice",
			"reachable", q.Reachable, "voters", q.Voters)
	} else {
		c.logger.Info("quorum is back: notifications are claimed again")
	}
}

// degraded reports whether notifications are sent without a quorum.
func (c *cut) degraded() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.said
}

// unanswered says that a claim proposed at began got no answer.
func (c *cut) unanswered(began time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.deaf.IsZero() {
		c.deaf = began
	}
	c.probed = time.Now()
	c.missed = c.probed
}

// answered says that the ledger has answered.
func (c *cut) answered() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deaf = time.Time{}
}

// mayProbe reports whether a claim may be tried although claims are not answered,
// to find out when they are again: one every claimTimeout.
func (c *cut) mayProbe(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.due(now)
}

// probe is mayProbe for the one who does.
func (c *cut) probe(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.due(now) {
		return false
	}
	c.probed = now
	return true
}

func (c *cut) due(now time.Time) bool {
	return c.lost.IsZero() && !c.deaf.IsZero() && now.Sub(c.probed) >= claimTimeout
}

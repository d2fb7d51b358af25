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
	// held. held is since when it has been there without a break; zero while
	// it is lost.
	lost, held time.Time
	// deaf is since when claims have had no answer, whether or not a leader was
	// known at times; zero while they have. probed is when the last was begun
	// or given up, missed when one was last given up, heard when one was last
	// answered.
	deaf, probed, missed, heard time.Time
	// alone is when this node last saw none of the others.
	alone time.Time
	// said is since when this node has sent without a quorum, by the wall
	// clock; zero while it does not.
	said time.Time
}

// mode is how notifications are sent at a moment.
type mode struct {
	// degraded: without claims, from the given moment on.
	degraded bool
	from     time.Time
	// wait is how long a delivery waits for the quorum at most.
	wait time.Duration
	// steady: the quorum has been there for long enough to answer a claim.
	steady bool
	// elsewhere: the others have a quorum, and this node's alerts.
	elsewhere bool
	// lonely: this node sees none of the others, or has not for long.
	lonely bool
}

// mode judges the cluster as it looks now.
func (c *cut) mode(q model.Quorum, now time.Time) mode {
	if q.Voters == 0 {
		// A node that is no member of a cluster yet has no quorum to lose.
		return mode{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.look(q, now)
	m := mode{
		elsewhere: !q.Held && q.Elsewhere,
		wait:      c.hold(q), lonely: !c.alone.IsZero() && now.Sub(c.alone) < reunion,
		steady: !c.held.IsZero() && now.Sub(c.held) >= claimTimeout,
	}
	since := c.lost
	if since.IsZero() || !c.said.IsZero() && !c.deaf.IsZero() && c.deaf.Before(since) {
		since = c.deaf
	}
	if since.IsZero() {
		if m.steady || !c.heard.Before(c.held) {
			c.say(false, q)
		}
		return m
	}
	m.steady = false
	m.from = since.Add(m.wait)
	if c.lost.IsZero() && now.Before(m.from) {
		// A leader is known: claims are tried until their time is over.
		return m
	}
	m.degraded = true
	if !now.Before(m.from) {
		c.say(true, q)
	}
	return m
}

// healTime is what a cut that has healed within the peer timeout still needs until
// claims are answered: connections, an election, a heartbeat.
const healTime = 2500 * time.Millisecond

// hold is how long a loss is waited out, from when the quorum was last there for
// certain. Gossip misses a node only after up to ten seconds, so what it sees when
// the quorum goes does not say yet whether the others could be a majority; and
// where a leader is known but does not answer, a new one is mostly being chosen.
// So with others in the cluster the tongue is held in any case.
func (c *cut) hold(q model.Quorum) time.Duration {
	if q.Voters > 1 {
		return max(claimTimeout, c.peerTimeout+healTime)
	}
	return claimTimeout
}

// reunion is how long a node that saw none of the others goes on as if it did
// not: so long its alerts may not be in step with theirs.
const reunion = 15 * time.Second

// look takes in whether there is a quorum. Each loss counts by itself, also when
// nobody looked between two: what a cut that comes and goes lets through in
// between is what the others have told. That claims have had no answer is
// forgotten once the quorum has come back and stayed, which must not hang on
// there being something to claim.
func (c *cut) look(q model.Quorum, now time.Time) {
	if !q.Held {
		c.held = time.Time{}
		if at := now.Add(-c.age(q.LostAt)); c.lost.IsZero() || at.Sub(c.lost) > newLoss {
			c.lost = at
		}
		if q.Elsewhere {
			// They tell. The tongue is held as long as they are heard.
			c.lost = later(c.lost, now.Add(-c.age(q.ElsewhereAt)))
		}
		if q.Voters > 1 && q.Reachable <= 1 {
			c.alone = now
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

// newLoss is how much later than the one that is known a loss must have been to
// be another: what the cluster says of it is exact to a moment only.
const newLoss = 100 * time.Millisecond

// age is how long ago a moment of the cluster's clock was.
func (c *cut) age(at time.Time) time.Duration {
	if at.IsZero() {
		return 0
	}
	return min(max(0, c.now().Sub(at)), time.Hour)
}

// say logs the beginning and the end of sending without a quorum, once each.
func (c *cut) say(degraded bool, q model.Quorum) {
	if degraded == !c.said.IsZero() {
		return
	}
	if degraded {
		c.said = c.now()
		c.logger.Warn("no quorum: notifications are sent without it, and may be sent twice",
			"reachable", q.Reachable, "voters", q.Voters, "quorum_held", q.Held)
	} else {
		c.logger.Info("quorum is back: notifications are claimed again", "after", c.now().Sub(c.said))
		c.said = time.Time{}
	}
}

// sends says that a message is about to be sent without a quorum.
func (c *cut) sends(q model.Quorum) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.say(true, q)
}

// degradedSince is since when this node has sent without a quorum, by its wall
// clock; zero if it does not.
func (c *cut) degradedSince() time.Time {
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
	c.deaf, c.heard = time.Time{}, time.Now()
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

package cluster

import (
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"tocsin/cluster/gossip"
	"tocsin/fsm/model"
)

// quorum is whether a leader is within reach, and since when not.
type quorum struct {
	mu   sync.Mutex // guards the rest
	held bool
	// looked is when it was last seen to be held, sure up to when it was then
	// there for certain.
	looked, sure time.Time
	lost         time.Time // up to when it was certainly there; all by the monotonic clock
	said         bool      // that it is lost for longer than an election takes
}

func (q *quorum) isHeld() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.held
}

// stoodStill is the least time without a look at the quorum, ten times the usual,
// that shows that the process did not run. Whether the quorum was there meanwhile
// nobody knows, and whoever wakes up must not count it as a cut.
const stoodStill = 10 * tick

// see takes down what is so now, and up to when a quorum that is held was there
// for certain. It reports whether it is new.
func (q *quorum) see(held bool, sure time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	now, was := time.Now(), q.held
	q.held = held
	switch {
	case held && !was:
		q.looked, q.sure = now, now
	case held:
		q.looked = now
		if sure.After(q.sure) {
			q.sure = sure
		}
	case was && now.Sub(q.looked) < stoodStill:
		q.lost = q.sure
	case was:
		q.lost = now
	}
	return held != was
}

// lostFor is how long there has been no leader, 0 if there is one.
func (q *quorum) lostFor() time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.held {
		return 0
	}
	return time.Since(q.lost)
}

// say takes down that the loss was said, or is over, and reports what was.
func (q *quorum) say(lost bool) (was bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	was, q.said = q.said, lost
	return was
}

// Quorum is how the node sees its cluster now.
func (n *Node) Quorum() model.Quorum {
	n.seeQuorum()
	q := model.Quorum{Held: n.quorum.isHeld()}
	if lost := n.quorum.lostFor(); !q.Held {
		// The wall clock may have been set or corrected since.
		q.LostAt = n.Now().Add(-lost)
	}
	q.Reachable, q.Voters = n.countVoters()
	if q.Held {
		return q
	}
	if heard, ok := n.quorumElsewhere(); ok {
		q.Elsewhere, q.ElsewhereAt = true, n.Now().Add(-time.Since(heard))
	}
	return q
}

// quorumElsewhere reports whether a majority of the voters says that it has a
// leader, by what it last told: this node is cut off from them where Raft goes,
// but not, or not noticeably yet, where gossip does. Gossip misses a node only
// after five to ten seconds; heard is up to when that majority has really been
// heard.
func (n *Node) quorumElsewhere() (heard time.Time, ok bool) {
	voters := n.voterIDs()
	var with []time.Time
	for _, id := range voters {
		if m, ok := n.member(id); ok && id != n.id && m.Alive && m.Flags&(gossip.FlagDegraded|gossip.FlagStorageFailed) == 0 {
			with = append(with, n.lastHeard(m))
		}
	}
	if len(with) <= len(voters)/2 {
		return time.Time{}, false
	}
	slices.SortFunc(with, func(a, b time.Time) int { return b.Compare(a) })
	return with[len(voters)/2], true
}

// lastHeard is when a member last showed that it is there: by an answer on its
// port, by an answer to a ping, or by news of itself.
func (n *Node) lastHeard(m gossip.Member) time.Time {
	at := m.Told
	if m.Acked.After(at) {
		at = m.Acked
	}
	if s, ok := n.sights.get(m.ID); ok && s.heard.After(at) {
		at = s.heard
	}
	return at
}

// holdsQuorum looks at Raft: this node leads, or has heard of the leader within
// an election timeout. A node whose disk is out of use holds nothing, whatever
// it hears. A follower is sure of its leader up to when it last heard of it; a
// leader steps down when a lease is over without a majority, so up to that long
// ago it had one.
func (n *Node) holdsQuorum() (held bool, sure time.Time) {
	e := n.engine.Load()
	if e == nil || e.failure() != nil {
		return false, time.Time{}
	}
	if _, err := n.storage.get(); err != nil {
		return false, time.Time{}
	}
	if e.raft.State() == raft.Leader {
		return true, time.Now().Add(-n.opts.Timing.LeaderLease)
	}
	_, leader := e.raft.LeaderWithID()
	contact := e.raft.LastContact()
	return leader != "" && time.Since(contact) < n.opts.Timing.Election, contact
}

// countVoters is how many voters are in sight, and how many there are.
func (n *Node) countVoters() (reachable, voters int) {
	e := n.engine.Load()
	if e == nil {
		return n.countKnownVoters()
	}
	cfg, _ := e.configuration()
	for _, s := range cfg.Servers {
		if s.Suffrage != raft.Voter {
			continue
		}
		voters++
		m, ok := n.member(model.NodeID(s.ID))
		if s.ID == e.id || ok && m.Alive {
			reachable++
		}
	}
	return reachable, voters
}

// countKnownVoters counts as countVoters did last, while Raft is down here.
func (n *Node) countKnownVoters() (reachable, voters int) {
	c := n.ranks.Load()
	if c == nil {
		return 0, 0
	}
	for _, id := range c.voters {
		voters++
		m, ok := n.member(id)
		if id == n.id || ok && m.Alive {
			reachable++
		}
	}
	return reachable, voters
}

// lookAtQuorum takes down what is so now, tells the others of a change, and
// works the ranks out anew.
func (n *Node) lookAtQuorum() {
	n.sayQuorum(n.seeQuorum())
	n.refreshRanks()
}

func (n *Node) seeQuorum() (held bool) {
	held, sure := n.holdsQuorum()
	if n.quorum.see(held, sure) {
		if held {
			n.cameBack()
		} else {
			n.behind.Store(false) // of what, is not known now
		}
		n.overlays.wake()
		n.tellState()
		n.refreshRanks()
	}
	return held
}

// sayQuorum says when a loss lasts longer than an election does, and when it is
// over.
func (n *Node) sayQuorum(held bool) {
	switch {
	case held && n.quorum.say(false):
		n.log.Info("there is a quorum again")
	case !held && n.quorum.lostFor() > n.opts.Timing.Hold && n.wasMember() && !n.isDraining() && !n.quorum.say(true):
		reachable, voters := n.countVoters()
		// That notifications are sent without one the dispatcher says, when it
		// comes to that.
		n.log.Info("the quorum is out of reach: silences and the configuration cannot be changed", "voters", voters, "reachable", reachable)
	}
}

package cluster

import (
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"tocsin/fsm/model"
)

// quorum is whether a leader is within reach, and since when not.
type quorum struct {
	mu     sync.Mutex // guards the rest
	held   bool
	lostAt time.Time
}

func (q *quorum) isHeld() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.held
}

// see takes down what is so now and reports whether it is new.
func (q *quorum) see(held bool, now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if held == q.held {
		return false
	}
	q.held, q.lostAt = held, now
	if held {
		q.lostAt = time.Time{}
	}
	return true
}

func (q *quorum) get() (bool, time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.held, q.lostAt
}

// Quorum is how the node sees its cluster now.
func (n *Node) Quorum() model.Quorum {
	n.quorum.see(n.holdsQuorum(), n.opts.Now())
	var q model.Quorum
	q.Held, q.LostAt = n.quorum.get()
	q.Reachable, q.Voters = n.countVoters()
	return q
}

// holdsQuorum looks at Raft: this node leads, or has heard of the leader within
// an election timeout. A node whose disk is out of use holds nothing, whatever
// it hears.
func (n *Node) holdsQuorum() bool {
	e := n.engine.Load()
	if e == nil || e.failure() != nil {
		return false
	}
	if err, _ := n.storage.get(); err != nil {
		return false
	}
	if e.raft.State() == raft.Leader {
		return true
	}
	_, leader := e.raft.LeaderWithID()
	return leader != "" && time.Since(e.raft.LastContact()) < n.opts.Timing.Election
}

// countVoters is how many voters gossip sees, and how many there are.
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
	held := n.holdsQuorum()
	if n.quorum.see(held, n.opts.Now()) {
		reachable, voters := n.countVoters()
		if held {
			n.log.Info("the cluster has a quorum", "voters", voters, "reachable", reachable)
		} else if n.ctx.Err() == nil && !n.isDraining() {
			n.log.Warn("no quorum: notifications are sent without one", "voters", voters, "reachable", reachable)
		}
		n.overlays.wake()
		n.tellState()
	}
	n.refreshRanks()
}

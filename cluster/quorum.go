package cluster

import (
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
	lost time.Time // when held last became false, by the monotonic clock
	said bool      // that it is lost for longer than an election takes
}

func (q *quorum) isHeld() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.held
}

// see takes down what is so now and reports whether it is new.
func (q *quorum) see(held bool) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if held == q.held {
		return false
	}
	q.held, q.lost = held, time.Now()
	return true
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
	q.Elsewhere = !q.Held && n.quorumElsewhere()
	return q
}

// quorumElsewhere reports whether a majority of the voters says that it has a
// leader, by what it last told: this node is cut off from them where Raft goes,
// but not, or not noticeably yet, where gossip does.
func (n *Node) quorumElsewhere() bool {
	voters := n.voterIDs()
	with := 0
	for _, id := range voters {
		if m, ok := n.member(id); ok && id != n.id && m.Alive && m.Flags&(gossip.FlagDegraded|gossip.FlagStorageFailed) == 0 {
			with++
		}
	}
	return with > len(voters)/2
}

// holdsQuorum looks at Raft: this node leads, or has heard of the leader within
// an election timeout. A node whose disk is out of use holds nothing, whatever
// it hears.
func (n *Node) holdsQuorum() bool {
	e := n.engine.Load()
	if e == nil || e.failure() != nil {
		return false
	}
	if _, err := n.storage.get(); err != nil {
		return false
	}
	if e.raft.State() == raft.Leader {
		return true
	}
	_, leader := e.raft.LeaderWithID()
	return leader != "" && time.Since(e.raft.LastContact()) < n.opts.Timing.Election
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
	held = n.holdsQuorum()
	if n.quorum.see(held) {
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
		n.log.Warn("no quorum: notifications are sent without one, later and perhaps twice", "voters", voters, "reachable", reachable)
	}
}

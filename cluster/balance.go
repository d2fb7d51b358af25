package cluster

import (
	"context"
	"time"

	"github.com/hashicorp/raft"

	"tocsin/cluster/gossip"
	"tocsin/fsm/model"
)

// A network may be broken between two nodes only, or one way only, which ends
// connections all the same. If the leader is one of the two, the other has no
// quorum, though both reach everybody else. So a leader that does not reach a
// voter gives way to one that does.
const (
	balanceInterval = time.Second
	// balanceAfter is how long it must have been so: longer than a restart of
	// the other takes, shorter than --cluster.peer-timeout.
	balanceAfter = 3 * time.Second
	// balancePause is how long this node then does not do it again.
	balancePause = 30 * time.Second
)

// runBalance looks for a voter that reaches more of the others than this node.
func (l *leadership) runBalance() {
	// Whom it has not heard since it began to lead, it may only not have asked
	// yet, or in vain: it has to miss him for as long as it would miss any other.
	if !sleep(l.ctx, sightFor) {
		return
	}
	var since time.Time
	for sleep(l.ctx, balanceInterval) {
		better := l.betterPlaced()
		if better == "" {
			since = time.Time{}
			continue
		}
		if since.IsZero() {
			since = time.Now()
		}
		if time.Since(since) < balanceAfter || !l.n.mayBalance() {
			continue
		}
		l.n.log.Warn("this node does not reach all voters; one that reaches more is to lead", "node", better)
		ctx, cancel := context.WithTimeout(l.ctx, handOverTime)
		err := l.e.await(ctx, func() raft.Future { return l.n.abdicate(l.e, raft.ServerID(better)) })
		cancel()
		if err != nil && l.ctx.Err() == nil {
			l.n.log.Warn("another node could not be made leader", "node", better, "err", err)
		}
	}
}

// betterPlaced is a voter that reaches all voters that this node reaches and
// more; "" if there is none.
func (l *leadership) betterPlaced() model.NodeID {
	n := l.n
	reached := map[model.NodeID]bool{n.id: true}
	voters := n.voterIDs()
	for _, id := range voters {
		if s, ok := n.sights.get(id); ok && s.there() {
			reached[id] = true
		}
	}
	if len(reached) >= len(voters) {
		return ""
	}
	for _, id := range voters {
		if id == n.id || !reached[id] {
			continue
		}
		s, _ := n.sights.get(id)
		if s.facts.Flags&(gossip.FlagDraining|gossip.FlagStorageFailed|gossip.FlagDegraded) == 0 && s.reachesMore(id, reached, voters) {
			return id
		}
	}
	return ""
}

// reachesMore reports whether the node of that ID reaches all of reached, and
// voters beside them.
func (s sight) reachesMore(id model.NodeID, reached map[model.NodeID]bool, voters []model.NodeID) bool {
	sees := map[model.NodeID]bool{id: true}
	for _, o := range s.sees {
		sees[o] = true
	}
	more := false
	for _, v := range voters {
		if reached[v] && !sees[v] {
			return false
		}
		more = more || sees[v] && !reached[v]
	}
	return more
}

// mayBalance reports whether leadership may be given away for its place in the
// network now, and takes down that it is.
func (n *Node) mayBalance() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.balanced.IsZero() && time.Since(n.balanced) < balancePause {
		return false
	}
	n.balanced = time.Now()
	return true
}

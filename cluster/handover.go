package cluster

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/raft"

	"tocsin/cluster/gossip"
	"tocsin/fsm/model"
)

const (
	handOverTries = 3
	handOverTime  = 4 * time.Second // for all tries
)

// handOver has another node lead before this one stops.
func (n *Node) handOver(e *engine) {
	ctx, cancel := context.WithTimeout(n.ctx, handOverTime)
	defer cancel()
	n.awaitHeirs(ctx, e)
	defer n.refreshRanks() // so that the voters are known when Raft is down
	for range handOverTries {
		if e.raft.State() != raft.Leader || !e.hasOtherVoter(n) {
			return
		}
		err := e.await(ctx, func() raft.Future { return n.abdicate(e, "") })
		if err == nil {
			n.log.Info("leadership is handed over")
			return
		}
		n.log.Debug("handing leadership over failed", "err", err)
		sleep(ctx, 100*time.Millisecond)
	}
}

// abdicate has a voter lead; to = "" means one that is there to do it. Raft's own
// choice may be a node that is dead, and for one that heartbeats do not reach it
// would wait in vain, and leave goroutines behind.
func (n *Node) abdicate(e *engine, to raft.ServerID) raft.Future {
	cfg, _ := e.configuration()
	for _, s := range cfg.Servers {
		if s.Suffrage != raft.Voter || s.ID == e.id || to != "" && s.ID != to || !e.trans.reaches(s.ID) {
			continue
		}
		m, ok := n.member(model.NodeID(s.ID))
		if to != "" || ok && m.Alive && m.Flags&(gossip.FlagDraining|gossip.FlagStorageFailed|gossip.FlagDegraded) == 0 {
			return e.raft.LeadershipTransferToServer(s.ID, s.Address)
		}
	}
	return failed{fmt.Errorf("no voter that could lead: %w", errNotReached)}
}

// failed is a future that has failed.
type failed struct{ err error }

// Error is why.
func (f failed) Error() error { return f.err }

// awaitHeirs waits, where those that stay behind would have no quorum, until the
// nodes that were added a moment ago have got their votes.
func (n *Node) awaitHeirs(ctx context.Context, e *engine) {
	for {
		l := n.lead.Load()
		cfg, _ := e.configuration()
		if voters, stay := n.staying(); l == nil || stay > voters/2 {
			return
		}
		if !slices.ContainsFunc(cfg.Servers, func(s raft.Server) bool { return s.Suffrage != raft.Voter && l.wantsVote(s) }) {
			return
		}
		if !sleep(ctx, tick/2) {
			return
		}
	}
}

// staying is how many voters there are, and how many are there when this node
// has gone.
func (n *Node) staying() (voters, stay int) {
	for _, id := range n.voterIDs() {
		voters++
		if m, ok := n.member(id); id != n.id && ok && m.Alive && !m.Is(gossip.FlagDraining) {
			stay++
		}
	}
	return voters, stay
}

// sayBereft says when the nodes that stay behind have no quorum. Where all stop at
// a time, as on one machine, nobody does.
func (n *Node) sayBereft() {
	if voters, stay := n.staying(); stay > 0 && stay <= voters/2 {
		n.log.Warn("the nodes that stay behind have no quorum until this one or another is back: they page, but silences and configuration cannot be changed",
			"voters", voters, "staying", stay)
	}
}

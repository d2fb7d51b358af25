package cluster

import (
	"context"
	"time"

	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

// upkeepInterval is how often a node compares its record with itself.
const upkeepInterval = time.Second

// runUpkeep keeps this node's record in the replicated state right, so that the
// others can find and name it even when gossip cannot, and looks for rivals.
func (n *Node) runUpkeep(ctx context.Context) {
	var others rivals
	for sleep(ctx, upkeepInterval) {
		select {
		case <-n.ready:
		default:
			continue
		}
		others.look(n)
		if n.quorum.isHeld() && n.isMember() {
			n.putRecord(ctx)
		}
	}
}

// putRecord reports whether the record is right.
func (n *Node) putRecord(ctx context.Context) bool {
	want := n.record()
	if have, ok := n.opts.Machine.View().Node(n.id); ok && have == want {
		return true
	}
	if _, err := n.Propose(ctx, command.PutNode{Node: want}); err != nil {
		if ctx.Err() == nil {
			n.log.Debug("this node's record is not up to date yet", "err", err)
		}
		return false
	}
	return true
}

func (n *Node) record() model.Node {
	return model.Node{
		ID: n.id, Name: n.opts.Name, API: n.opts.APIAddress, Raft: n.raftAddress,
		Gossip: n.GossipAddress(), Version: n.opts.Version, Commands: n.opts.Knows,
	}
}

// isMember reports whether this node is in the Raft configuration.
func (n *Node) isMember() bool {
	e := n.engine.Load()
	if e == nil {
		return false
	}
	cfg, _ := e.configuration()
	return memberOf(cfg, e.id)
}

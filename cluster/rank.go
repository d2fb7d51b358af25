package cluster

import (
	"slices"

	"github.com/cespare/xxhash/v2"
	"github.com/hashicorp/raft"

	"tocsin/cluster/gossip"
	"tocsin/fsm/model"
)

// candidates are the nodes that may send, worked out at every change so that
// Rank only has to hash.
type candidates struct {
	senders []model.NodeID
	self    bool           // this node is one of senders
	ahead   int            // nodes that come before all senders
	voters  []model.NodeID // by Raft, as last known
}

// Rank is this node's place, from 0, among the nodes that may send for key, and
// how many there are. Every node that sees the same others gives the same
// ranks. With a quorum these are the voters in sight that have one too and run the
// current configuration; if none does, all voters in sight. Without one they are
// all nodes of the cluster in sight that have none either, behind those that say
// they have. A node that is not one of them ranks behind them all.
func (n *Node) Rank(key model.DeliveryKey) (rank, of int) {
	c := n.ranks.Load()
	if len(c.senders) <= 1 && c.self {
		return c.ahead, c.ahead + 1
	}
	own := weight(n.id, key)
	for _, id := range c.senders {
		if id == n.id {
			continue
		}
		if w := weight(id, key); !c.self || w > own || w == own && id < n.id {
			rank++
		}
	}
	of = len(c.senders)
	if !c.self {
		of++
	}
	return c.ahead + rank, c.ahead + of
}

// weight is the node's hash for the key: the highest sends first.
func weight(id model.NodeID, key model.DeliveryKey) uint64 {
	var d xxhash.Digest
	d.Reset()
	for _, s := range []string{string(id), key.Group, key.Receiver, key.Integration} {
		_, _ = d.WriteString(s)
		_, _ = d.Write([]byte{0xff})
	}
	return d.Sum64()
}

// ConfigLoaded tells the cluster which config version this node runs. Until it
// is called, the version that the state machine holds is told. A node that runs
// another version than the cluster's ranks behind those that run the current.
func (n *Node) ConfigLoaded(rev uint64) {
	n.mu.Lock()
	n.loaded, n.loadedSet = rev, true
	n.mu.Unlock()
	n.tellState()
	n.refreshRanks()
}

// TakeTurns has this node take its turns from now on. Until it is called the
// node is in nobody's ranks, and ranks itself behind all that are: it may not
// know all alerts yet.
func (n *Node) TakeTurns() {
	n.mu.Lock()
	n.turns = true
	n.mu.Unlock()
	n.tellState()
	n.refreshRanks()
}

// Drain asks the others to take this node's turns from now on; it goes on
// serving. Run does it by itself when it stops.
func (n *Node) Drain() {
	n.mu.Lock()
	n.draining = true
	n.mu.Unlock()
	n.tellState()
	n.refreshRanks()
}

func (n *Node) isDraining() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.draining
}

// configRev is the config version that this node runs, currentRev the cluster's.
func (n *Node) configRev() uint64 {
	n.mu.Lock()
	rev, set := n.loaded, n.loadedSet
	n.mu.Unlock()
	if !set {
		return n.currentRev()
	}
	return rev
}

func (n *Node) currentRev() uint64 {
	if c := n.opts.Machine.View().Config(); c != nil {
		return c.Rev
	}
	return 0
}

func (n *Node) refreshRanks() {
	next := &candidates{voters: n.voterIDs()}
	alive := n.aliveFacts()
	if n.quorum.isHeld() {
		voters := slices.DeleteFunc(slices.Clone(alive), func(m gossip.Meta) bool {
			return !slices.Contains(next.voters, m.ID)
		})
		current := n.currentRev()
		next.senders = ids(slices.DeleteFunc(slices.Clone(voters), func(m gossip.Meta) bool {
			return m.ConfigRev != current || m.Flags&(gossip.FlagStorageFailed|gossip.FlagDegraded) != 0
		}))
		if len(next.senders) == 0 {
			next.senders = ids(voters)
		}
	} else {
		if _, elsewhere := n.quorumElsewhere(); elsewhere {
			without := slices.DeleteFunc(slices.Clone(alive), func(m gossip.Meta) bool { return !m.Is(gossip.FlagDegraded) })
			next.ahead = len(alive) - len(without)
			alive = without
		}
		next.senders = ids(alive)
	}
	if len(next.senders) == 0 {
		next.senders = []model.NodeID{n.id}
	}
	next.self = slices.Contains(next.senders, n.id)
	n.ranks.Store(next)
}

// aliveFacts are those of the living nodes that take turns: not of those that
// are stopping or do not take any yet, nor of those that wait to become a member.
func (n *Node) aliveFacts() []gossip.Meta {
	own := n.facts(gossip.Meta{ID: n.id})
	var out []gossip.Meta
	if takesTurns(own) {
		out = append(out, own)
	}
	for _, m := range n.members() {
		if m.Alive && !m.Self && takesTurns(m.Meta) && m.Cluster != "" {
			out = append(out, m.Meta)
		}
	}
	return out
}

func takesTurns(m gossip.Meta) bool { return m.Flags&(gossip.FlagDraining|gossip.FlagSilent) == 0 }

func ids(of []gossip.Meta) []model.NodeID {
	out := make([]model.NodeID, len(of))
	for i, m := range of {
		out[i] = m.ID
	}
	return out
}

// voterIDs are the voters by Raft; while it is down here, those of before.
func (n *Node) voterIDs() []model.NodeID {
	e := n.engine.Load()
	if e == nil {
		if c := n.ranks.Load(); c != nil {
			return c.voters
		}
		return nil
	}
	cfg, _ := e.configuration()
	var out []model.NodeID
	for _, s := range cfg.Servers {
		if s.Suffrage == raft.Voter {
			out = append(out, model.NodeID(s.ID))
		}
	}
	return out
}

package cluster

import (
	"time"

	"github.com/hashicorp/raft"

	"tocsin/cluster/gossip"
	"tocsin/fsm/model"
)

// rivals are nodes that have a quorum of a cluster with this one's ID and are no
// members of it: there are two clusters then. That comes of making two survivors
// the only voter, or of starting a cluster beside the one that was founded from
// its backup. Each of the two tells people everything.
type rivals struct {
	since map[model.NodeID]time.Time
	said  map[model.NodeID]time.Time
}

const (
	// rivalAfter is how long a node must be seen so: who is added or removed is
	// for a moment.
	rivalAfter = 10 * time.Second
	// rivalAgain is when it is said again.
	rivalAgain = 10 * time.Minute
)

// look says who is one, if this node has a quorum itself.
func (r *rivals) look(n *Node) {
	seen := make(map[model.NodeID]time.Time)
	for _, m := range n.strangersWithQuorum() {
		since, known := r.since[m.ID]
		if !known {
			since = time.Now()
		}
		seen[m.ID] = since
		if said, before := r.said[m.ID]; time.Since(since) < rivalAfter || before && time.Since(said) < rivalAgain {
			continue
		}
		if r.said == nil {
			r.said = make(map[model.NodeID]time.Time)
		}
		r.said[m.ID] = time.Now()
		n.log.Error("there are two clusters of this ID: this node and another both have a quorum, and neither is a member of the other's cluster; "+
			"what happens is told twice. Stop one of the two, run `tocsin raft recover --rejoin` there, and start it with --cluster.peer naming the other",
			"node", m.ID, "address", m.Raft)
	}
	for id := range r.said {
		if _, there := seen[id]; !there {
			delete(r.said, id)
		}
	}
	r.since = seen
}

func (n *Node) strangersWithQuorum() (out []gossip.Member) {
	e := n.engine.Load()
	if e == nil || !n.quorum.isHeld() {
		return nil
	}
	cfg, _ := e.configuration()
	own := n.clusterID()
	for _, m := range n.members() {
		if !m.Self && m.Alive && own != "" && m.Cluster == own && m.Is(gossip.FlagQuorum) && !memberOf(cfg, raft.ServerID(m.ID)) {
			out = append(out, m)
		}
	}
	return out
}

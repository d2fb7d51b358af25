package view

import (
	"cmp"
	"slices"
	"time"

	"tocsin/fsm/model"
)

// Cluster is the cluster as one node sees it at a moment.
type Cluster struct {
	// Enabled is false for a node that was told to run alone.
	Enabled bool
	// ID is empty while the node waits to become a member.
	ID model.ClusterID
	// Self is this node's ID, Name its name.
	Self model.NodeID
	Name string
	// State is the node's standing in a word, such as "leader"; Waiting says
	// in a sentence what a node that is no member yet waits for.
	State, Waiting string
	// Ready: the node is a member and has applied the state that it joined
	// with.
	Ready bool
	// Leader is the ID of the node that leads; empty if none is known.
	Leader model.NodeID
	Quorum model.Quorum
	// DegradedSince is when this node began to notify without a quorum; zero
	// while it does not.
	DegradedSince time.Time
	// Storage says what is wrong with this node's disk; empty if nothing is.
	Storage string
	Term    uint64
	// Committed and Applied are log indexes.
	Committed, Applied uint64
	// StateHash is the rolling hash of the state at Applied.
	StateHash uint64
	// ConfigRev is the active version of the configuration; 0 before the
	// first.
	ConfigRev uint64
	// PendingDeliveries counts notifications under way or waiting on this
	// node, PendingOverlays those sent without a quorum and not merged yet.
	PendingDeliveries, PendingOverlays int
	// Peers are all members and all nodes that gossip sees, this one included,
	// in any order.
	Peers []Peer
}

// Peer is one node of the cluster.
type Peer struct {
	ID   model.NodeID
	Name string
	// Gossip, Raft and API are host:port. Gossip is what --cluster.peer takes.
	Gossip, Raft, API string
	Version           string
	// Alive: gossip sees it, or it is this node. Member: it is in the Raft
	// configuration; Voter: its vote counts.
	Alive, Member, Voter bool
	// Degraded, that it has no quorum, and StorageFailed are as the node says
	// itself.
	Degraded, StorageFailed bool
	// Silent: it takes no turns yet. Draining: it is stopping.
	Silent, Draining bool
	// Applied is the newest log entry in its state, as it said at Contact; 0 and
	// zero if unknown. Commands is the newest command version that it knows.
	Applied  uint64
	Contact  time.Time
	Commands uint32
	// ConfigRev is the version of the configuration that it runs; 0 if
	// unknown.
	ConfigRev uint64
	// LastSeen is when it last showed that it is there, where that is not just
	// now; zero otherwise, and if unknown.
	LastSeen time.Time
	// ClockSkew is by how much its wall clock is ahead of what most clocks say,
	// if ClockKnown. ClockCorrected: it goes by theirs.
	ClockSkew                  time.Duration
	ClockKnown, ClockCorrected bool
}

// Status is Alertmanager's word: "ready", "settling" or "disabled".
func (c *Cluster) Status() string {
	switch {
	case !c.Enabled:
		return "disabled"
	case c.Ready:
		return "ready"
	default:
		return "settling"
	}
}

// Peer finds a peer by its ID.
func (c *Cluster) Peer(id model.NodeID) (Peer, bool) {
	for _, p := range c.Peers {
		if p.ID == id {
			return p, true
		}
	}
	return Peer{}, false
}

// Role is a peer's part in the cluster: "leader", "voter", "learner" (a member
// without a vote) or "outside" (gossip sees it, but it is no member).
func (c *Cluster) Role(p *Peer) string {
	switch {
	case !p.Member:
		return "outside"
	case p.ID == c.Leader:
		return "leader"
	case p.Voter:
		return "voter"
	default:
		return "learner"
	}
}

// Lag is by how many log entries a peer's state was behind the newest that is known
// of any; -1 if it is not known.
func (c *Cluster) Lag(p *Peer) int64 {
	if p.Applied == 0 {
		return -1
	}
	newest := p.Applied
	for i := range c.Peers {
		newest = max(newest, c.Peers[i].Applied)
	}
	return int64(newest - p.Applied)
}

// LeaderName is the leader's name, its ID if it has none, or "" if none is
// known.
func (c *Cluster) LeaderName() string {
	if p, ok := c.Peer(c.Leader); ok && c.Leader != "" && p.Name != "" {
		return p.Name
	}
	return string(c.Leader)
}

// Sorted are the peers by name, then ID: a copy.
func (c *Cluster) Sorted() []Peer {
	out := slices.Clone(c.Peers)
	slices.SortFunc(out, func(a, b Peer) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// Alive are the peers that Alertmanager would list: those that gossip sees, by
// name.
func (c *Cluster) Alive() []Peer {
	return slices.DeleteFunc(c.Sorted(), func(p Peer) bool { return !p.Alive })
}

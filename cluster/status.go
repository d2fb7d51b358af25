package cluster

import (
	"time"

	"tocsin/fsm/model"
)

// State is how a node stands in the cluster.
type State string

// The states of this node.
const (
	StateWaiting   State = "waiting"   // not a member yet
	StateLeader    State = "leader"    //
	StateFollower  State = "follower"  // with a leader
	StateCandidate State = "candidate" // a member without a leader
	StateRemoved   State = "removed"   // was a member
	StateStorage   State = "storage-failed"
	StateStopped   State = "stopped"
)

// Status is one look at the node and its cluster. Reading it needs no leader.
type Status struct {
	Self      model.NodeID
	Name      string
	ClusterID model.ClusterID // "" while waiting
	State     State
	// Waiting says what a waiting node waits for, in a sentence.
	Waiting string
	// Leader is "" when none is known.
	Leader        model.NodeID
	LeaderAddress string // raft address
	LeaderAPI     string
	Term          uint64
	// LastIndex, CommitIndex count log entries; Applied is the newest entry
	// that changed this node's state.
	LastIndex, CommitIndex, Applied uint64
	StateHash                       uint64
	Quorum                          model.Quorum
	// Storage is what is wrong with the disk since StorageSince; nil if
	// nothing is.
	Storage      error
	StorageSince time.Time
	// OverlaysPending counts own overlays that wait for the quorum.
	OverlaysPending int
	// HealthScore is memberlist's, 0 is best. Settled: gossip was asked at
	// least once for its initial peers.
	HealthScore int
	Settled     bool
	Peers       []Peer
}

// Peer is a node as Raft and gossip see it, this one included.
type Peer struct {
	ID            model.NodeID
	Name          string
	Self          bool
	GossipAddress string
	RaftAddress   string
	APIAddress    string
	Version       string
	// Member: in the Raft configuration. Voter: with a vote.
	Member, Voter, Leader bool
	// Alive: seen by gossip. LastSeen is when it last was, now if Alive.
	Alive    bool
	LastSeen time.Time
	// Degraded, Draining, StorageFailed are as the node says itself.
	Degraded, Draining, StorageFailed bool
	// ConfigRev is the config version that it runs.
	ConfigRev uint64
	// LastContact is how long ago the leader heard from it, as far as this
	// node knows: set on the leader for its followers, on a follower for the
	// leader; negative when not known.
	LastContact time.Duration
}

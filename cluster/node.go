package cluster

import (
	"context"

	"tocsin/fsm/model"
)

// Node is this process's part in the cluster. All methods may be called from
// several goroutines.
type Node struct {
	opts Options
	id   model.NodeID
}

// Open reads the node's identity, binds its addresses and opens its Raft log.
// Nothing runs before Run. Errors: ErrBadOptions, ErrOtherCluster, and those of
// files and listeners.
func Open(opts Options) (*Node, error) {
	if err := opts.fill(); err != nil {
		return nil, err
	}
	return &Node{opts: opts}, nil
}

// Run takes part in the cluster until ctx ends, then hands leadership over,
// says good-bye and stops everything. It returns when all has ended.
func (n *Node) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// Close releases what Open took, if Run was never called; after Run it does
// nothing. It may be called more than once.
func (n *Node) Close() error { return nil }

// ID is the node's ID. It is fixed from Open on.
func (n *Node) ID() model.NodeID { return n.id }

// Name is the node's name for people.
func (n *Node) Name() string { return n.opts.Name }

// GossipAddress is what gossip tells of itself, "" when clustering is off.
func (n *Node) GossipAddress() string { return "" }

// RaftAddress is host:port of the port between nodes, as told to others.
func (n *Node) RaftAddress() string { return "" }

// Ready is closed when the node is a member of a cluster and its state has
// caught up with the leader's once. A member that finds no leader counts as
// ready after five seconds, because it has to page without one.
func (n *Node) Ready() <-chan struct{} { return nil }

// ConfigLoaded tells the cluster which config version this node runs. Until it
// is called, the version that the state machine holds is told. A node that runs
// another version than the cluster's ranks behind those that run the current.
func (n *Node) ConfigLoaded(rev uint64) {}

// Drain asks the others to take this node's turns from now on; it goes on
// serving. Run does it by itself when it stops.
func (n *Node) Drain() {}

// Status is one look at the node and its cluster.
func (n *Node) Status() Status { return Status{} }

// Quorum is how the node sees its cluster now.
func (n *Node) Quorum() model.Quorum { return model.Quorum{} }

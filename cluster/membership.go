package cluster

import (
	"context"

	"tocsin/fsm/model"
)

// ListPeers are the nodes of the cluster as this node sees them: the members by
// Raft and those that only gossip sees, ordered by ID. It needs no leader.
func (n *Node) ListPeers() []Peer { return nil }

// AddPeer makes a node a member, by its raft address; a node that is one gets
// its address changed. With voter it gets its vote once it has caught up.
// Errors: *NoQuorumError, ErrRefused.
func (n *Node) AddPeer(ctx context.Context, id model.NodeID, raftAddress string, voter bool) error {
	return &NoQuorumError{}
}

// RemovePeer takes a node out of the cluster, alive or not. Errors:
// *NoQuorumError, ErrUnknownPeer, ErrLastVoter.
func (n *Node) RemovePeer(ctx context.Context, id model.NodeID) error { return &NoQuorumError{} }

// TransferLeadership makes another voter lead; to = "" leaves the choice to
// Raft. Errors: *NoQuorumError, ErrUnknownPeer, ErrRefused.
func (n *Node) TransferLeadership(ctx context.Context, to model.NodeID) error {
	return &NoQuorumError{}
}

package cluster

import (
	"fmt"
	"strings"

	"github.com/hashicorp/raft"

	"tocsin/fsm/model"
)

// addressBook finds a node by its ID: gossip knows its address of today, the
// Raft configuration that of the day it was added.
type addressBook struct{ n *Node }

// ServerAddr is where a node is now, with its ID in front: see named.
func (b addressBook) ServerAddr(id raft.ServerID) (raft.ServerAddress, error) {
	node := model.NodeID(id)
	if node == b.n.id {
		return raft.ServerAddress(b.n.raftAddress), nil // told to others as it is
	}
	at := b.n.heardAddress(node)
	if at == "" {
		at = b.n.configuredAddress(node)
	}
	if at == "" {
		return "", fmt.Errorf("address of node %s: %w", id, ErrUnknownPeer)
	}
	return named(node, at), nil
}

// configuredAddress is where a node was when it was added; "" if it is not a
// member.
func (n *Node) configuredAddress(id model.NodeID) string {
	e := n.engine.Load()
	if e == nil {
		return ""
	}
	cfg, _ := e.configuration()
	for _, s := range cfg.Servers {
		if model.NodeID(s.ID) == id {
			return string(s.Address)
		}
	}
	return ""
}

// named is an address that only the node with that ID is to be reached at. Raft
// itself asks whoever listens there: a machine that lost its disk and came back
// as a new node, with an empty log, would give the vote of the node that it was,
// and a node without the newest entries could win with it.
func named(id model.NodeID, address string) raft.ServerAddress {
	return raft.ServerAddress(string(id) + "@" + address)
}

// unnamed takes a named address apart. A plain one has no ID.
func unnamed(a raft.ServerAddress) (id model.NodeID, address string) {
	if name, at, ok := strings.Cut(string(a), "@"); ok {
		return model.NodeID(name), at
	}
	return "", string(a)
}

package cluster

import (
	"context"
	"net"

	"tocsin/cluster/mux"
	"tocsin/fsm/model"
)

// The way of the alert exchange to the other nodes. What it says there is its
// own affair.

// ExchangePeer is another node that alerts are exchanged with.
type ExchangePeer struct {
	ID model.NodeID
	// Address is host:port of its port between nodes.
	Address string
	// Alive: gossip sees it. One that gossip does not see may still be reached.
	Alive bool
}

// ExchangePeers are all other nodes of the cluster, ordered by ID: the members
// by Raft, seen by gossip or not, and those that gossip sees though Raft does
// not count them (any more). None while this node knows of no cluster.
func (n *Node) ExchangePeers() []ExchangePeer {
	if n.clusterID() == "" {
		return nil
	}
	var out []ExchangePeer
	for _, p := range n.ListPeers() {
		if p.Self || p.RaftAddress == "" || !p.Member && (!p.Alive || p.Waiting) {
			continue
		}
		out = append(out, ExchangePeer{ID: p.ID, Address: p.RaftAddress, Alive: p.Alive})
	}
	return out
}

// ExchangeListener takes the connections that other nodes open with
// DialExchange, hellos exchanged: those of another cluster are refused. The
// caller closes it, and has one at a time. It accepts from Run on.
func (n *Node) ExchangeListener() net.Listener {
	return newWelcomed(n.mux.Protocol(mux.ProtocolExchange), n.welcome, n.log)
}

// DialExchange opens a connection to the ExchangeListener of another node.
// Errors: ErrOtherCluster, and those of the network.
func (n *Node) DialExchange(ctx context.Context, address string) (net.Conn, error) {
	return n.connect(ctx, address, mux.ProtocolExchange)
}

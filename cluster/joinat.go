package cluster

import (
	"context"
	"errors"
	"fmt"

	"tocsin/cluster/pki"
)

// What JoinAt may have to refuse.
var (
	// ErrJoinSelf says that a node was told to join at itself.
	ErrJoinSelf = errors.New("that is this node's own address; name another node's port between nodes")
	// ErrIsMemberOf says that a node has a cluster already.
	ErrIsMemberOf = errors.New("this node is a member of a cluster already; to change it, stop the node and start it with an empty data folder")
	// ErrWasRemoved says that the node was removed from its cluster.
	ErrWasRemoved = errors.New("this node was removed from its cluster; stop it and start it with an empty data folder")
)

// JoinAt has this node, which waits for a cluster, join the one of the node whose
// port between nodes is at address, and returns when it is a member. A member
// that lost the others' trust gets a new certificate. It reports what it did in
// words, and may be repeated. token may be nil in an open cluster. Errors:
// ErrJoinSelf, ErrIsMemberOf, ErrWasRemoved, ErrRefused with the other side's
// words, and the reasons of package pki.
func (n *Node) JoinAt(ctx context.Context, address string, token *pki.Token) (string, error) {
	if address == n.raftAddress || n.mux != nil && address == n.mux.Addr().String() {
		return "", ErrJoinSelf
	}
	if n.wasMember() {
		return n.renewAt(ctx, address, token)
	}
	if n.trust != nil && !n.trust.External() {
		if err := n.enrol(ctx, address, token); err != nil {
			return "", n.explainEnrol(address, err)
		}
	}
	n.mu.Lock()
	n.via = address
	n.mu.Unlock()
	for !n.isMember() {
		if !sleep(ctx, tick/2) {
			return "", fmt.Errorf("%w: this node has its certificate, but is no member yet: it waits for %s", ErrRefused, n.waitingFor())
		}
	}
	return fmt.Sprintf("this node is a member of cluster %s now", n.trustedCluster()), nil
}

func (n *Node) trustedCluster() string {
	if n.trust != nil && n.trust.Cluster() != "" {
		return string(n.trust.Cluster())
	}
	return string(n.clusterID())
}

// renewAt is JoinAt of a node that is or was a member.
func (n *Node) renewAt(ctx context.Context, address string, token *pki.Token) (string, error) {
	known := false
	for _, p := range n.ListPeers() {
		known = known || p.RaftAddress == address
	}
	switch {
	case !n.isMember():
		return "", ErrWasRemoved
	case known && n.quorum.isHeld():
		return fmt.Sprintf("nothing to do: this node is a member of cluster %s already", n.clusterID()), nil
	case n.trust == nil || n.trust.External() || token == nil:
		return "", fmt.Errorf("%w (%s)", ErrIsMemberOf, n.clusterID())
	}
	err := n.enrol(ctx, address, token)
	if errors.Is(err, ErrOtherCluster) {
		return "", fmt.Errorf("%w: %w", ErrIsMemberOf, err)
	}
	if err != nil {
		return "", n.explainEnrol(address, err)
	}
	return fmt.Sprintf("this node is a member of cluster %s already, and has a new certificate now", n.clusterID()), nil
}

func (n *Node) explainEnrol(address string, err error) error {
	return fmt.Errorf("%w at %s: %s", ErrRefused, address, enrolText(err))
}

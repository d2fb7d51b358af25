package app

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"tocsin/cluster"
	"tocsin/httpapi/view"
)

// view is the cluster as the API shows it.
func (n *Node) view() view.Cluster {
	s, v := n.cluster.Status(), n.machine.View()
	out := view.Cluster{
		Enabled:           n.opts.Settings.Clustered(),
		ID:                v.Cluster(),
		Self:              s.Self,
		Name:              s.Name,
		State:             string(s.State),
		Waiting:           s.Waiting,
		Ready:             n.ready(),
		Leader:            s.Leader,
		Quorum:            s.Quorum,
		Term:              s.Term,
		Committed:         s.CommitIndex,
		Applied:           s.Applied,
		StateHash:         s.StateHash,
		ConfigRev:         revOf(v.Config()),
		PendingDeliveries: n.dispatch.Pending(),
		PendingOverlays:   s.OverlaysPending,
		DegradedSince:     n.dispatch.DegradedSince(),
	}
	if n.waits() {
		out.DegradedSince = time.Time{} // it is not without a quorum, it has none yet
	}
	if s.Storage != nil {
		out.Storage = s.Storage.Error()
	}
	for i := range s.Peers {
		out.Peers = append(out.Peers, viewPeer(&s.Peers[i], len(s.Peers)))
	}
	return out
}

func viewPeer(p *cluster.Peer, size int) view.Peer {
	out := view.Peer{
		ID: p.ID, Name: p.Name,
		Gossip: p.GossipAddress, Raft: p.RaftAddress, API: p.APIAddress,
		Version: p.Version,
		Alive:   p.Alive || p.Self, Member: p.Member, Voter: p.Voter,
		Degraded: p.Degraded, StorageFailed: p.StorageFailed,
		ConfigRev: p.ConfigRev,
		Silent:    p.Silent, Draining: p.Draining, Applied: p.Applied, Contact: p.Contact, Commands: p.Commands,
		ClockSkew: p.ClockSkew, ClockKnown: p.ClockKnown, ClockCorrected: p.ClockCorrected,
	}
	if !out.Alive || p.Silenced(size) {
		out.LastSeen = p.LastSeen
	}
	return out
}

// waits reports whether this node waits to become a member of a cluster and has
// no configuration to go by meanwhile: it can tell nobody anything.
func (n *Node) waits() bool {
	return n.machine.View().Config() == nil && n.cluster.Status().State == cluster.StateWaiting
}

// errWaiting is why a node is not ready to take alerts.
var errWaiting = errors.New("this node waits to become a member of a cluster")

// readiness is an error while alerts had better go to other nodes.
func (n *Node) readiness() error {
	if !n.waits() {
		return nil
	}
	return fmt.Errorf("%w: it waits for %s", errWaiting, cmp.Or(n.cluster.Status().Waiting, "the others"))
}

func (n *Node) ready() bool {
	select {
	case <-n.cluster.Ready():
		return true
	default:
		return false
	}
}

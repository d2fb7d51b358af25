package app

import (
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
	if s.Storage != nil {
		out.Storage = s.Storage.Error()
	}
	for i := range s.Peers {
		out.Peers = append(out.Peers, viewPeer(&s.Peers[i]))
	}
	return out
}

func viewPeer(p *cluster.Peer) view.Peer {
	out := view.Peer{
		ID: p.ID, Name: p.Name,
		Gossip: p.GossipAddress, Raft: p.RaftAddress, API: p.APIAddress,
		Version: p.Version,
		Alive:   p.Alive || p.Self, Member: p.Member, Voter: p.Voter,
		Degraded: p.Degraded, StorageFailed: p.StorageFailed,
		ConfigRev: p.ConfigRev,
		ClockSkew: p.ClockSkew, ClockKnown: p.ClockKnown, ClockCorrected: p.ClockCorrected,
	}
	if !out.Alive {
		out.LastSeen = p.Since
	}
	return out
}

func (n *Node) ready() bool {
	select {
	case <-n.cluster.Ready():
		return true
	default:
		return false
	}
}

package app

import (
	"time"

	"tocsin/cluster"
	"tocsin/httpapi/view"
)

// view is the cluster as the API shows it.
func (n *Node) view() view.Cluster {
	s, v := n.cluster.Status(), n.machine.View()
	out := view.Cluster{
		Enabled:   n.opts.Settings.Clustered(),
		ID:        v.Cluster(),
		Self:      s.Self,
		Ready:     n.ready(),
		Leader:    s.Leader,
		Quorum:    s.Quorum,
		Term:      s.Term,
		Committed: s.CommitIndex,
		Applied:   s.Applied,
		StateHash: s.StateHash,
		ConfigRev: revOf(v.Config()),
	}
	now := n.opts.Now()
	for i := range s.Peers {
		out.Peers = append(out.Peers, viewPeer(&s.Peers[i], now))
	}
	return out
}

func viewPeer(p *cluster.Peer, now time.Time) view.Peer {
	out := view.Peer{
		ID: p.ID, Name: p.Name,
		Gossip: p.GossipAddress, Raft: p.RaftAddress, API: p.APIAddress,
		Version: p.Version,
		Alive:   p.Alive || p.Self, Member: p.Member, Voter: p.Voter,
		Degraded: p.Degraded, StorageFailed: p.StorageFailed,
		ConfigRev: p.ConfigRev,
		LastSeen:  p.LastSeen,
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

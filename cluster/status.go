package cluster

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/hashicorp/raft"

	"tocsin/cluster/gossip"
	"tocsin/fsm/model"
)

// State is how a node stands in the cluster.
type State string

// The states of this node.
const (
	StateWaiting   State = "waiting"        // not a member yet
	StateLeader    State = "leader"         //
	StateFollower  State = "follower"       // with a leader
	StateCandidate State = "candidate"      // a member without a leader
	StateRemoved   State = "removed"        // was a member
	StateStorage   State = "storage-failed" // its disk is out of use
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
	// Alive: seen by gossip. Since is when that last changed, zero if gossip
	// never saw it. LastSeen is when it last showed that it is there, by a ping,
	// an answer on its port, or news of itself; zero if it never did.
	Alive    bool
	Since    time.Time
	LastSeen time.Time
	// Degraded, Draining, StorageFailed are as the node says itself. Silent:
	// it takes no turns yet. Waiting: it is not in a cluster.
	Degraded, Draining, StorageFailed, Silent, Waiting bool
	// Applied is its applied index, 0 if it is not known; Contact is when it last
	// answered on its port between nodes, zero if it never did.
	Applied uint64
	Contact time.Time
	// Commands is the newest command version that it knows, 0 if not known.
	Commands uint32
	// ConfigRev is the config version that it runs.
	ConfigRev uint64
	// ClockSkew is by how much its wall clock is ahead of the median of the
	// clocks, or of this node's where fewer than three are compared; as far as
	// it is known. ClockCorrected: it goes by the others' clocks instead.
	ClockSkew                  time.Duration
	ClockKnown, ClockCorrected bool
}

// Status is one look at the node and its cluster.
func (n *Node) Status() Status {
	view := n.opts.Machine.View()
	s := Status{
		Self:      n.id,
		Name:      n.opts.Name,
		ClusterID: n.clusterID(),
		Waiting:   n.waitingFor(),
		Applied:   view.Index(),
		StateHash: view.StateHash(),
		Quorum:    n.Quorum(),
		Settled:   true,
		Peers:     n.ListPeers(),
	}
	s.Quorum.Reachable = min(s.Quorum.Reachable, heardVoters(s.Peers))
	s.Leader, s.LeaderAddress = n.leader()
	s.StorageSince, s.Storage = n.storage.get()
	s.OverlaysPending, _ = n.overlays.pending()
	s.State = n.state()
	for _, p := range s.Peers {
		if p.ID == s.Leader {
			s.LeaderAPI = p.APIAddress
		}
	}
	if e := n.engine.Load(); e != nil {
		s.Term, s.LastIndex, s.CommitIndex = e.raft.CurrentTerm(), e.raft.LastIndex(), e.raft.CommitIndex()
	}
	if n.gossip != nil {
		s.HealthScore, s.Settled = n.gossip.HealthScore(), n.gossip.Settled()
	}
	return s
}

// heardVoters counts the voters that have shown lately that they are there. Gossip
// takes up to ten seconds to miss one that does not, such as a process that stands
// still.
func heardVoters(peers []Peer) int {
	heard := 0
	for i := range peers {
		if p := &peers[i]; p.Voter && (p.Self || p.Alive && !p.Silenced(len(peers))) {
			heard++
		}
	}
	return heard
}

// Silenced reports whether a node that counts as alive has not been heard for
// longer than it should take, in a cluster of size nodes, of which gossip asks one
// a second.
func (p *Peer) Silenced(size int) bool {
	return !p.Self && time.Since(p.LastSeen) > max(5*time.Second, 2*time.Duration(size)*time.Second)
}

func (n *Node) state() State {
	_, storageErr := n.storage.get()
	e := n.engine.Load()
	n.mu.Lock()
	removed := n.removed
	n.mu.Unlock()
	switch {
	case storageErr != nil:
		return StateStorage
	case n.ctx.Err() != nil || e == nil:
		return StateStopped
	case removed:
		return StateRemoved
	case !n.isMember():
		return StateWaiting
	case e.raft.State() == raft.Leader:
		return StateLeader
	case n.quorum.isHeld():
		return StateFollower
	default:
		return StateCandidate
	}
}

// ListPeers are the nodes of the cluster as this node sees them: the members by
// Raft and those that only gossip sees, ordered by ID. It needs no leader.
func (n *Node) ListPeers() []Peer {
	peers := make(map[model.NodeID]*Peer)
	at := func(id model.NodeID) *Peer {
		if peers[id] == nil {
			peers[id] = &Peer{ID: id, Name: string(id), Self: id == n.id}
		}
		return peers[id]
	}
	if e := n.engine.Load(); e != nil {
		leader, _ := n.leader()
		cfg, _ := e.configuration()
		for _, s := range cfg.Servers {
			p := at(model.NodeID(s.ID))
			p.Member, p.Voter = true, s.Suffrage == raft.Voter
			p.RaftAddress, p.Leader = string(s.Address), p.ID == leader
		}
	} else {
		for _, id := range n.voterIDs() {
			p := at(id)
			p.Member, p.Voter = true, true
		}
	}
	n.fillKnown(peers)
	for _, m := range n.members() {
		p := at(m.ID)
		p.see(m)
		p.LastSeen = n.lastHeard(m)
	}
	n.fillClocks(peers)
	n.fillContacts(peers)
	self := at(n.id)
	self.Applied, self.Contact = n.opts.Machine.View().Index(), time.Now()
	self.Alive, self.GossipAddress = true, n.GossipAddress()
	self.tell(n.facts(gossip.Meta{ID: n.id}))
	out := make([]Peer, 0, len(peers))
	for _, p := range peers {
		out = append(out, *p)
	}
	slices.SortFunc(out, func(a, b Peer) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// fillKnown adds what the replicated state knows of members that gossip may not
// see.
func (n *Node) fillKnown(peers map[model.NodeID]*Peer) {
	view := n.opts.Machine.View()
	for id, p := range peers {
		r, ok := view.Node(id)
		if !ok {
			continue
		}
		p.Name, p.APIAddress, p.GossipAddress, p.Version, p.Commands = r.Name, r.API, r.Gossip, r.Version, r.Commands
		p.RaftAddress = cmp.Or(p.RaftAddress, r.Raft)
	}
}

// fillContacts adds what the nodes said when they last answered.
func (n *Node) fillContacts(peers map[model.NodeID]*Peer) {
	for id, p := range peers {
		if s, ok := n.sights.get(id); ok {
			p.Applied, p.Contact = s.applied, s.heard
		}
	}
}

// LookAround asks all nodes how they are, for a Status that is of now. It takes
// as long as ctx lets it, at most some seconds.
func (n *Node) LookAround(ctx context.Context) { n.lookAround(ctx) }

// fillClocks adds how the clocks stand.
func (n *Node) fillClocks(peers map[model.NodeID]*Peer) {
	s := n.clock.Standing()
	for id, c := range s.Peers {
		if p := peers[id]; p != nil {
			p.ClockSkew, p.ClockKnown, p.ClockCorrected = c.Skew, true, c.Corrected
		}
	}
	if p := peers[n.id]; p != nil {
		p.ClockSkew, p.ClockKnown, p.ClockCorrected = s.Skew, s.Clocks >= 3 || s.Corrected, s.Corrected
	}
}

// see takes what gossip knows.
func (p *Peer) see(m gossip.Member) {
	p.GossipAddress, p.Alive, p.Since = m.Address, m.Alive, m.Since
	p.tell(m.Meta)
}

// tell takes what the node says of itself.
func (p *Peer) tell(m gossip.Meta) {
	p.Name, p.APIAddress, p.Version = cmp.Or(m.Name, p.Name), cmp.Or(m.API, p.APIAddress), cmp.Or(m.Version, p.Version)
	p.RaftAddress = cmp.Or(m.Raft, p.RaftAddress)
	p.ConfigRev, p.Commands = m.ConfigRev, m.Commands
	p.Degraded, p.Draining = m.Is(gossip.FlagDegraded), m.Is(gossip.FlagDraining)
	p.StorageFailed, p.Silent = m.Is(gossip.FlagStorageFailed), m.Is(gossip.FlagSilent)
	p.Waiting = m.Cluster == ""
}

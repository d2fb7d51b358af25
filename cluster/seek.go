package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"

	"tocsin/cluster/gossip"
	"tocsin/cluster/rpc"
	"tocsin/fsm/model"
)

// How a node becomes a member: it forms a cluster alone, joins one that it sees
// in gossip, or forms one together with others that are as empty as it is.

const (
	seekInterval = 200 * time.Millisecond
	// sayInterval is how often a node says what it waits for, sayRarely how often
	// once it has waited for the same for sayOften.
	sayInterval = 5 * time.Second
	sayOften    = time.Minute
	sayRarely   = time.Minute
	joinTime    = 3 * time.Second
)

// seek makes this node a member, then keeps its address in the Raft
// configuration right, until ctx ends.
func (n *Node) seek(ctx context.Context, e *engine) {
	lastSaid, since, said := time.Now(), time.Now(), ""
	for {
		switch cfg, _ := e.configuration(); {
		case memberOf(cfg, e.id):
			n.setWaiting("", false)
			n.becomeMember()
			if len(cfg.Servers) > 1 {
				n.keepIdentity(func(to *identity) { to.Others = true })
			}
			if isLastVoter(cfg, e.id) {
				e.hasten()
			}
			n.correctAddress(ctx, e, cfg)
		case n.wasMember():
			n.setWaiting("this node was removed from the cluster; it pages without a quorum. "+
				"Add it again, or start it with an empty data folder", true)
		default:
			n.setWaiting(n.seekOnce(ctx, e), false)
		}
		why := n.waitingFor()
		every := sayInterval
		if why != said {
			said, since = why, time.Now()
		} else if time.Since(since) > sayOften {
			every = sayRarely
		}
		if why != "" && time.Since(lastSaid) >= every {
			n.log.Info("waiting to become a member of a cluster", "waiting_for", why)
			lastSaid = time.Now()
		}
		if !sleep(ctx, seekInterval) {
			return
		}
	}
}

// becomeMember takes down that this node is a member, so that it knows later when
// it was removed.
func (n *Node) becomeMember() {
	n.keepIdentity(func(to *identity) { to.Member, to.Replaces = true, "" })
}

// wasMember reports whether this node was a member once.
func (n *Node) wasMember() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.identity.Member
}

// seekOnce tries what is possible now, and says what is missing.
func (n *Node) seekOnce(ctx context.Context, e *engine) string {
	n.mu.Lock()
	lone := n.lone
	n.mu.Unlock()
	own := n.clusterID()
	if lone || own == "" && len(n.opts.Peers) == 0 && n.opts.BootstrapExpect < 2 {
		return said(n.form(ctx, e, []raft.Server{n.asVoter()}))
	}
	if via := n.clusterInSight(); len(via) > 0 {
		return n.enter(ctx, via)
	}
	if via := n.toldToJoin(); via != "" {
		return n.enter(ctx, []gossip.Member{{Meta: gossip.Meta{Raft: via}}})
	}
	return n.seekBlind(ctx, e, own)
}

// seekBlind is what a node does that sees no member of a cluster in gossip.
func (n *Node) seekBlind(ctx context.Context, e *engine, own model.ClusterID) string {
	founds, missing := own == "" && n.opts.BootstrapExpect > 1, ""
	if founds {
		missing = n.formWithOthers(ctx, e)
		if missing == "" || !n.enrolUnseenIsDue() {
			return missing
		}
	}
	if why, tried := n.enrolUnseen(ctx); tried {
		return why
	}
	switch {
	case own != "":
		return fmt.Sprintf("a member of cluster %s, whose Raft log this node has lost, in sight of gossip; "+
			"name its nodes with --cluster.peer", own)
	case founds:
		return missing
	case !n.gossip.Settled():
		return "the first answers of the peers given with --cluster.peer"
	default:
		return "a cluster in sight of gossip: of the peers given with --cluster.peer none is a member of one; " +
			"start one node without --cluster.peer, or all of them with --raft.bootstrap-expect"
	}
}

func said(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// asVoter is this node in a Raft configuration.
func (n *Node) asVoter() raft.Server {
	return raft.Server{Suffrage: raft.Voter, ID: raft.ServerID(n.id), Address: raft.ServerAddress(n.raftAddress)}
}

// form begins a cluster with the given voters.
func (n *Node) form(ctx context.Context, e *engine, voters []raft.Server) error {
	if err := n.certifySelf(); err != nil {
		return fmt.Errorf("form a cluster: %w", err)
	}
	err := e.await(ctx, func() raft.Future {
		return e.raft.BootstrapCluster(raft.Configuration{Servers: voters})
	})
	if err != nil && !errors.Is(err, raft.ErrCantBootstrap) {
		return fmt.Errorf("form a cluster: %w", err)
	}
	n.log.Info("forming a new cluster", "voters", len(voters))
	e.hasten()
	return nil
}

// clusterInSight are living members of a cluster: of this node's own, if it knows
// it, or of the one that it has a certificate of, if that is in sight.
func (n *Node) clusterInSight() []gossip.Member {
	var all, certain []gossip.Member
	for _, m := range n.members() {
		if !m.Alive || m.Self || m.Cluster == "" || m.Raft == "" {
			continue
		}
		all = append(all, m)
		if n.trust != nil && m.Cluster == n.trust.Cluster() {
			certain = append(certain, m)
		}
	}
	if len(certain) > 0 {
		return certain
	}
	return all
}

// enter joins the cluster of the given members, with a certificate first, and
// says what is missing.
func (n *Node) enter(ctx context.Context, members []gossip.Member) string {
	via := make([]string, len(members))
	for i, m := range members {
		via[i] = m.Raft
	}
	if n.wantsCertificate(members[0].Cluster) {
		if err := n.enrolAt(ctx, via); err != nil {
			return enrolText(err)
		}
	}
	return said(n.join(ctx, via))
}

// joinRequest is the question of kindJoin.
type joinRequest struct {
	ID       model.NodeID    `json:"id"`
	Name     string          `json:"name"`
	Address  string          `json:"address"`
	Cluster  model.ClusterID `json:"cluster,omitempty"`
	Replaces model.NodeID    `json:"replaces,omitempty"`
	// Commands is the newest command version that it knows; 0 is from before
	// this was told, which was version 1.
	Commands uint32 `json:"commands,omitempty"`
}

func (n *Node) joinRequest() ([]byte, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return json.Marshal(joinRequest{
		ID: n.id, Name: n.opts.Name, Address: n.raftAddress,
		Cluster: n.identity.Cluster, Replaces: n.identity.Replaces, Commands: n.opts.Knows,
	})
}

// join asks to be added: any member, and the leader that it names.
func (n *Node) join(ctx context.Context, via []string) error {
	ctx, cancel := context.WithTimeout(ctx, joinTime)
	defer cancel()
	body, err := n.joinRequest()
	if err != nil {
		return err
	}
	asked, refused := make(map[string]bool), false
	for i := 0; i < len(via); i++ {
		if asked[via[i]] {
			continue
		}
		asked[via[i]] = true
		_, callErr := n.client.Call(ctx, via[i], kindJoin, body)
		if callErr == nil {
			return errors.New("the leader's log, after it has added this node")
		}
		var refusal *rpc.Refusal
		told := errors.As(callErr, &refusal) && refusal.Verdict == rpc.VerdictRefused
		if !refused || told { // who says no says more than who cannot say
			err, refused = fmt.Errorf("a leader that adds this node; %s: %w", via[i], callErr), told
		}
		if refusal != nil && refusal.Verdict == rpc.VerdictNotLeader && refusal.Text != "" {
			via = append(via, refusal.Text)
		}
	}
	return err
}

// correctAddress tells the leader when this node's raft address is not the one
// in the configuration.
func (n *Node) correctAddress(ctx context.Context, e *engine, cfg raft.Configuration) {
	for _, s := range cfg.Servers {
		if s.ID != e.id || string(s.Address) == n.raftAddress {
			continue
		}
		body, err := n.joinRequest()
		if err != nil {
			return
		}
		if n.lead.Load() != nil {
			err = n.takeJoin(ctx, body)
		} else {
			callCtx, cancel := context.WithTimeout(ctx, joinTime)
			_, err = n.askLeader(callCtx, kindJoin, body)
			cancel()
		}
		if err == nil {
			n.log.Info("the cluster knows this node's new address", "old", s.Address, "new", n.raftAddress)
		} else {
			n.log.Debug("the cluster does not know this node's new address yet", "err", err)
		}
	}
}

// memberOf reports whether a node is in a Raft configuration.
func memberOf(cfg raft.Configuration, id raft.ServerID) bool {
	for _, s := range cfg.Servers {
		if s.ID == id {
			return true
		}
	}
	return false
}

func (n *Node) setWaiting(why string, removed bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.waiting, n.removed = why, removed
}

func (n *Node) waitingFor() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.waiting
}

// heardAddress is the raft address that a node tells of itself, "" if it is not
// heard of.
func (n *Node) heardAddress(id model.NodeID) string {
	m, _ := n.member(id)
	return m.Raft
}

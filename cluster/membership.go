package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"

	"tocsin/cluster/rpc"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

// AddPeer makes a node a member, by its raft address; a node that is one gets
// its address changed. It follows without a vote until it has caught up.
// Errors: *NoQuorumError, ErrRefused.
func (n *Node) AddPeer(ctx context.Context, id model.NodeID, raftAddress string) error {
	body, err := json.Marshal(joinRequest{ID: id, Address: raftAddress, Cluster: n.clusterID(), Commands: n.commandsOf(id)})
	if err != nil {
		return err
	}
	return n.askLeaderToChange(ctx, kindJoin, body, n.takeJoin)
}

// RemovePeer takes a node out of the cluster, alive or not. Errors:
// *NoQuorumError, ErrUnknownPeer, ErrLastVoter.
func (n *Node) RemovePeer(ctx context.Context, id model.NodeID) error {
	e := n.engine.Load()
	if e == nil {
		return n.noQuorum(ErrStorage)
	}
	cfg, _ := e.configuration()
	if !memberOf(cfg, raft.ServerID(id)) {
		return fmt.Errorf("remove node %s: %w", id, ErrUnknownPeer)
	}
	if isLastVoter(cfg, raft.ServerID(id)) {
		return fmt.Errorf("remove node %s: %w", id, ErrLastVoter)
	}
	return n.askLeaderToChange(ctx, kindRemove, []byte(id), n.takeRemove)
}

// FindPeer is the member that has this ID or, if none has, this name. Errors:
// ErrUnknownPeer, ErrAmbiguous.
func (n *Node) FindPeer(idOrName string) (model.NodeID, error) {
	var named []model.NodeID
	for _, p := range n.ListPeers() {
		switch {
		case !p.Member || idOrName == "":
		case string(p.ID) == idOrName:
			return p.ID, nil
		case p.Name == idOrName:
			named = append(named, p.ID)
		}
	}
	switch len(named) {
	case 0:
		return "", fmt.Errorf("node %q: %w", idOrName, ErrUnknownPeer)
	case 1:
		return named[0], nil
	default:
		return "", fmt.Errorf("%w: nodes %v are all named %q", ErrAmbiguous, named, idOrName)
	}
}

// TransferLeadership makes another voter lead; to = "" leaves the choice to the
// leader. It returns when this node knows the new leader, and tries again where
// the old one is elected once more. Errors: *NoQuorumError, ErrUnknownPeer,
// ErrRefused.
func (n *Node) TransferLeadership(ctx context.Context, to model.NodeID) error {
	ctx, cancel := n.hold(ctx)
	defer cancel()
	old, _ := n.leader()
	for {
		if err := n.transfer(ctx, to); err != nil {
			return err
		}
		for end := time.Now().Add(2 * n.opts.Timing.Election); time.Now().Before(end); {
			now, _ := n.leader()
			if now != "" && (to == "" && now != old || now == to) && n.Quorum().Held {
				return nil
			}
			if !sleep(ctx, tick/5) {
				return n.noQuorum(errors.New("leadership was handed over, but the new leader was not heard of yet"))
			}
		}
	}
}

func (n *Node) transfer(ctx context.Context, to model.NodeID) error {
	if e := n.engine.Load(); e != nil && to != "" {
		if cfg, _ := e.configuration(); !isVoter(cfg, raft.ServerID(to)) {
			return fmt.Errorf("transfer leadership to %s: %w", to, ErrUnknownPeer)
		}
	}
	return n.askLeaderToChange(ctx, kindTransfer, []byte(to), n.takeTransfer)
}

// askLeaderToChange has the leader change the membership, until it has, or
// says no, or ctx ends.
func (n *Node) askLeaderToChange(ctx context.Context, kind uint8, body []byte, here func(context.Context, []byte) error) error {
	_, err := n.askLeaderTo(ctx, kind, body, func(ctx context.Context, body []byte) ([]byte, error) {
		return nil, here(ctx, body)
	})
	return err
}

// takeJoin adds a node, or changes its address. It may be asked again.
func (n *Node) takeJoin(ctx context.Context, body []byte) error {
	l := n.lead.Load()
	if l == nil {
		return n.notLeader()
	}
	var j joinRequest
	if err := json.Unmarshal(body, &j); err != nil || j.ID == "" || j.Address == "" {
		return refuse("malformed request to join")
	}
	if own := n.clusterID(); j.Cluster != "" && j.Cluster != own {
		return refuse("this is cluster %s, not %s", own, j.Cluster)
	}
	n.membership.Lock()
	defer n.membership.Unlock()
	cfg, _ := l.e.configuration()
	for _, s := range cfg.Servers {
		if s.ID == raft.ServerID(j.ID) {
			return l.readdress(ctx, s, raft.ServerAddress(j.Address))
		}
	}
	if have := n.commandVersion(); max(1, j.Commands) < have {
		return refuse("node %s knows commands up to version %d, and this cluster uses version %d: upgrade it first", j.ID, max(1, j.Commands), have)
	}
	if err := l.makeRoom(ctx, cfg, j); err != nil {
		return err
	}
	if err := l.setRemoved(ctx, j.ID, false); err != nil {
		return err
	}
	n.keepIdentity(func(to *identity) { to.Others = true })
	if err := n.saveIdentity(); err != nil {
		return &rpc.Refusal{Verdict: rpc.VerdictBusy, Text: err.Error()}
	}
	_, index := l.e.configuration()
	err := l.change(ctx, func() raft.Future {
		return l.e.raft.AddNonvoter(raft.ServerID(j.ID), raft.ServerAddress(j.Address), index, enqueueTime)
	})
	if err == nil {
		n.log.Info("node joins the cluster", "node", j.ID, "name", j.Name, "address", j.Address, "replaces", j.Replaces)
	}
	return err
}

// readdress changes a member's address and leaves its vote alone.
func (l *leadership) readdress(ctx context.Context, s raft.Server, to raft.ServerAddress) error {
	if s.Address == to {
		return nil
	}
	_, index := l.e.configuration()
	return l.change(ctx, func() raft.Future {
		if s.Suffrage == raft.Voter {
			return l.e.raft.AddVoter(s.ID, to, index, enqueueTime)
		}
		return l.e.raft.AddNonvoter(s.ID, to, index, enqueueTime)
	})
}

// makeRoom takes out the member whose place j takes: the one that it says it
// was before its log was lost, and one that has its address but is not there any
// more. A member that lives is not taken out for either.
func (l *leadership) makeRoom(ctx context.Context, cfg raft.Configuration, j joinRequest) error {
	for _, s := range cfg.Servers {
		if s.ID != raft.ServerID(j.Replaces) && s.Address != raft.ServerAddress(j.Address) {
			continue
		}
		if m, ok := l.n.member(model.NodeID(s.ID)); ok && m.Alive && m.Raft == string(s.Address) || s.ID == l.e.id {
			return refuse("node %s is alive at %s", s.ID, s.Address)
		}
		now, _ := l.e.configuration()
		if isLastVoter(now, s.ID) {
			return refuse("node %s has the only vote", s.ID)
		}
		if err := l.remove(ctx, s.ID); err != nil {
			return err
		}
		l.n.log.Warn("removed a member whose place a new node takes", "node", s.ID, "address", s.Address, "new_node", j.ID)
	}
	return nil
}

func (l *leadership) remove(ctx context.Context, id raft.ServerID) error {
	_, index := l.e.configuration()
	err := l.change(ctx, func() raft.Future { return l.e.raft.RemoveServer(id, index, enqueueTime) })
	if err != nil {
		return err
	}
	if id == l.e.id {
		return nil // not the leader any more; the next one notes it, see settleRemovals
	}
	if cfg, _ := l.e.configuration(); len(cfg.Servers) == 1 {
		l.n.keepIdentity(func(to *identity) { to.Others = false })
	}
	return l.noteRemoved(ctx, model.NodeID(id))
}

// noteRemoved has the state say that a node is no member any more.
func (l *leadership) noteRemoved(ctx context.Context, id model.NodeID) error {
	if err := l.setRemoved(ctx, id, true); err != nil {
		return err
	}
	_, err := l.propose(ctx, command.RemoveNode{ID: id})
	return err
}

// settleRemovals notes the removals that the leader before could not: of itself,
// or because it ended in between. Otherwise such a node would still be trusted.
func (l *leadership) settleRemovals() {
	n := l.n
	n.membership.Lock()
	defer n.membership.Unlock()
	cfg, _ := l.e.configuration()
	for node := range n.opts.Machine.View().Nodes() {
		if memberOf(cfg, raft.ServerID(node.ID)) {
			continue
		}
		if err := l.noteRemoved(l.ctx, node.ID); err != nil {
			if l.ctx.Err() == nil {
				n.log.Warn("that a node was removed cannot be noted; the next leader tries again", "node", node.ID, "err", err)
			}
			return
		}
		n.log.Info("noted that a node was removed", "node", node.ID, "name", node.Name)
	}
}

// change waits for a change of the Raft configuration.
func (l *leadership) change(ctx context.Context, f func() raft.Future) error {
	if err := l.e.await(ctx, f); err != nil {
		return &rpc.Refusal{Verdict: rpc.VerdictBusy, Text: err.Error()}
	}
	return nil
}

func (n *Node) takeRemove(ctx context.Context, body []byte) error {
	l := n.lead.Load()
	if l == nil {
		return n.notLeader()
	}
	id := raft.ServerID(body)
	n.membership.Lock()
	defer n.membership.Unlock()
	cfg, _ := l.e.configuration()
	switch {
	case !memberOf(cfg, id):
		return nil // asked again
	case isLastVoter(cfg, id):
		return refuse("%v", ErrLastVoter)
	}
	if err := l.remove(ctx, id); err != nil {
		return err
	}
	n.log.Warn("node was removed from the cluster", "node", id)
	return nil
}

func (n *Node) takeTransfer(ctx context.Context, body []byte) error {
	l := n.lead.Load()
	if l == nil {
		return n.notLeader()
	}
	if raft.ServerID(body) == l.e.id {
		return nil // it leads already
	}
	return l.change(ctx, func() raft.Future { return n.abdicate(l.e, raft.ServerID(body)) })
}

func isVoter(cfg raft.Configuration, id raft.ServerID) bool {
	for _, s := range cfg.Servers {
		if s.ID == id {
			return s.Suffrage == raft.Voter
		}
	}
	return false
}

// isLastVoter reports whether id is a voter and no other is.
func isLastVoter(cfg raft.Configuration, id raft.ServerID) bool {
	for _, s := range cfg.Servers {
		if s.Suffrage == raft.Voter && s.ID != id {
			return false
		}
	}
	return isVoter(cfg, id)
}

// hasOtherVoter reports whether another voter is there to lead.
func (e *engine) hasOtherVoter(n *Node) bool {
	cfg, _ := e.configuration()
	for _, s := range cfg.Servers {
		if s.Suffrage == raft.Voter && s.ID != e.id {
			if m, ok := n.member(model.NodeID(s.ID)); ok && m.Alive {
				return true
			}
		}
	}
	return false
}

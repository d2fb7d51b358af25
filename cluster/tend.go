package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/hashicorp/raft"

	"tocsin/cluster/rpc"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

// What people change about the members. All of it is done by the leader, says
// what it did, and does nothing where it is done already.

// Verb is what is to be done with a member.
type Verb string

// The verbs.
const (
	VerbRemove  Verb = "remove"  // take it out of the cluster
	VerbPromote Verb = "promote" // give it a vote
	VerbDemote  Verb = "demote"  // take its vote, and keep it from getting one
	VerbAddress Verb = "address" // change the address of its port between nodes
)

// Tending is one change of one member.
type Tending struct {
	Verb Verb         `json:"verb"`
	Node model.NodeID `json:"node"`
	// Address is for VerbAddress.
	Address string `json:"address,omitempty"`
	// Force does it although the quorum would be lost, or the node says otherwise.
	Force bool `json:"force,omitempty"`
}

// Tend has the leader change a member and says what was done. Errors:
// *NoQuorumError, ErrRefused with the reason and what to do.
func (n *Node) Tend(ctx context.Context, t Tending) (did string, err error) {
	body, err := json.Marshal(t)
	if err != nil {
		return "", err
	}
	b, err := n.askLeaderTo(ctx, kindTend, body, n.takeTending)
	return string(b), err
}

// askLeaderTo has the leader do something, until it has, or says no, or ctx ends.
func (n *Node) askLeaderTo(ctx context.Context, kind uint8, body []byte, here func(context.Context, []byte) ([]byte, error)) ([]byte, error) {
	ctx, cancel := n.hold(ctx)
	defer cancel()
	for try := 0; ; try++ {
		var b []byte
		var err error
		if n.lead.Load() != nil {
			b, err = here(ctx, body)
		} else {
			b, err = n.askLeader(ctx, kind, body)
		}
		var refusal *rpc.Refusal
		switch {
		case err == nil:
			return b, nil
		case errors.As(err, &refusal) && refusal.Verdict == rpc.VerdictRefused:
			return nil, fmt.Errorf("%w: %s", ErrRefused, refusal.Text)
		case !n.again(ctx, try, false):
			return nil, n.noQuorum(err)
		}
	}
}

// takeTending changes a member, if this node leads.
func (n *Node) takeTending(ctx context.Context, body []byte) ([]byte, error) {
	l := n.lead.Load()
	if l == nil {
		return nil, n.notLeader()
	}
	var t Tending
	if err := json.Unmarshal(body, &t); err != nil || t.Node == "" {
		return nil, refuse("malformed request to change a member")
	}
	n.membership.Lock()
	defer n.membership.Unlock()
	cfg, _ := l.e.configuration()
	i := slices.IndexFunc(cfg.Servers, func(s raft.Server) bool { return s.ID == raft.ServerID(t.Node) })
	if i < 0 {
		if t.Verb == VerbRemove {
			return []byte(fmt.Sprintf("node %s is no member of the cluster: nothing to do", t.Node)), nil
		}
		return nil, refuse("node %s is no member of the cluster; `tocsin raft list-peers` shows who is", t.Node)
	}
	var did string
	var err error
	switch s := cfg.Servers[i]; t.Verb {
	case VerbRemove:
		did, err = l.tendRemove(ctx, cfg, s, t)
	case VerbPromote:
		did, err = l.tendPromote(ctx, s)
	case VerbDemote:
		did, err = l.tendDemote(ctx, cfg, s, t)
	case VerbAddress:
		did, err = l.tendAddress(ctx, cfg, s, t)
	default:
		return nil, refuse("unknown change %q of a member; is the leader older than the node that asks?", t.Verb)
	}
	if err != nil {
		return nil, err
	}
	n.log.Warn("a member was changed by hand", "verb", string(t.Verb), "node", t.Node, "did", did)
	return []byte(did), nil
}

func (l *leadership) tendRemove(ctx context.Context, cfg raft.Configuration, s raft.Server, t Tending) (string, error) {
	name := l.n.called(s.ID)
	if isLastVoter(cfg, s.ID) {
		return "", refuse("%s has the only vote: without it there would be no cluster left. To end the cluster, stop the node; to move it, let another node join first", name)
	}
	if err := l.mayLose(cfg, s, t.Force, "removing"); err != nil {
		return "", err
	}
	if err := l.remove(ctx, s.ID); err != nil {
		return "", err
	}
	if err := l.setVoteless(ctx, model.NodeID(s.ID), false); err != nil {
		return "", err
	}
	return fmt.Sprintf("removed %s; if it still runs it pages without a quorum until it is stopped; to let it come back, start it with an empty data folder", name), nil
}

func (l *leadership) tendPromote(ctx context.Context, s raft.Server) (string, error) {
	name := l.n.called(s.ID)
	if err := l.setVoteless(ctx, model.NodeID(s.ID), false); err != nil {
		return "", err
	}
	if s.Suffrage == raft.Voter {
		return name + " votes already: nothing to do", nil
	}
	m, ok := l.n.member(model.NodeID(s.ID))
	switch {
	case !ok || !m.Alive:
		return name + " is not there now; it gets its vote when it is back and has caught up", nil
	case !l.wantsVote(s):
		return "", refuse("%s does not want a vote now: it is stopping, its disk has failed, or it was started without one", name)
	case !l.caughtUp(s):
		return name + " gets its vote as soon as it has caught up", nil
	}
	_, index := l.e.configuration()
	if err := l.change(ctx, func() raft.Future { return l.e.raft.AddVoter(s.ID, s.Address, index, enqueueTime) }); err != nil {
		return "", err
	}
	return name + " votes from now on", nil
}

func (l *leadership) tendDemote(ctx context.Context, cfg raft.Configuration, s raft.Server, t Tending) (string, error) {
	name := l.n.called(s.ID)
	switch {
	case s.Suffrage != raft.Voter && l.n.voteless()[model.NodeID(s.ID)]:
		return name + " has no vote: nothing to do", nil
	case isLastVoter(cfg, s.ID):
		return "", refuse("%s has the only vote: promote another node first", name)
	case s.ID == l.e.id:
		return "", refuse("%s leads: have another node lead first with `tocsin raft transfer-leadership`", name)
	}
	if s.Suffrage == raft.Voter {
		if err := l.mayLose(cfg, s, t.Force, "demoting"); err != nil {
			return "", err
		}
	}
	// The list comes first: otherwise it would get its vote back at once.
	if err := l.setVoteless(ctx, model.NodeID(s.ID), true); err != nil {
		return "", err
	}
	if s.Suffrage == raft.Voter {
		_, index := l.e.configuration()
		if err := l.change(ctx, func() raft.Future { return l.e.raft.DemoteVoter(s.ID, index, enqueueTime) }); err != nil {
			return "", err
		}
	}
	return name + " has no vote from now on, and gets none before it is promoted", nil
}

func (l *leadership) tendAddress(ctx context.Context, cfg raft.Configuration, s raft.Server, t Tending) (string, error) {
	name, to := l.n.called(s.ID), raft.ServerAddress(t.Address)
	if to == "" {
		return "", refuse("no address is given")
	}
	for _, o := range cfg.Servers {
		if o.Address == to && o.ID != s.ID {
			return "", refuse("%s has the address %s: change that one first", l.n.called(o.ID), to)
		}
	}
	if s.Address == to {
		return fmt.Sprintf("%s has the address %s already: nothing to do", name, to), nil
	}
	if m, ok := l.n.member(model.NodeID(s.ID)); ok && m.Alive && m.Raft != "" && m.Raft != t.Address && !t.Force {
		return "", refuse("%s is there and says that its address is %s: start it with --raft.advertise-address=%s, and the cluster follows by itself", name, m.Raft, to)
	}
	was := s.Address
	if err := l.readdress(ctx, s, to); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s is looked for at %s from now on, not at %s", name, to, was), nil
}

// mayLose is an error if those that stay would have no quorum without s.
func (l *leadership) mayLose(cfg raft.Configuration, s raft.Server, force bool, verb string) error {
	if s.Suffrage != raft.Voter || force {
		return nil
	}
	voters, there, missing := 0, 0, []string(nil)
	for _, o := range cfg.Servers {
		if o.Suffrage != raft.Voter || o.ID == s.ID {
			continue
		}
		voters++
		if m, ok := l.n.member(model.NodeID(o.ID)); o.ID == l.e.id || ok && m.Alive {
			there++
		} else {
			missing = append(missing, l.n.called(o.ID))
		}
	}
	if there > voters/2 {
		return nil
	}
	return refuse("%s %s would leave %d of %d voters in sight, which is no quorum: bring back or remove %v first, or give --force",
		verb, l.n.called(s.ID), there, voters, missing)
}

// called is a node's name and ID for people.
func (n *Node) called(id raft.ServerID) string {
	name := ""
	if r, ok := n.opts.Machine.View().Node(model.NodeID(id)); ok {
		name = r.Name
	}
	if m, ok := n.member(model.NodeID(id)); ok && m.Name != "" {
		name = m.Name
	}
	if name == "" || name == string(id) {
		return fmt.Sprintf("node %s", id)
	}
	return fmt.Sprintf("node %s (%s)", name, id)
}

// votelessRecord lists the nodes that are to have no vote.
const votelessRecord = "voteless"

// voteless are the nodes that were demoted and not promoted since.
func (n *Node) voteless() map[model.NodeID]bool {
	out := make(map[model.NodeID]bool)
	r, ok := n.opts.Machine.View().Record(model.RecordAutopilot, votelessRecord)
	if !ok {
		return out
	}
	var ids []model.NodeID
	if err := json.Unmarshal(r.Body, &ids); err != nil {
		n.log.Error("the list of nodes without a vote cannot be read", "err", err)
	}
	for _, id := range ids {
		out[id] = true
	}
	return out
}

// setVoteless puts a node on that list, or takes it off.
func (l *leadership) setVoteless(ctx context.Context, id model.NodeID, on bool) error {
	listed := l.n.voteless()
	if listed[id] == on {
		return nil
	}
	if need, have := command.KindPutRecord.Since(), l.n.commandVersion(); need > have {
		return refuse("%v", l.n.tooNew(need, have))
	}
	listed[id] = on
	ids := []model.NodeID{}
	for id, on := range listed {
		if on {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	body, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	rs, err := l.propose(ctx, command.PutRecord{Record: model.RecordAutopilot, Name: votelessRecord, BaseRev: model.AnyRev, Body: body})
	if err == nil && !rs[0].Done() {
		err = rejection(rs[0])
	}
	if err != nil {
		return &rpc.Refusal{Verdict: rpc.VerdictBusy, Text: err.Error()}
	}
	return nil
}

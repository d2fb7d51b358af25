package cluster

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/raft"

	"tocsin/cluster/gossip"
	"tocsin/fsm/model"
)

// Forming a cluster of several empty nodes, once. The one with the lowest ID
// proposes the list of voters, and begins only when each of the others has
// promised to be part of no other list. So two nodes that see different others
// cannot begin two clusters.

// promiseTime is how long a promise binds: longer than a proposer needs from the
// first promise to the first log entry that reaches the others.
const promiseTime = 20 * time.Second

// founders is the question of kindForm.
type founders struct {
	Cluster model.ClusterID `json:"cluster"`
	Voters  []founder       `json:"voters"` // ascending by ID; the first asks
}

type founder struct {
	ID      model.NodeID `json:"id"`
	Address string       `json:"address"`
}

// promise is what this node has promised.
type promise struct {
	cluster model.ClusterID
	until   time.Time
}

// formWithOthers begins a cluster if this node is to, and says what is missing.
func (n *Node) formWithOthers(ctx context.Context, e *engine) string {
	empty := n.emptyInSight()
	if len(empty) < n.opts.BootstrapExpect {
		why := fmt.Sprintf("%d empty nodes with --raft.bootstrap-expect=%d; gossip sees %d, this one included",
			n.opts.BootstrapExpect, n.opts.BootstrapExpect, len(empty))
		if at := n.gossip.Unreadable(); !at.IsZero() && time.Since(at) < unreadableFor {
			why += "; some that it hears has another key: all founders need the same --cluster.join-token-file, or none of them any"
		}
		return why
	}
	empty = empty[:n.opts.BootstrapExpect]
	if empty[0].ID != n.id {
		return fmt.Sprintf("node %s, which has the lowest ID, to form the cluster", empty[0].ID)
	}
	f := founders{Cluster: n.foundingID()}
	for _, m := range empty {
		f.Voters = append(f.Voters, founder{m.ID, m.Raft})
	}
	if err := n.gatherPromises(ctx, f); err != nil {
		return fmt.Sprintf("the promise of all founders: %v", err)
	}
	return said(n.form(ctx, e, f.servers()))
}

func (f founders) servers() []raft.Server {
	out := make([]raft.Server, len(f.Voters))
	for i, v := range f.Voters {
		out[i] = raft.Server{Suffrage: raft.Voter, ID: raft.ServerID(v.ID), Address: raft.ServerAddress(v.Address)}
	}
	return out
}

// emptyInSight are the living nodes that are as empty as this one and expect as
// many, this one included, ascending by ID.
func (n *Node) emptyInSight() []gossip.Member {
	var out []gossip.Member
	for _, m := range n.members() {
		if m.Alive && m.Is(gossip.FlagEmpty|gossip.FlagVoter) && int(m.Expect) == n.opts.BootstrapExpect && m.Raft != "" {
			out = append(out, m)
		}
	}
	slices.SortFunc(out, func(a, b gossip.Member) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

func (n *Node) gatherPromises(ctx context.Context, f founders) error {
	ctx, cancel := context.WithTimeout(ctx, joinTime)
	defer cancel()
	body, err := json.Marshal(f)
	if err != nil {
		return err
	}
	if err := n.takeForm(body); err != nil {
		return err
	}
	for _, v := range f.Voters[1:] {
		if n.trust != nil && !n.trust.External() {
			err = n.enlist(ctx, v, f)
		} else {
			_, err = n.client.Call(ctx, v.Address, kindForm, body)
		}
		if err != nil {
			return fmt.Errorf("node %s: %w", v.ID, err)
		}
	}
	return nil
}

// takeForm promises to be part of a new cluster, or says why not.
func (n *Node) takeForm(body []byte) error {
	var f founders
	if err := json.Unmarshal(body, &f); err != nil || f.Cluster == "" || len(f.Voters) == 0 {
		return refuse("malformed list of founders")
	}
	seen := n.emptyInSight()
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case !n.isEmpty():
		return refuse("this node has a cluster or a Raft log already")
	case len(f.Voters) != n.opts.BootstrapExpect:
		return refuse("this node expects %d founders, not %d", n.opts.BootstrapExpect, len(f.Voters))
	case !slices.ContainsFunc(f.Voters, func(v founder) bool { return v.ID == n.id }):
		return refuse("this node is not on the list of founders")
	case len(seen) > 0 && seen[0].ID < f.Voters[0].ID:
		return refuse("node %s has a lower ID and is to form the cluster", seen[0].ID)
	case n.promise.cluster != "" && n.promise.cluster != f.Cluster && time.Now().Before(n.promise.until):
		return refuse("this node has promised to be part of another new cluster")
	}
	n.promise = promise{f.Cluster, time.Now().Add(promiseTime)}
	n.founding = f.Cluster
	return nil
}

// foundingID is the ID that was agreed on when the cluster was formed, or a new
// one.
func (n *Node) foundingID() model.ClusterID {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.founding == "" {
		n.founding = model.ClusterID(uuid.NewString())
	}
	return n.founding
}

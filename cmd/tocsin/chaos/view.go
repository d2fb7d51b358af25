package chaos

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
)

// view is what a node says of its cluster.
type view struct {
	// name is the node's own name in the cluster, leader that of the node that
	// acts first: Raft's leader, or the first by name in Alertmanager's order.
	name, leader string
	// whole: it sees three members, and is ready for work.
	whole bool
}

// view asks the node.
func (n *Node) view(ctx context.Context) (view, error) {
	if n.sys.Name == Tocsin {
		return n.tocsinView(ctx)
	}
	return n.alertmanagerView(ctx)
}

func (n *Node) tocsinView(ctx context.Context) (view, error) {
	var st rig.State
	if err := n.Do(ctx, "GET", rig.StatusPath, nil, &st); err != nil {
		return view{}, err
	}
	v := view{name: st.Node.ID}
	if st.Cluster.Leader != nil {
		v.leader, v.whole = st.Cluster.Leader.ID, st.Cluster.Quorum.Voters == nodes
	}
	return v, nil
}

func (n *Node) alertmanagerView(ctx context.Context) (view, error) {
	var st struct {
		Cluster struct {
			Name   string `json:"name"`
			Status string `json:"status"`
			Peers  []struct {
				Name string `json:"name"`
			} `json:"peers"`
		} `json:"cluster"`
	}
	if err := n.Do(ctx, "GET", "/api/v2/status", nil, &st); err != nil {
		return view{}, err
	}
	v := view{name: st.Cluster.Name, whole: st.Cluster.Status == "ready" && len(st.Cluster.Peers) == nodes}
	for _, p := range st.Cluster.Peers {
		if v.leader == "" || p.Name < v.leader {
			v.leader = p.Name
		}
	}
	return v, nil
}

// awaitWhole waits until all nodes are members of one cluster of three.
func (w *World) awaitWhole(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		whole := 0
		for _, n := range w.Nodes {
			if v, err := n.view(ctx); err == nil && v.whole && v.leader != "" {
				whole++
			}
		}
		if whole == nodes {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("of %d nodes %d are in a whole cluster after %v", nodes, whole, limit)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Leader is the node that leads, as most living nodes see it.
func (w *World) Leader(ctx context.Context) (*Node, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	votes, names := map[string]int{}, map[string]*Node{}
	for _, n := range w.Nodes {
		if v, err := n.view(ctx); err == nil {
			names[v.name] = n
			votes[v.leader]++
		}
	}
	for name, count := range votes {
		if n := names[name]; n != nil && count*2 > len(names) {
			return n, nil
		}
	}
	return nil, fmt.Errorf("no leader that most nodes agree on: %v", votes)
}

// Others are the nodes but n.
func (w *World) Others(n *Node) []*Node {
	return slices.DeleteFunc(slices.Clone(w.Nodes), func(o *Node) bool { return o == n })
}

package rig

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// Cluster is one or more nodes with the same configuration.
type Cluster struct{ Nodes []*Node }

// StartCluster grows a cluster from one node to n: each joins through the first,
// and all must list all of them within 2 s a member.
func StartCluster(t testing.TB, n int, o NodeOptions) *Cluster {
	t.Helper()
	c := &Cluster{}
	for i := range n {
		own := o
		own.Name = fmt.Sprintf("n%d", i+1)
		own.Flags = slices.Clone(o.Flags)
		if i > 0 {
			own.Flags = append(own.Flags, "--cluster.peer="+c.Nodes[0].Peer)
		}
		c.Nodes = append(c.Nodes, StartNode(t, own))
		c.AwaitMembers(t, i+1, time.Duration(i+1)*2*time.Second)
	}
	return c
}

// AwaitMembers waits until every running node lists exactly want peers.
func (c *Cluster) AwaitMembers(t testing.TB, want int, limit time.Duration) {
	t.Helper()
	var seen []int
	ok := Eventually(limit, 50*time.Millisecond, func() bool {
		seen = seen[:0]
		for _, n := range c.Running() {
			st, err := n.Status()
			if err != nil {
				return false
			}
			seen = append(seen, len(st.Cluster.Peers))
		}
		return len(seen) > 0 && !slices.ContainsFunc(seen, func(k int) bool { return k != want })
	})
	if !ok {
		t.Fatalf("the nodes list %v peers, want %d each within %v", seen, want, limit)
	}
}

// Running are the nodes that run.
func (c *Cluster) Running() []*Node {
	var out []*Node
	for _, n := range c.Nodes {
		if n.Running() {
			out = append(out, n)
		}
	}
	return out
}

// Post sends alerts to every running node at once; all must accept them.
func (c *Cluster) Post(t testing.TB, alerts ...APIAlert) {
	t.Helper()
	var wg sync.WaitGroup
	for _, n := range c.Running() {
		wg.Go(func() {
			if r := n.PostAlerts(alerts...); r.Code != 200 {
				t.Errorf("POST alerts to %s: %v", n.Name, r)
			}
		})
	}
	wg.Wait()
}

// Terminate ends all running nodes at once; each must end well.
func (c *Cluster) Terminate(t testing.TB) {
	t.Helper()
	var wg sync.WaitGroup
	for _, n := range c.Running() {
		wg.Go(func() { n.Terminate(t, stopLimit) })
	}
	wg.Wait()
}

// stopLimit is how long a node may take to end after SIGTERM.
const stopLimit = 15 * time.Second

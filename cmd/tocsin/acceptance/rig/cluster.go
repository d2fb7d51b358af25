package rig

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
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

// StartFixed is StartCluster for nodes that will be ended and started again:
// each has a loopback address of its own that it keeps, lists all others as its
// peers, and shows its name as the host of its external URL.
func StartFixed(t testing.TB, n int, o NodeOptions) *Cluster {
	t.Helper()
	hosts := make([]string, n)
	for i := range hosts {
		hosts[i] = Loopback()
	}
	c := &Cluster{}
	for i := range n {
		own := o
		own.Name = fmt.Sprintf("n%d", i+1)
		own.Flags = append(slices.Clone(o.Flags),
			"--web.listen-address="+hosts[i]+":9093", "--cluster.listen-address="+hosts[i]+":9094",
			"--web.external-url=http://"+own.Name+".test/", "--cluster.peer-name="+own.Name)
		for j := range n {
			// The first knows nobody at first, or it would not found the
			// cluster.
			if j != i && i != 0 {
				own.Flags = append(own.Flags, "--cluster.peer="+hosts[j]+":9094")
			}
		}
		c.Nodes = append(c.Nodes, StartNode(t, own))
		c.AwaitMembers(t, i+1, time.Duration(i+1)*2*time.Second)
	}
	c.AwaitVoters(t, n, 4*time.Second)
	return c
}

// Loopback is a loopback address that nobody else uses, by chance.
func Loopback() string {
	n := rand.Uint32()
	return fmt.Sprintf("127.%d.%d.%d", 64+n>>24%64, n>>16%256, 1+n%254)
}

// Sender is the node that sent a message, by its external URL; nil if unknown.
func (c *Cluster) Sender(m *Message) *Node {
	for _, n := range c.Nodes {
		name, _, _ := strings.Cut(n.Name, "+")
		if strings.HasPrefix(m.ExternalURL, "http://"+name+".test") {
			return n
		}
	}
	return nil
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

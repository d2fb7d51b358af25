package cluster_test

import (
	"context"
	"testing"
	"time"
)

// TestReplicationResumesAtOnce: however long a node was dead, it gets what it has
// missed within a second of its start, and not when Raft happens to try again.
func TestReplicationResumesAtOnce(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		leader := leaderOf(nodes...)
		for _, away := range []time.Duration{5 * time.Second, 34 * time.Second, 3 * time.Minute} {
			dead := others(nodes, leader)[0]
			dead.crash()
			time.Sleep(away)
			leader.put("meanwhile" + away.String())
			again := r.start(dead.i, peers(1, 2, 3))
			took := r.until(time.Minute, "it has what was written meanwhile", func() bool { return again.has("meanwhile" + away.String()) })
			if took > time.Second {
				t.Errorf("after %v it took %v until a node had what it had missed", away, took)
			}
			for i, n := range nodes {
				if n == dead {
					nodes[i] = again
				}
			}
			r.until(10*time.Second, "it is ready", again.isReady)
		}
		stopAll(nodes...)
	})
}

// TestReplicationToARemovedNodeEnds: so does it to a node that is away while the
// leader changes; a bubble fails if a goroutine is left.
func TestReplicationToARemovedNodeEnds(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		leader := leaderOf(nodes...)
		dead := others(nodes, leader)[0]
		rest := others(nodes, dead)
		dead.crash()
		time.Sleep(5 * time.Second)
		for range 4 {
			if err := rest[0].TransferLeadership(context.Background(), ""); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Second)
		}
		if err := rest[0].RemovePeer(context.Background(), dead.ID()); err != nil {
			t.Fatal(err)
		}
		rest[0].put("after")
		time.Sleep(5 * time.Second)
		stopAll(rest...)
	})
}

// crash ends a node as when its process is killed: its connections are reset.
func (n *node) crash() {
	n.rig.Helper()
	n.rig.net.Crash(ip(n.i))
	if err := n.Node.Close(); err != nil {
		n.rig.Logf("node %d closed with: %v", n.i, err)
	}
	<-n.done
	n.closeFiles()
}

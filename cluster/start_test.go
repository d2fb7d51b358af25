package cluster_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/cluster"
	"tocsin/fsm/model"
)

func TestLoneNodeIsReadyWithinASecond(t *testing.T) {
	bubble(t, func(r *rig) {
		begin := time.Now()
		n := r.start(1)
		<-n.Ready()
		if took := time.Since(begin); took > time.Second {
			r.Errorf("ready after %v, want within a second", took)
		}
		n.put("s1")
		s := n.Status()
		if s.State != cluster.StateLeader || s.ClusterID == "" || !s.Quorum.Held || s.Quorum.Voters != 1 || s.Quorum.Reachable != 1 {
			r.Errorf("status %+v", s)
		}
		if rank, of := n.Rank(key("x")); rank != 0 || of != 1 {
			r.Errorf("rank %d of %d, want 0 of 1", rank, of)
		}
		n.stop()
	})
}

func TestClusteringOff(t *testing.T) {
	bubble(t, func(r *rig) {
		n := r.start(1, func(o *cluster.Options) {
			_ = o.Transports.Gossip.Shutdown()
			o.GossipBind, o.Transports.Gossip = "", nil
		})
		<-n.Ready()
		n.put("s1")
		if n.GossipAddress() != "" {
			r.Errorf("gossip at %s, want none", n.GossipAddress())
		}
		if got := len(n.ListPeers()); got != 1 {
			r.Errorf("%d peers, want this node only", got)
		}
		n.stop()
	})
}

func TestJoinWithinTwoSeconds(t *testing.T) {
	bubble(t, func(r *rig) {
		a := r.start(1)
		<-a.Ready()
		a.put("before")
		begin := time.Now()
		b := r.start(2, peers(1))
		<-b.Ready()
		r.until(2*time.Second, "the vote", func() bool { return votes(b, b.ID()) })
		if took := time.Since(begin); took > 2*time.Second {
			r.Errorf("joining took %v, want within 2 s", took)
		} else {
			r.Logf("joined and voting after %v", took)
		}
		if !b.has("before") {
			r.Error("the joined node misses what was written before")
		}
		b.put("after") // forwarded
		c := r.start(3, peers(1, 2))
		<-c.Ready()
		r.until(2*time.Second, "the vote", func() bool { return votes(a, c.ID()) })
		r.sameState(a, b, c)
		for _, n := range []*node{a, b, c} {
			if s := n.Status(); s.ClusterID != a.Status().ClusterID || len(s.Peers) != 3 || s.Quorum.Voters != 3 {
				r.Errorf("node %d sees %+v", n.i, s)
			}
		}
		stopAll(c, b, a)
	})
}

func votes(n *node, id model.NodeID) bool {
	for _, p := range n.ListPeers() {
		if p.ID == id {
			return p.Voter
		}
	}
	return false
}

func TestNodeWithPeersNeverFormsAClusterAlone(t *testing.T) {
	bubble(t, func(r *rig) {
		n := r.start(1, peers(1, 2))
		time.Sleep(2 * time.Minute)
		s := n.Status()
		if s.State != cluster.StateWaiting || n.isReady() {
			r.Errorf("state %s, ready %v, want waiting", s.State, n.isReady())
		}
		if !strings.Contains(s.Waiting, "--raft.bootstrap-expect") {
			r.Errorf("waiting for %q, which names no flag that helps", s.Waiting)
		}
		said := func() int { return strings.Count(r.log(1), "waiting to become a member") }
		if got := said(); got < 10 || got > 16 {
			r.Errorf("said %d times in two minutes what it waits for", got)
		}
		before := said()
		time.Sleep(10 * time.Minute)
		if got := said() - before; got < 9 || got > 11 {
			r.Errorf("said %d times in ten minutes more what it waits for", got)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err := n.Propose(ctx, silence("x"))
		var noQuorum *cluster.NoQuorumError
		if !errors.As(err, &noQuorum) || noQuorum.RetryAfter < time.Second {
			r.Errorf("propose: %v, want a NoQuorumError", err)
		}
		n.stop()
	})
}

func TestThreeEmptyNodesFormOneClusterOnce(t *testing.T) {
	bubble(t, func(r *rig) {
		begin := time.Now()
		nodes := r.trio()
		r.Logf("three empty nodes ready after %v", time.Since(begin))
		id := nodes[0].Status().ClusterID
		for _, n := range nodes {
			s := n.Status()
			if s.ClusterID != id || s.Quorum.Voters != 3 || s.Quorum.Reachable != 3 {
				r.Errorf("node %d: cluster %s, quorum %+v", n.i, s.ClusterID, s.Quorum)
			}
			n.put("s" + string(n.ID()))
		}
		r.sameState(nodes...)
		// A fourth with the same flag joins what is there.
		d := r.start(4, peers(1, 2, 3), expect(3))
		<-d.Ready()
		if got := d.Status().ClusterID; got != id {
			r.Errorf("the fourth is in cluster %s, want %s", got, id)
		}
		stopAll(append(nodes, d)...)
	})
}

func TestTwoOfThreeExpectedWait(t *testing.T) {
	bubble(t, func(r *rig) {
		a := r.start(1, peers(1, 2, 3), expect(3))
		b := r.start(2, peers(1, 2, 3), expect(3))
		time.Sleep(time.Minute)
		for _, n := range []*node{a, b} {
			if s := n.Status(); s.State != cluster.StateWaiting || !strings.Contains(s.Waiting, "gossip sees 2") {
				r.Errorf("node %d is %s and waits for %q", n.i, s.State, s.Waiting)
			}
		}
		c := r.start(3, peers(1, 2, 3), expect(3))
		r.until(10*time.Second, "ready", func() bool { return a.isReady() && b.isReady() && c.isReady() })
		stopAll(a, b, c)
	})
}

func TestOtherClusterIsRefused(t *testing.T) {
	bubble(t, func(r *rig) {
		red := r.start(1)
		blue := r.start(2)
		<-red.Ready()
		<-blue.Ready()
		blue.stop()
		blue = r.start(2, peers(1)) // a member of blue that is told to join red
		<-blue.Ready()
		time.Sleep(time.Minute)
		if a, b := red.Status(), blue.Status(); a.ClusterID == b.ClusterID || a.Quorum.Voters != 1 || b.Quorum.Voters != 1 {
			r.Errorf("the clusters mixed: %+v, %+v", a, b)
		}
		if got := strings.Count(r.log(1), "refused a"); got != 1 {
			r.Errorf("red said %d times that it refused a node, want once:\n%s", got, r.log(1))
		}
		// Nor does it let in a node of the other cluster that asks.
		err := red.AddPeer(context.Background(), blue.ID(), blue.RaftAddress())
		time.Sleep(10 * time.Second)
		if s := blue.Status(); s.Quorum.Voters != 1 {
			r.Errorf("blue got into red's log (%v): %+v", err, s)
		}
		stopAll(red, blue)
	})
}

func TestStateFileOfAnotherClusterIsRefused(t *testing.T) {
	bubble(t, func(r *rig) {
		a, b := r.start(1), r.start(2)
		<-a.Ready()
		<-b.Ready()
		time.Sleep(time.Second)
		stopAll(a, b)
		data, err := os.ReadFile(filepath.Join(r.dir(2), "state.db"))
		if err != nil {
			r.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(r.dir(1), "state.db"), data, 0o600); err != nil {
			r.Fatal(err)
		}
		if _, err := r.open(1); !errors.Is(err, cluster.ErrOtherCluster) {
			r.Errorf("open: %v, want ErrOtherCluster", err)
		}
	})
}

func TestRestartKeepsIdentityAndState(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		leaderOf(nodes...).put("kept")
		r.sameState(nodes...)
		var ids []model.NodeID
		id := nodes[0].Status().ClusterID
		for _, n := range nodes {
			ids = append(ids, n.ID())
		}
		stopAll(nodes...)
		time.Sleep(time.Minute)
		for i := range nodes {
			nodes[i] = r.start(i+1, peers(1, 2, 3), expect(3))
		}
		r.until(10*time.Second, "ready", func() bool {
			return nodes[0].isReady() && nodes[1].isReady() && nodes[2].isReady()
		})
		for i, n := range nodes {
			if n.ID() != ids[i] || n.Status().ClusterID != id || !n.has("kept") {
				r.Errorf("node %d came back as %s of %s, silence %v", n.i, n.ID(), n.Status().ClusterID, n.has("kept"))
			}
			n.put("again" + string(n.ID()))
		}
		r.sameState(nodes...)
		stopAll(nodes...)
	})
}

func TestAddressChangeIsAMembershipUpdate(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		moved := others(nodes, leaderOf(nodes...))[0]
		id := moved.ID()
		moved.stop()
		if err := os.Rename(r.dir(moved.i), r.dir(7)); err != nil {
			r.Fatal(err)
		}
		again := r.start(7, peers(1, 2, 3))
		<-again.Ready()
		if again.ID() != id {
			r.Fatalf("moved node is %s, want %s", again.ID(), id)
		}
		watcher := others(nodes, moved)[0]
		r.until(5*time.Second, "the new address in the configuration", func() bool {
			for _, p := range watcher.ListPeers() {
				if p.ID == id {
					return p.RaftAddress == ip(7)+":9095" && p.Voter
				}
			}
			return false
		})
		again.put("x")
		stopAll(append(others(nodes, moved), again)...)
	})
}

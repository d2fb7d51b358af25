package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"tocsin/cluster"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

// ranks checks that nodes agree on distinct ranks for every key, and counts how
// often each is first.
func (r *rig) ranks(nodes ...*node) map[*node]int {
	r.Helper()
	first := make(map[*node]int)
	for i := range 300 {
		k := key(fmt.Sprint(i))
		seen := make(map[int]bool)
		for _, n := range nodes {
			rank, of := n.Rank(k)
			if of != len(nodes) || rank < 0 || rank >= of || seen[rank] {
				r.Fatalf("node %d has rank %d of %d for %v; ranks so far %v", n.i, rank, of, k, seen)
			}
			seen[rank] = true
			if rank == 0 {
				first[n]++
			}
		}
	}
	return first
}

func TestRanksAgreeAndSpread(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		time.Sleep(time.Second)
		for n, times := range r.ranks(nodes...) {
			if times < 60 || times > 140 {
				r.Errorf("node %d is first for %d of 300 keys", n.i, times)
			}
		}
		dead := others(nodes, leaderOf(nodes...))[0]
		rest := others(nodes, dead)
		dead.kill()
		r.until(30*time.Second, "gossip notices", func() bool { return rest[0].Quorum().Reachable == 2 && rest[1].Quorum().Reachable == 2 })
		time.Sleep(time.Second)
		r.ranks(rest...)
		stopAll(rest...)
	})
}

func TestStaleConfigAndDrainingNodesRankLast(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		v := model.ConfigVersion{YAML: []byte("route: {receiver: r}\nreceivers: [{name: r}]\n")}
		v.SHA256 = v.Sum()
		rs, err := nodes[0].Propose(context.Background(), command.PutConfig{Token: token(1), Version: v})
		if err != nil || !rs[0].Done() {
			r.Fatalf("put config: %v %v", rs, err)
		}
		for _, n := range nodes[1:] {
			n.ConfigLoaded(1)
		}
		stale := nodes[0]
		stale.ConfigLoaded(0) // it could not load it
		time.Sleep(3 * time.Second)
		r.ranks(nodes[1:]...)
		if rank, of := stale.Rank(key("x")); rank != 2 || of != 3 {
			r.Errorf("the node with the old config ranks %d of %d, want last of 3", rank, of)
		}
		stale.ConfigLoaded(1)
		time.Sleep(3 * time.Second)
		r.ranks(nodes...)
		nodes[1].Drain()
		time.Sleep(3 * time.Second)
		if rank, of := nodes[1].Rank(key("x")); rank != 2 || of != 3 {
			r.Errorf("the draining node ranks %d of %d, want last of 3", rank, of)
		}
		r.ranks(nodes[0], nodes[2])
		stopAll(nodes...)
	})
}

func TestRemoveAndAddPeer(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		leader := leaderOf(nodes...)
		gone, stays := others(nodes, leader)[0], others(nodes, leader)[1]
		ctx := context.Background()
		if err := stays.RemovePeer(ctx, gone.ID()); err != nil {
			r.Fatal(err)
		}
		r.until(5*time.Second, "two voters", func() bool { return stays.Quorum().Voters == 2 && leader.Quorum().Voters == 2 })
		if _, ok := leader.machine.View().Node(gone.ID()); ok {
			r.Error("the record of the removed node stays")
		}
		time.Sleep(time.Minute)
		if s := gone.Status(); s.State != cluster.StateRemoved && s.State != cluster.StateCandidate || s.Quorum.Held {
			r.Errorf("the removed node is %s, quorum %v", s.State, s.Quorum.Held)
		}
		if leader.Quorum().Voters != 2 {
			r.Error("the removed node came back by itself")
		}
		if err := stays.AddPeer(ctx, gone.ID(), gone.RaftAddress()); err != nil {
			r.Fatal(err)
		}
		r.until(10*time.Second, "three voters", func() bool { return leader.Quorum().Voters == 3 && gone.Quorum().Held })
		gone.put("x")
		if err := stays.RemovePeer(ctx, "nobody"); !errors.Is(err, cluster.ErrUnknownPeer) {
			r.Errorf("removing nobody: %v, want ErrUnknownPeer", err)
		}
		stopAll(nodes...)
	})
}

func TestLastVoterStays(t *testing.T) {
	bubble(t, func(r *rig) {
		n := r.start(1)
		<-n.Ready()
		if err := n.RemovePeer(context.Background(), n.ID()); !errors.Is(err, cluster.ErrLastVoter) {
			r.Errorf("got %v, want ErrLastVoter", err)
		}
		n.stop()
	})
}

func TestTransferLeadership(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		old := leaderOf(nodes...)
		next := others(nodes, old)[0]
		if err := others(nodes, old)[1].TransferLeadership(context.Background(), next.ID()); err != nil {
			r.Fatal(err)
		}
		r.until(2*time.Second, "the chosen node leads", func() bool { return leaderOf(nodes...) == next })
		if err := next.TransferLeadership(context.Background(), "nobody"); !errors.Is(err, cluster.ErrUnknownPeer) {
			r.Errorf("got %v, want ErrUnknownPeer", err)
		}
		old.put("x")
		stopAll(nodes...)
	})
}

func TestNonVoterFollowsAndWrites(t *testing.T) {
	bubble(t, func(r *rig) {
		a := r.start(1)
		<-a.Ready()
		b := r.start(2, peers(1), func(o *cluster.Options) { o.NonVoter = true })
		<-b.Ready()
		b.put("x")
		time.Sleep(20 * time.Second)
		if q := a.Quorum(); q.Voters != 1 {
			r.Errorf("%d voters, want 1", q.Voters)
		}
		stopAll(b, a)
	})
}

func TestMetricsAreThereAndUnique(t *testing.T) {
	bubble(t, func(r *rig) {
		reg := newRegistry()
		n := r.start(1, func(o *cluster.Options) { o.Registerer = reg })
		<-n.Ready()
		n.put("x")
		got := gather(t, reg)
		for name, want := range map[string]float64{
			"alertmanager_cluster_enabled": 1, "alertmanager_cluster_members": 1, "alertmanager_cluster_failed_peers": 0,
			"alertmanager_peer_position": 0, "tocsin_raft_leader": 1, "tocsin_raft_quorum": 1, "tocsin_raft_voters": 1,
			"tocsin_raft_storage_failed": 0, "tocsin_claims_live": 0, "tocsin_overlays_pending": 0,
		} {
			if v, ok := got[name]; !ok || v != want {
				r.Errorf("%s is %v (there: %v), want %v", name, v, ok, want)
			}
		}
		n.stop()
		if left := gather(t, reg); len(left) != 0 {
			r.Errorf("metrics outlive the node: %v", left)
		}
	})
}

package cluster_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"tocsin/cluster"
	"tocsin/fsm/model"
)

// tend changes a member by way of n and wants to be told so, or refused so.
func (n *node) tend(t cluster.Tending, did, refused string) {
	n.rig.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	got, err := n.Tend(ctx, t)
	switch {
	case refused == "" && (err != nil || !strings.Contains(got, did)):
		n.rig.Errorf("%s %s: did %q, %v; want %q", t.Verb, t.Node, got, err, did)
	case refused != "" && (!errors.Is(err, cluster.ErrRefused) || !strings.Contains(err.Error(), refused)):
		n.rig.Errorf("%s %s: did %q, %v; want to be refused with %q", t.Verb, t.Node, got, err, refused)
	}
}

// TestMembersAreChangedByHand: from any node, once or twice, and never so that
// there is no quorum left.
func TestMembersAreChangedByHand(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		leader := leaderOf(nodes...)
		a, b := others(nodes, leader)[0], others(nodes, leader)[1]
		a.tend(cluster.Tending{Verb: cluster.VerbDemote, Node: b.ID()}, "has no vote from now on", "")
		a.tend(cluster.Tending{Verb: cluster.VerbDemote, Node: b.ID()}, "nothing to do", "")
		time.Sleep(5 * time.Second)
		if votes(leader, b.ID()) {
			r.Error("it got its vote back by itself")
		}
		a.tend(cluster.Tending{Verb: cluster.VerbDemote, Node: leader.ID()}, "", "have another node lead first")
		b.tend(cluster.Tending{Verb: cluster.VerbPromote, Node: b.ID()}, "votes from now on", "")
		b.tend(cluster.Tending{Verb: cluster.VerbPromote, Node: b.ID()}, "votes already: nothing to do", "")
		a.tend(cluster.Tending{Verb: cluster.VerbPromote, Node: "nobody"}, "", "no member of the cluster")
		a.tend(cluster.Tending{Verb: cluster.VerbRemove, Node: "nobody"}, "nothing to do", "")
		a.tend(cluster.Tending{Verb: "polish", Node: b.ID()}, "", "unknown change")

		a.tend(cluster.Tending{Verb: cluster.VerbAddress, Node: b.ID(), Address: ip(9) + ":9095"}, "", "start it with --raft.advertise-address")
		a.tend(cluster.Tending{Verb: cluster.VerbAddress, Node: b.ID(), Address: leader.RaftAddress()}, "", "change that one first")
		a.tend(cluster.Tending{Verb: cluster.VerbAddress, Node: b.ID(), Address: b.RaftAddress()}, "nothing to do", "")

		b.stop()
		r.until(20*time.Second, "it is missed", func() bool { return leader.Quorum().Reachable == 2 })
		leader.tend(cluster.Tending{Verb: cluster.VerbAddress, Node: b.ID(), Address: ip(9) + ":9095"}, "is looked for at "+ip(9), "")
		leader.tend(cluster.Tending{Verb: cluster.VerbRemove, Node: a.ID()}, "", "which is no quorum: bring back or remove [node am")
		leader.tend(cluster.Tending{Verb: cluster.VerbDemote, Node: a.ID()}, "", "which is no quorum")
		leader.tend(cluster.Tending{Verb: cluster.VerbRemove, Node: b.ID()}, "removed node am", "")
		leader.tend(cluster.Tending{Verb: cluster.VerbRemove, Node: b.ID()}, "nothing to do", "")
		leader.tend(cluster.Tending{Verb: cluster.VerbRemove, Node: a.ID()}, "removed", "")
		leader.tend(cluster.Tending{Verb: cluster.VerbRemove, Node: leader.ID()}, "", "has the only vote")
		leader.put("alone")
		stopAll(a, leader)
	})
}

// TestPeersSayHowFarTheyAre: every node knows what every other has applied, and
// when it last answered.
func TestPeersSayHowFarTheyAre(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		nodes[0].put("x")
		r.sameState(nodes...)
		for _, n := range nodes {
			n.LookAround(context.Background())
			for _, p := range n.Status().Peers {
				if p.Applied != n.machine.View().Index() || time.Since(p.Contact) > time.Second || p.Commands == 0 {
					r.Errorf("node %d: peer %s at %d, answered %v ago, knows commands %d", n.i, p.Name, p.Applied, time.Since(p.Contact), p.Commands)
				}
			}
		}
		stopAll(nodes...)
	})
}

// TestAutopilotRemovesTheDeadOnlyIfTold: never by itself, never below the least
// number of voters, never before its time.
func TestAutopilotRemovesTheDeadOnlyIfTold(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		nodes = append(nodes, r.start(4, peers(1, 2, 3)))
		r.until(10*time.Second, "four voters", func() bool { return nodes[0].Quorum().Voters == 4 })
		if a := nodes[0].Autopilot(); a.Cleanup || a.DeadAfterSeconds != 24*3600 || a.MinQuorum != 3 {
			r.Errorf("by default: %+v", a)
		}
		ctx, who := context.Background(), model.Actor{Name: "local"}
		for _, bad := range []cluster.Autopilot{{Cleanup: true, MinQuorum: 3, DeadAfterSeconds: 10}, {MinQuorum: 0, DeadAfterSeconds: 3600}} {
			if err := nodes[0].SetAutopilot(ctx, who, bad); !errors.Is(err, cluster.ErrAutopilot) {
				r.Errorf("%+v: %v", bad, err)
			}
		}
		dead := others(nodes, leaderOf(nodes...))
		rest := others(nodes, dead[0])
		dead[0].stop()
		time.Sleep(time.Minute)
		if leaderOf(rest...).Quorum().Voters != 4 {
			r.Fatal("it removes the dead without being told to")
		}
		if err := rest[0].SetAutopilot(ctx, who, cluster.Autopilot{Cleanup: true, DeadAfterSeconds: 600, MinQuorum: 4}); err != nil {
			r.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		if leaderOf(rest...).Quorum().Voters != 4 {
			r.Fatal("it goes below the least number of voters")
		}
		if err := rest[0].SetAutopilot(ctx, who, cluster.Autopilot{Cleanup: true, DeadAfterSeconds: 600, MinQuorum: 3}); err != nil {
			r.Fatal(err)
		}
		r.until(time.Minute, "the dead one is removed", func() bool { return leaderOf(rest...).Quorum().Voters == 3 })
		stopAll(rest...)
	})
}

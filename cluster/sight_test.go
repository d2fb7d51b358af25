package cluster_test

import (
	"testing"
	"time"

	"tocsin/cluster"
)

const gossipPort, raftPort = 9094, 9095

// block closes a port between all pairs of the given nodes.
func (r *rig) block(port int, of ...*node) {
	for i, a := range of {
		for _, b := range of[i+1:] {
			r.net.Block(ip(a.i), ip(b.i), port)
		}
	}
}

// TestKilledNodeIsMissedAtOnce: gossip alone takes seconds.
func TestKilledNodeIsMissedAtOnce(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		time.Sleep(5 * time.Second)
		dead := others(nodes, leaderOf(nodes...))[0]
		rest := others(nodes, dead)
		dead.crash()
		r.until(1500*time.Millisecond, "the others miss it", func() bool {
			for _, n := range rest {
				_, of := n.Rank(key("x"))
				if n.Quorum().Reachable != 2 || peerOf(n, dead.ID()).Alive || of != 2 {
					return false
				}
			}
			return true
		})
		again := r.start(dead.i, peers(1, 2, 3))
		r.until(5*time.Second, "the others see it again", func() bool {
			return rest[0].Quorum().Reachable == 3 && rest[1].Quorum().Reachable == 3 && again.isReady()
		})
		stopAll(append(rest, again)...)
	})
}

// TestLossMakesNobodyFlap: a third of all packets lost, the nodes see each other
// all the time and elect nobody.
func TestLossMakesNobodyFlap(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		time.Sleep(5 * time.Second)
		term := nodes[0].Status().Term
		for _, p := range [][2]int{{1, 2}, {1, 3}, {2, 3}} {
			r.net.Loss(ip(p[0]), ip(p[1]), 0.3)
		}
		flaps, lost := 0, 0
		for range 1200 {
			time.Sleep(100 * time.Millisecond)
			for _, n := range nodes {
				if q := n.Quorum(); q.Reachable != 3 {
					flaps++
				} else if !q.Held {
					lost++
				}
			}
		}
		if flaps > 0 {
			t.Errorf("in two minutes a node was not in sight %d of 3600 times", flaps)
		}
		t.Logf("without a leader %d of 3600 times, %d elections", lost, nodes[0].Status().Term-term)
		r.net.Heal()
		time.Sleep(5 * time.Second)
		stopAll(nodes...)
	})
}

// TestGossipBlockedRaftOpen: the nodes go on seeing each other, and each other's
// facts, by the port that is open.
func TestGossipBlockedRaftOpen(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		time.Sleep(5 * time.Second)
		r.block(gossipPort, nodes...)
		for range 600 {
			time.Sleep(100 * time.Millisecond)
			for _, n := range nodes {
				if q := n.Quorum(); !q.Held || q.Reachable != 3 || q.CutOff() {
					t.Fatalf("node %d: %+v", n.i, q)
				}
			}
		}
		r.ranks(nodes...)
		nodes[1].Drain()
		time.Sleep(3 * time.Second)
		r.ranks(nodes[0], nodes[2])
		// A node that starts now is found by Raft alone.
		nodes[2].stop()
		r.until(3*time.Second, "it is missed", func() bool { return nodes[0].Quorum().Reachable == 2 })
		nodes[2] = r.start(3, peers(1, 2, 3))
		r.until(10*time.Second, "it is back", func() bool { return nodes[2].isReady() && nodes[0].Quorum().Reachable == 3 })
		time.Sleep(3 * time.Second)
		r.ranks(nodes[0], nodes[2])
		stopAll(nodes...)
	})
}

// TestRaftBlockedGossipOpen: nobody has a quorum, all see each other, so nobody
// waits for a majority out of sight, and they agree on who sends.
func TestRaftBlockedGossipOpen(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		time.Sleep(5 * time.Second)
		r.block(raftPort, nodes...)
		r.until(5*time.Second, "all are degraded, and not cut off", func() bool {
			for _, n := range nodes {
				if q := n.Quorum(); q.Held || q.CutOff() {
					return false
				}
			}
			return true
		})
		for range 300 {
			time.Sleep(100 * time.Millisecond)
			for _, n := range nodes {
				if q := n.Quorum(); q.Held || q.Reachable != 3 || q.CutOff() {
					t.Fatalf("node %d: %+v", n.i, q)
				}
			}
		}
		r.ranks(nodes...)
		r.net.Heal()
		r.until(20*time.Second, "a quorum again", func() bool {
			return nodes[0].Quorum().Held && nodes[1].Quorum().Held && nodes[2].Quorum().Held
		})
		stopAll(nodes...)
	})
}

// TestRaftBlockedOnOneNode: it sees by gossip that the others have a quorum, so
// it counts as cut off, and lets them go first; they do not wait for it.
func TestRaftBlockedOnOneNode(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		time.Sleep(5 * time.Second)
		lost := others(nodes, leaderOf(nodes...))[0]
		rest := others(nodes, lost)
		r.block(raftPort, lost, rest[0])
		r.block(raftPort, lost, rest[1])
		r.until(5*time.Second, "it knows", func() bool { return !lost.Quorum().Held })
		for range 300 {
			if q := lost.Quorum(); q.Held || !q.CutOff() {
				t.Fatalf("the node without Raft: %+v", q)
			}
			time.Sleep(100 * time.Millisecond)
		}
		for i := range 20 {
			if rank, of := lost.Rank(key(string(rune('a' + i)))); rank != 2 || of != 3 {
				t.Errorf("it ranks %d of %d, want behind both others", rank, of)
			}
		}
		r.ranks(rest...)
		if s := rest[0].Status(); s.Quorum.Reachable != 3 || !s.Quorum.Held {
			t.Errorf("the others: %+v", s.Quorum)
		}
		r.net.Heal()
		r.until(20*time.Second, "a quorum again", func() bool { return lost.Quorum().Held })
		stopAll(nodes...)
	})
}

// TestFlappingNodeElectsNobody: a node that is cut off again and again disturbs
// the others' leader only when it is the leader itself.
func TestFlappingNodeElectsNobody(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		time.Sleep(5 * time.Second)
		leader := leaderOf(nodes...)
		term := leader.Status().Term
		flaps := others(nodes, leader)[0]
		rest := others(nodes, flaps)
		for i := range 40 {
			r.net.Split([]string{ip(flaps.i)}, []string{ip(rest[0].i), ip(rest[1].i)})
			time.Sleep(time.Duration(1+i%14) * time.Second)
			r.net.Heal()
			time.Sleep(time.Duration(1+i%3) * time.Second)
		}
		if s := leader.Status(); s.State != cluster.StateLeader || s.Term != term {
			t.Errorf("after 40 cuts of a follower the leader is %s in term %d, was leading in %d", s.State, s.Term, term)
		}
		r.until(5*time.Second, "it follows again", func() bool { return flaps.Quorum().Held })
		stopAll(nodes...)
	})
}

// TestLeaderThatDoesNotReachAVoterGivesWay: the link between the leader and one
// node is broken one way, and so are their connections. A node that reaches both
// leads then, everybody has a quorum, and it stays so.
func TestLeaderThatDoesNotReachAVoterGivesWay(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		time.Sleep(5 * time.Second)
		leader := leaderOf(nodes...)
		far := others(nodes, leader)[0]
		middle := others(nodes, leader)[1]
		term := leader.Status().Term
		r.net.Cut(ip(leader.i), ip(far.i))
		r.until(14*time.Second, "the node that reaches both leads", func() bool {
			return leaderOf(nodes...) == middle && leader.Quorum().Held && middle.Quorum().Held && far.Quorum().Held
		})
		for range 600 {
			time.Sleep(200 * time.Millisecond)
			for _, n := range nodes {
				if !n.Quorum().Held {
					t.Fatalf("node %d has no quorum any more", n.i)
				}
			}
		}
		if now := middle.Status().Term; now > term+2 {
			t.Errorf("%d elections", now-term)
		}
		far.put("through the middle")
		leader.put("too")
		r.net.Heal()
		time.Sleep(5 * time.Second)
		r.sameState(nodes...)
		stopAll(nodes...)
	})
}

// TestSilentNodeIsNoneThatCanBeLost: the status does not wait for gossip to miss a
// node, and when that was last seen stays as it was.
func TestSilentNodeIsNoneThatCanBeLost(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		defer stopAll(nodes...)
		time.Sleep(20 * time.Second)
		looker := leaderOf(nodes...)
		rest := others(nodes, looker)
		silent := rest[0]
		if q := looker.Status().Quorum; q.Reachable != 3 {
			t.Fatalf("%+v", q)
		}
		r.net.Split([]string{ip(silent.i)}, []string{ip(looker.i), ip(rest[1].i)})
		began := time.Now()
		r.until(7*time.Second, "it does not count any more", func() bool { return looker.Status().Quorum.Reachable == 2 })
		lastSeen := func() time.Time {
			for _, p := range looker.ListPeers() {
				if p.ID == silent.ID() {
					return p.LastSeen
				}
			}
			return time.Time{}
		}
		first := lastSeen()
		if age := began.Sub(first); age < -time.Second || age > 5*time.Second {
			t.Errorf("last seen %v before it fell silent", age)
		}
		for range 30 {
			time.Sleep(4 * time.Second)
			if at := lastSeen(); !at.Equal(first) {
				t.Fatalf("last seen moved by %v", at.Sub(first))
			}
		}
	})
}

// TestQuorumIsLostWhenItWasLastSure: the loss of a quorum is counted from when it
// was last there for certain, also while gossip still sees the others, and not over
// a time in which the process stood still.
func TestQuorumIsLostWhenItWasLastSure(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		defer stopAll(nodes...)
		time.Sleep(20 * time.Second)
		for i, n := range nodes {
			for _, o := range nodes[:i] {
				r.net.Split([]string{ip(n.i)}, []string{ip(o.i)})
			}
		}
		began := time.Now()
		for time.Since(began) < 20*time.Second {
			time.Sleep(100 * time.Millisecond)
			for _, n := range nodes {
				q := n.Quorum()
				for what, at := range map[string]time.Time{"lost": q.LostAt, "heard elsewhere": q.ElsewhereAt} {
					if off := at.Sub(began); !at.IsZero() && (off > 500*time.Millisecond || off < -3*time.Second) {
						t.Fatalf("after %v: %s %v after the cut", time.Since(began), what, off)
					}
				}
				if time.Since(began) > 3*time.Second && q.Held {
					t.Fatalf("a quorum alone: %+v", q)
				}
			}
		}
	})
}

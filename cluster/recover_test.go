package cluster_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/cluster"
	"tocsin/fsm/model"
)

// spoil changes the raft log of a stopped node.
func (r *rig) spoil(i int, f func(path string) error) {
	r.Helper()
	if err := f(filepath.Join(r.dir(i), "raft", "raft.db")); err != nil {
		r.Fatal(err)
	}
}

func truncated(path string) error { return os.Truncate(path, 5000) }

func emptied(path string) error { return os.Truncate(path, 0) }

func scribbled(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	junk := []byte(strings.Repeat("scribble", 2048))
	if _, err := f.WriteAt(junk, 0); err != nil {
		return err
	}
	return f.Close()
}

func TestNodeThatLostItsLogRejoinsUnderANewID(t *testing.T) {
	for name, damage := range map[string]func(string) error{
		"missing": os.Remove, "truncated": truncated, "empty": emptied, "scribbled": scribbled,
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(r *rig) {
				nodes := r.trio()
				nodes[0].put("kept")
				r.sameState(nodes...)
				lost := others(nodes, leaderOf(nodes...))[0]
				rest := others(nodes, lost)
				old, id := lost.ID(), lost.Status().ClusterID
				lost.stop()
				rest[0].put("meanwhile")
				r.spoil(lost.i, damage)
				again := r.start(lost.i, peers(1, 2, 3), expect(3))
				<-again.Ready()
				if again.ID() == old {
					r.Errorf("it came back under its old ID; it could vote twice")
				}
				r.until(10*time.Second, "it votes and its old self is gone", func() bool {
					return votes(rest[0], again.ID()) && !votes(rest[0], old) && rest[0].Quorum().Voters == 3
				})
				if again.Status().ClusterID != id || !again.has("kept") || !again.has("meanwhile") {
					r.Errorf("it is in %s and misses writes", again.Status().ClusterID)
				}
				if aside, _ := filepath.Glob(filepath.Join(r.dir(lost.i), "raft.damaged-*")); len(aside) != 1 {
					r.Errorf("set aside: %v", aside)
				}
				again.put("after")
				r.sameState(append(rest, again)...)
				stopAll(append(rest, again)...)
			})
		})
	}
}

func TestLoneNodeThatLostItsLogGoesOnFromItsState(t *testing.T) {
	bubble(t, func(r *rig) {
		n := r.start(1)
		<-n.Ready()
		n.put("kept")
		id, self := n.Status().ClusterID, n.ID()
		n.stop()
		r.spoil(1, truncated)
		n = r.start(1)
		<-n.Ready()
		if s := n.Status(); s.ClusterID != id || n.ID() != self || !n.has("kept") {
			r.Errorf("came back as %s of %s, silence %v", n.ID(), s.ClusterID, n.has("kept"))
		}
		if !strings.Contains(r.log(1), "goes on from its state") {
			r.Error("it does not say what may be missing")
		}
		n.put("after")
		n.stop()
		n = r.start(1)
		<-n.Ready()
		if !n.has("kept") || !n.has("after") {
			r.Error("a write is missing after another restart")
		}
		// Others can still join it, from the rebuilt log.
		b := r.start(2, peers(1))
		<-b.Ready()
		if !b.has("kept") || !b.has("after") {
			r.Error("the node that joined misses a write")
		}
		r.sameState(n, b)
		stopAll(b, n)
	})
}

func TestLoneNodeThatLostAllBeginsAnewUnderItsClusterID(t *testing.T) {
	bubble(t, func(r *rig) {
		n := r.start(1)
		<-n.Ready()
		id := n.Status().ClusterID
		time.Sleep(time.Second)
		n.stop()
		r.spoil(1, truncated)
		if err := os.Remove(filepath.Join(r.dir(1), "state.db")); err != nil {
			r.Fatal(err)
		}
		n = r.start(1)
		<-n.Ready()
		if got := n.Status().ClusterID; got != id {
			r.Errorf("cluster %s, want %s", got, id)
		}
		n.put("x")
		n.stop()
	})
}

func TestLostStateFileIsReplayedFromTheLog(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		nodes[0].put("kept")
		r.sameState(nodes...)
		ids := make([]model.NodeID, 3)
		for i, n := range nodes {
			ids[i] = n.ID()
		}
		stopAll(nodes...)
		for i := range nodes {
			if err := os.Remove(filepath.Join(r.dir(i+1), "state.db")); err != nil {
				r.Fatal(err)
			}
			nodes[i] = r.start(i+1, peers(1, 2, 3), expect(3))
		}
		for i, n := range nodes {
			<-n.Ready()
			if n.ID() != ids[i] || !n.has("kept") {
				r.Errorf("node %d is %s, silence %v", n.i, n.ID(), n.has("kept"))
			}
		}
		r.sameState(nodes...)
		stopAll(nodes...)
	})
}

func TestLostIdentityMeansANewID(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		lost := others(nodes, leaderOf(nodes...))[0]
		rest := others(nodes, lost)
		old := lost.ID()
		lost.stop()
		if err := os.Remove(filepath.Join(r.dir(lost.i), "node.json")); err != nil {
			r.Fatal(err)
		}
		again := r.start(lost.i, peers(1, 2, 3))
		<-again.Ready()
		r.until(20*time.Second, "the new ID votes in place of the old", func() bool {
			return votes(rest[0], again.ID()) && !votes(rest[0], old)
		})
		stopAll(append(rest, again)...)
	})
}

// TestFirstNodeFindsTheOthersWithoutFlags: the node that formed the cluster has
// no --cluster.peer; its own state names the others.
func TestFirstNodeFindsTheOthersWithoutFlags(t *testing.T) {
	bubble(t, func(r *rig) {
		a := r.start(1)
		<-a.Ready()
		b := r.start(2, peers(1), func(o *cluster.Options) { o.Gossip.ReconnectInterval = time.Hour })
		c := r.start(3, peers(1), func(o *cluster.Options) { o.Gossip.ReconnectInterval = time.Hour })
		<-b.Ready()
		<-c.Ready()
		r.until(5*time.Second, "three voters", func() bool { return a.Quorum().Voters == 3 })
		b.put("kept")
		r.sameState(a, b, c)
		a.stop()
		r.spoil(1, truncated)
		a = r.start(1)
		<-a.Ready()
		if !a.has("kept") {
			r.Error("it misses a write")
		}
		r.until(10*time.Second, "three voters", func() bool { return a.Quorum().Voters == 3 && b.Quorum().Voters == 3 })
		stopAll(a, b, c)
	})
}

// TestFounderThatLostEverythingDoesNotFoundAgain: it has no --cluster.peer, no
// state and no log, but it had let others in.
func TestFounderThatLostEverythingDoesNotFoundAgain(t *testing.T) {
	bubble(t, func(r *rig) {
		a := r.start(1)
		<-a.Ready()
		b, c := r.start(2, peers(1)), r.start(3, peers(1))
		<-b.Ready()
		<-c.Ready()
		r.until(5*time.Second, "three voters", func() bool { return a.Quorum().Voters == 3 && b.Quorum().Voters == 3 })
		b.put("kept")
		old, id := a.ID(), a.Status().ClusterID
		a.stop()
		r.spoil(1, truncated)
		if err := os.Remove(filepath.Join(r.dir(1), "state.db")); err != nil {
			r.Fatal(err)
		}
		a = r.start(1)
		<-a.Ready()
		if a.ID() == old || a.Status().ClusterID != id || !a.has("kept") {
			r.Errorf("it came back as %s (was %s) of %s, silence %v", a.ID(), old, a.Status().ClusterID, a.has("kept"))
		}
		r.until(10*time.Second, "three voters", func() bool { return a.Quorum().Voters == 3 && b.Quorum().Voters == 3 })
		r.sameState(a, b, c)
		stopAll(a, b, c)
	})
}

// TestNewNodeHasNoVoteOfTheOldOne: a machine that lost its disk comes back as a
// new node at the old one's address. Raft asks whoever listens there, and an
// empty log would vote for anybody: with that vote a node that has slept through
// the newest entries would lead, and they would be gone (I14).
func TestNewNodeHasNoVoteOfTheOldOne(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		leader := leaderOf(nodes...)
		slept, lost := others(nodes, leader)[0], others(nodes, leader)[1]
		slept.kill()
		lost.put("kept")
		lost.kill()
		leader.kill()
		r.net.Heal()
		if err := os.RemoveAll(r.dir(lost.i)); err != nil {
			r.Fatal(err)
		}
		again, awake := r.start(lost.i, peers(1, 2, 3)), r.start(slept.i, peers(1, 2, 3))
		time.Sleep(30 * time.Second)
		if n := leaderOf(again, awake); n != nil {
			r.Fatalf("node %s leads without the newest entries", n.ID())
		}
		back := r.start(leader.i, peers(1, 2, 3))
		r.until(30*time.Second, "the silence is on all nodes", func() bool {
			return again.has("kept") && awake.has("kept") && back.has("kept")
		})
		r.until(30*time.Second, "the new node votes in place of the old", func() bool {
			return votes(back, again.ID()) && !votes(back, lost.ID())
		})
		stopAll(again, awake, back)
	})
}

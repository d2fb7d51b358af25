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

// TestFounderStopsRightAfterTheOthersJoined: they get their votes first, and go
// on without it.
func TestFounderStopsRightAfterTheOthersJoined(t *testing.T) {
	bubble(t, func(r *rig) {
		a := r.start(1)
		<-a.Ready()
		b, c := r.start(2, peers(1)), r.start(3, peers(1))
		<-b.Ready()
		<-c.Ready()
		if votes(a, b.ID()) && votes(a, c.ID()) {
			t.Fatal("they have their votes already: the test comes too late")
		}
		a.stop()
		r.until(5*time.Second, "the others lead themselves", func() bool { return leaderOf(b, c) != nil && b.Quorum().Held && c.Quorum().Held })
		b.put("without the founder")
		if strings.Contains(r.log(1), "no quorum until") {
			t.Errorf("the founder says that it leaves no quorum:\n%s", r.log(1))
		}
		last := others([]*node{b, c}, leaderOf(b, c))[0]
		leader := leaderOf(b, c)
		leader.stop()
		if !strings.Contains(r.log(leader.i), "no quorum until") {
			t.Error("a node that leaves one of three without a quorum does not say so")
		}
		time.Sleep(10 * time.Second) // it has missed the other by now
		last.stop()
		if strings.Contains(r.log(last.i), "no quorum until") {
			t.Error("the last one says that it leaves somebody behind")
		}
		if want := "(" + string(b.ID()) + ")"; !strings.Contains(r.log(1), b.Name()+" "+want) {
			t.Errorf("a node is not called by name and ID:\n%s", r.log(1))
		}
	})
}

// TestTransferWaitsForTheNewLeader: whoever is asked, who leads is known there
// when it answers. Nodes go by their names as well.
func TestTransferWaitsForTheNewLeader(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		defer stopAll(nodes...)
		time.Sleep(2 * time.Second)
		for i := range 6 {
			old := leaderOf(nodes...)
			asked := nodes[i%3]
			to := model.NodeID("")
			if i%2 == 1 {
				id, err := asked.FindPeer(others(nodes, old)[0].Name())
				if err != nil {
					t.Fatal(err)
				}
				to = id
			}
			if err := asked.TransferLeadership(context.Background(), to); err != nil {
				t.Fatalf("transfer to %q: %v", to, err)
			}
			s := asked.Status()
			if s.Leader == "" || s.Leader == old.ID() || to != "" && s.Leader != to || !s.Quorum.Held {
				t.Errorf("transferred from %s to %q, and %s leads as node %d sees it", old.ID(), to, s.Leader, asked.i)
			}
			time.Sleep(3 * time.Second)
		}
		if _, err := nodes[0].FindPeer("nobody"); !errors.Is(err, cluster.ErrUnknownPeer) {
			t.Errorf("a node that is not there: %v", err)
		}
	})
}

// TestTwoNodesOfOneName are told apart by their IDs only.
func TestTwoNodesOfOneName(t *testing.T) {
	bubble(t, func(r *rig) {
		same := func(o *cluster.Options) { o.Name = "twin" }
		nodes := r.trio(same)
		defer stopAll(nodes...)
		time.Sleep(2 * time.Second)
		if _, err := nodes[0].FindPeer("twin"); !errors.Is(err, cluster.ErrAmbiguous) {
			t.Errorf("got %v", err)
		}
		if id, err := nodes[0].FindPeer(string(nodes[1].ID())); err != nil || id != nodes[1].ID() {
			t.Errorf("by its ID: %s, %v", id, err)
		}
	})
}

package cluster_test

import (
	"context"
	"testing"
	"time"

	"tocsin/fsm/model"
)

// doubted is the overlay of a send that has begun.
func (n *node) doubted(k model.DeliveryKey, seq uint64, firing ...model.AlertHash) model.Overlay {
	o := n.overlay(k, seq)
	o.Maybe, o.Delivery.Outcome, o.Delivery.Firing = model.NewAlertSet(firing...), 0, uint32(len(firing))
	return o
}

// TestOverlayOfASendUnderWayStaysAtHome: while a message is being sent without a
// quorum, the quorum may come back. What is kept of the send then is neither
// merged, by its node or by a leader on its behalf, nor told to anybody, before
// the send is over.
func TestOverlayOfASendUnderWayStaysAtHome(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		defer stopAll(nodes...)
		lost := others(nodes, leaderOf(nodes...))[0]
		rest := others(nodes, lost)
		k := key("x")
		r.cutOff(lost, rest)
		doubt := lost.doubted(k, 1, 7)
		if err := lost.Keep(doubt); err != nil {
			t.Fatal(err)
		}
		r.net.Heal()
		r.until(5*time.Second, "the quorum is back", func() bool { return lost.Quorum().Held })
		time.Sleep(2 * time.Minute) // gossip has exchanged all it knows by then
		if e, ok := rest[0].Entry(k); ok {
			t.Fatalf("the ledger has a send that is under way: %+v", e)
		}
		for _, n := range rest {
			if got := n.Overlays(k); len(got) > 0 {
				t.Fatalf("node %d was told of a send that is under way: %+v", n.i, got)
			}
		}
		if got := lost.Overlays(k); len(got) != 1 {
			t.Errorf("the node itself knows %+v, want what it has kept", got)
		}
		told := lost.overlay(k, 2, 7)
		if err := lost.Keep(told); err != nil {
			t.Fatal(err)
		}
		lost.Announce(told)
		r.until(2*time.Second, "the ledger has it", func() bool {
			e, ok := rest[0].Entry(k)
			return ok && e.Must.Equal(model.NewAlertSet(7)) && len(e.Maybe) == 0
		})
	})
}

// TestFailedSendIsMergedInDoubt: a send that failed is announced as it was kept.
func TestFailedSendIsMergedInDoubt(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		defer stopAll(nodes...)
		n := nodes[0]
		doubt := n.doubted(key("x"), 1, 7)
		if err := n.Keep(doubt); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		if _, ok := n.Entry(doubt.Key); ok {
			t.Fatal("the ledger has a send that is under way")
		}
		if err := n.Keep(doubt); err != nil {
			t.Fatal(err)
		}
		n.Announce(doubt)
		r.until(2*time.Second, "the ledger doubts", func() bool {
			e, ok := nodes[1].Entry(doubt.Key)
			return ok && e.Maybe.Equal(model.NewAlertSet(7)) && len(e.Must) == 0
		})
	})
}

// TestSendUnderWayWhenTheProcessDied: at the next start it is over, and in doubt.
func TestSendUnderWayWhenTheProcessDied(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		lost := others(nodes, leaderOf(nodes...))[0]
		rest := others(nodes, lost)
		doubt := lost.doubted(key("x"), 1, 7)
		if err := lost.Keep(doubt); err != nil {
			t.Fatal(err)
		}
		lost.kill()
		r.net.Heal()
		again := r.start(lost.i, peers(1, 2, 3))
		r.until(30*time.Second, "the ledger doubts", func() bool {
			e, ok := rest[0].Entry(doubt.Key)
			return ok && e.Maybe.Equal(model.NewAlertSet(7))
		})
		stopAll(append(rest, again)...)
	})
}

// TestWithdrawnOverlayIsForgotten, in memory and in the file.
func TestWithdrawnOverlayIsForgotten(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		defer stopAll(nodes...)
		n := nodes[0]
		doubt := n.doubted(key("x"), 1, 7)
		if err := n.Keep(doubt); err != nil {
			t.Fatal(err)
		}
		n.Withdraw(doubt)
		if got := n.Overlays(doubt.Key); len(got) > 0 || n.Status().OverlaysPending > 0 {
			t.Errorf("still known: %+v", got)
		}
		time.Sleep(time.Minute)
		if kept, err := n.local.Overlays(); err != nil || len(kept) > 0 {
			t.Errorf("still in the file: %+v, %v", kept, err)
		}
		if _, ok := nodes[1].Entry(doubt.Key); ok {
			t.Error("it was merged")
		}
	})
}

// TestOverlaysAreSwapped: both sides of a link know at once what the other side
// has sent without a quorum, but for what is under way.
func TestOverlaysAreSwapped(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		defer stopAll(nodes...)
		r.block(raftPort, nodes...)
		r.block(gossipPort, nodes...)
		r.until(5*time.Second, "nobody has a quorum", func() bool { return !nodes[0].Quorum().Held && !nodes[1].Quorum().Held })
		for i, n := range nodes[:2] {
			o := n.overlay(key("x"), 1, model.AlertHash(i))
			if err := n.Keep(o); err != nil {
				t.Fatal(err)
			}
			n.Announce(o)
			if err := n.Keep(n.doubted(key("y"), 2, 7)); err != nil {
				t.Fatal(err)
			}
		}
		r.net.Unblock(ip(1), ip(2), raftPort)
		if err := nodes[0].SwapOverlays(context.Background(), nodes[1].RaftAddress()); err != nil {
			t.Fatal(err)
		}
		for _, n := range nodes[:2] {
			if got := n.Overlays(key("x")); len(got) != 2 {
				t.Errorf("node %d knows %+v, want what both have sent", n.i, got)
			}
			if got := n.Overlays(key("y")); len(got) != 1 {
				t.Errorf("node %d knows %+v of what is under way, want its own", n.i, got)
			}
		}
		r.net.Heal()
		r.until(20*time.Second, "a quorum", func() bool { return nodes[0].Quorum().Held && nodes[1].Quorum().Held && nodes[2].Quorum().Held })
		for _, n := range nodes[:2] {
			n.Withdraw(n.doubted(key("y"), 2, 7))
		}
	})
}

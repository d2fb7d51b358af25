package cluster_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"tocsin/cluster"
	"tocsin/fsm/model"
)

func (n *node) overlay(k model.DeliveryKey, seq uint64, firing ...model.AlertHash) model.Overlay {
	var rev, gen uint64
	if e, ok := n.Entry(k); ok {
		rev, gen = e.Rev, e.Gen
	}
	return model.Overlay{
		Key: k, Origin: n.ID(), Epoch: n.Epoch(), Seq: seq, BaseRev: rev, BaseGen: gen,
		Stamp: model.Millis(time.Now().UnixMilli()), Must: model.NewAlertSet(firing...),
		Delivery: model.Delivery{ID: "d", Key: k, Node: n.ID(), Outcome: model.OutcomeSent, Degraded: true, Firing: uint32(len(firing))},
	}
}

// cutOff cuts a node off and waits until it knows.
func (r *rig) cutOff(n *node, from []*node) {
	r.Helper()
	for _, o := range from {
		r.net.Split([]string{ip(n.i)}, []string{ip(o.i)})
	}
	r.until(5*time.Second, "it knows", func() bool { return !n.Quorum().Held })
}

func TestOverlayIsMergedAfterTheHeal(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		lost := others(nodes, leaderOf(nodes...))[0]
		rest := others(nodes, lost)
		k := key("x")
		r.cutOff(lost, rest)
		o := lost.overlay(k, 1, 7, 8)
		if err := lost.Keep(o); err != nil {
			r.Fatal(err)
		}
		lost.Announce(o)
		time.Sleep(20 * time.Second)
		if got := lost.Overlays(k); len(got) != 1 || got[0].Origin != lost.ID() {
			r.Errorf("own overlays: %+v", got)
		}
		if got := lost.Status().OverlaysPending; got != 1 {
			r.Errorf("%d overlays pending, want 1", got)
		}
		r.net.Heal()
		r.until(30*time.Second, "the ledger has it", func() bool {
			e, ok := rest[0].Entry(k)
			return ok && e.Must.Equal(model.NewAlertSet(7, 8))
		})
		r.until(30*time.Second, "nothing is left of it (I18)", func() bool {
			for _, n := range nodes {
				if len(n.Overlays(k)) > 0 {
					return false
				}
			}
			kept, err := lost.local.Overlays()
			return err == nil && len(kept) == 0
		})
		r.sameState(nodes...)
		stopAll(nodes...)
	})
}

func TestOverlayIsHeardOfByThePeersOnTheSameSide(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		// A minority of two: kill the third and let the two lose each other's
		// Raft, but not gossip, by killing the leader's side of the quorum.
		a, b, c := nodes[0], nodes[1], nodes[2]
		d := r.start(4, peers(1, 2, 3))
		<-d.Ready()
		r.until(5*time.Second, "four voters", func() bool { return a.Quorum().Voters == 4 })
		r.net.Split([]string{ip(1), ip(2)}, []string{ip(3), ip(4)}) // two and two: no quorum anywhere
		r.until(10*time.Second, "no quorum", func() bool { return !a.Quorum().Held && !b.Quorum().Held && !c.Quorum().Held })
		small, big := key("small"), key("big")
		many := make([]model.AlertHash, 5000)
		for i := range many {
			many[i] = model.AlertHash(i * 7919)
		}
		for seq, o := range []model.Overlay{a.overlay(small, 1, 1, 2), a.overlay(big, 2, many...)} {
			_ = seq
			if err := a.Keep(o); err != nil {
				r.Fatal(err)
			}
			a.Announce(o)
		}
		r.until(5*time.Second, "the peer on this side has heard of both", func() bool {
			return len(b.Overlays(small)) == 1 && len(b.Overlays(big)) == 1
		})
		if len(c.Overlays(small)) != 0 {
			r.Error("an overlay crossed the cut")
		}
		if got := b.Overlays(big)[0]; len(got.Must) != len(many) || got.Delivery.ID != "d" {
			r.Errorf("the large overlay arrived as %d alerts of %s", len(got.Must), got.Delivery.ID)
		}
		r.net.Heal()
		r.until(60*time.Second, "all merged and dropped", func() bool {
			for _, n := range []*node{a, b, c, d} {
				if len(n.Overlays(small))+len(n.Overlays(big)) > 0 {
					return false
				}
				if e, ok := n.Entry(big); !ok || len(e.Must) != len(many) {
					return false
				}
			}
			return true
		})
		r.sameState(a, b, c, d)
		stopAll(a, b, c, d)
	})
}

func TestOverlaySurvivesARestart(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		lost := others(nodes, leaderOf(nodes...))[0]
		rest := others(nodes, lost)
		k := key("x")
		r.cutOff(lost, rest)
		if err := lost.Keep(lost.overlay(k, 1, 7)); err != nil {
			r.Fatal(err)
		}
		lost.kill()
		r.net.Heal()
		again := r.start(lost.i, peers(1, 2, 3))
		r.until(30*time.Second, "the ledger has it", func() bool {
			e, ok := rest[0].Entry(k)
			return ok && e.Must.Has(7)
		})
		r.until(30*time.Second, "the file is empty", func() bool { kept, _ := again.local.Overlays(); return len(kept) == 0 })
		stopAll(append(rest, again)...)
	})
}

// TestOverlayOfADeadNodeIsMergedByTheLeader: the origin dies for good after it
// has told a peer.
func TestOverlayOfADeadNodeIsMergedByTheLeader(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		lost := others(nodes, leaderOf(nodes...))[0]
		rest := others(nodes, lost)
		k := key("x")
		o := lost.overlay(k, 1, 7)
		r.cutOff(lost, rest)
		o.Seq = 2
		if err := lost.Keep(o); err != nil {
			r.Fatal(err)
		}
		// It is heard of at the very end: gossip comes back, and the node dies.
		lost.Announce(o)
		r.net.Heal()
		r.until(30*time.Second, "a peer hears of it or it is merged", func() bool {
			e, ok := rest[0].Entry(k)
			return ok && e.Must.Has(7) || len(rest[0].Overlays(k))+len(rest[1].Overlays(k)) > 0
		})
		lost.kill()
		r.until(2*time.Minute, "the ledger has it", func() bool {
			e, ok := rest[0].Entry(k)
			return ok && e.Must.Has(7)
		})
		stopAll(rest...)
	})
}

func TestQuorumLossIsSaidOnce(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		lost := others(nodes, leaderOf(nodes...))[0]
		r.cutOff(lost, others(nodes, lost))
		time.Sleep(time.Minute)
		r.net.Heal()
		r.until(30*time.Second, "healed", func() bool { return lost.Quorum().Held })
		time.Sleep(time.Second)
		log := r.log(lost.i)
		if a, b := strings.Count(log, "the quorum is out of reach"), strings.Count(log, "there is a quorum again"); a != 1 || b != 1 {
			r.Errorf("said %d times that it is lost and %d times that it is back, want once each", a, b)
		}
		stopAll(nodes...)
	})
}

// TestOverlayThatNoMachineTakes: it would keep all that are proposed beside it
// out of the ledger.
func TestOverlayThatNoMachineTakes(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		lost := others(nodes, leaderOf(nodes...))[0]
		rest := others(nodes, lost)
		r.cutOff(lost, rest)
		bad := lost.overlay(key("x"), 1, 7)
		bad.Must, bad.Maybe = model.NewAlertSet(7), model.NewAlertSet(7)
		if err := lost.Keep(bad); !errors.Is(err, cluster.ErrRejected) {
			r.Errorf("an alert that is certain and in doubt at once was taken: %v", err)
		}
		lost.Announce(bad)
		good := key("y")
		if err := lost.Keep(lost.overlay(good, 2, 8)); err != nil {
			r.Fatal(err)
		}
		r.net.Heal()
		r.until(30*time.Second, "the ledger has the good one", func() bool {
			e, ok := rest[0].Entry(good)
			return ok && e.Must.Has(8)
		})
		stopAll(nodes...)
	})
}

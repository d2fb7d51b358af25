package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"tocsin/cluster"
	"tocsin/fsm/model"
)

func (n *node) holder(k model.DeliveryKey) model.Token {
	e, ok := n.Entry(k)
	if !ok || e.Claim == nil {
		return model.Token{}
	}
	return e.Claim.Token
}

func TestOneNodeGetsTheClaim(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		k := key("x")
		granted := 0
		var mu sync.Mutex
		var wg sync.WaitGroup
		for i, n := range nodes {
			wg.Go(func() {
				g, err := n.claim(k, token(byte(i+1)))
				if err != nil {
					r.Errorf("node %d: %v", n.i, err)
				}
				mu.Lock()
				defer mu.Unlock()
				if g.Denied == model.DeniedNot {
					granted++
					if n.holder(k) != token(byte(i+1)) {
						r.Errorf("node %d was told of a grant that its own state does not show", n.i)
					}
				}
			})
		}
		wg.Wait()
		if granted != 1 {
			r.Errorf("%d grants, want 1 (I4)", granted)
		}
		r.sameState(nodes...)
		stopAll(nodes...)
	})
}

func TestClaimLifeCycle(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		n := others(nodes, leaderOf(nodes...))[0]
		k, ctx := key("x"), context.Background()
		changed, cancel := n.Watch(k)
		defer cancel()
		if g, err := n.claim(k, token(1)); err != nil || g.Denied != model.DeniedNot {
			r.Fatalf("claim: %+v, %v", g, err)
		}
		<-changed
		err := n.Settle(ctx, model.Settlement{
			Key: k, Token: token(1), Node: n.ID(), Firing: model.NewAlertSet(1, 2),
			Delivery: model.Delivery{ID: "d", Key: k, Node: n.ID(), Token: token(1), Outcome: model.OutcomeSent},
		})
		if err != nil {
			r.Fatalf("settle: %v", err)
		}
		if e, _ := n.Entry(k); e.Claim != nil || !e.Must.Equal(model.NewAlertSet(1, 2)) {
			r.Errorf("entry after settling: %+v", e)
		}
		if g, err := n.claim(k, token(2)); err != nil || g.Denied != model.DeniedNot {
			r.Fatalf("second claim: %+v, %v", g, err)
		}
		if err := n.Release(ctx, model.Release{Key: k, Token: token(2), Node: n.ID()}); err != nil {
			r.Errorf("release: %v", err)
		}
		if err := n.Renew(ctx, k, token(2)); !errors.Is(err, cluster.ErrClaimNotLive) {
			r.Errorf("renewing a released claim: %v, want ErrClaimNotLive", err)
		}
		stopAll(nodes...)
	})
}

func TestAbandonedClaimExpiresAfterTwoTTLs(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		holder := others(nodes, leaderOf(nodes...))[0]
		k := key("x")
		begin := time.Now()
		if _, err := holder.claim(k, token(1)); err != nil {
			r.Fatal(err)
		}
		rest := others(nodes, holder)
		holder.kill()
		r.until(15*time.Second, "the claim ends", func() bool { return rest[0].holder(k).IsZero() })
		if took := time.Since(begin); took < 10*time.Second || took > 11*time.Second {
			r.Errorf("the claim ended after %v, want 10 s", took)
		}
		e, _ := rest[0].Entry(k)
		if len(e.Lapsed) != 1 || e.Lapsed[0].Token != token(1) || !e.Maybe.Equal(model.NewAlertSet(1, 2)) {
			r.Errorf("entry after the expiry: %+v", e)
		}
		stopAll(rest...)
	})
}

func TestRenewedClaimLives(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		k := key("x")
		holder := others(nodes, leaderOf(nodes...))[0]
		if _, err := holder.claim(k, token(1)); err != nil {
			r.Fatal(err)
		}
		before := leaderOf(nodes...).Status().LastIndex
		for range 40 {
			time.Sleep(1500 * time.Millisecond)
			if err := holder.Renew(context.Background(), k, token(1)); err != nil {
				r.Fatalf("renew: %v", err)
			}
		}
		if holder.holder(k) != token(1) {
			r.Error("a renewed claim ended")
		}
		// One GC a minute is in the log; renewals must not be.
		if grew := leaderOf(nodes...).Status().LastIndex - before; grew > 3 {
			r.Errorf("forty renewals made %d log entries; they belong into memory", grew)
		}
		r.until(15*time.Second, "it ends once it is not renewed", func() bool { return holder.holder(k).IsZero() })
		stopAll(nodes...)
	})
}

// TestNewLeaderGivesLiveClaimsTime: enough that no holder which the leader before
// renewed sends any more, and no more than I12 allows from that one's death on.
func TestNewLeaderGivesLiveClaimsTime(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		leader := leaderOf(nodes...)
		rest := others(nodes, leader)
		for i := range 20 {
			if _, err := rest[0].claim(key(fmt.Sprint(i)), token(byte(i+1))); err != nil {
				r.Fatal(err)
			}
		}
		time.Sleep(8 * time.Second) // two seconds before they would end
		killed := time.Now()
		leader.kill()
		r.until(3*time.Second, "a new leader", func() bool { return leaderOf(rest...) != nil })
		left := func() (n int) {
			for i := range 20 {
				if !rest[1].holder(key(fmt.Sprint(i))).IsZero() {
					n++
				}
			}
			return n
		}
		time.Sleep(7900 * time.Millisecond)
		if left() != 20 {
			r.Errorf("%d of 20 claims live 7.9 s after the new leader began; no election takes more than 2 s off their time", left())
		}
		r.until(3*time.Second, "all end", func() bool { return left() == 0 })
		if took := time.Since(killed); took > 11500*time.Millisecond {
			r.Errorf("claims ended %v after the old leader's death, want 10 to 11 s (I12)", took)
		}
		// The old leader comes back and learns of it.
		r.net.Heal()
		again := r.start(leader.i, peers(1, 2, 3))
		<-again.Ready()
		r.sameState(append(rest, again)...)
		stopAll(append(rest, again)...)
	})
}

func TestHundredsOfClaimsExpireTogether(t *testing.T) {
	bubble(t, func(r *rig) {
		n := r.start(1)
		<-n.Ready()
		const count = 2000
		var wg sync.WaitGroup
		for i := range count {
			wg.Go(func() {
				var tok model.Token
				tok[0], tok[1], tok[2] = 1, byte(i), byte(i>>8)
				if g, err := n.claim(key(fmt.Sprint(i)), tok); err != nil || g.Denied != model.DeniedNot {
					r.Errorf("claim %d: %+v %v", i, g, err)
				}
			})
		}
		wg.Wait()
		if live := n.machine.View().ClaimCount(); live != count {
			r.Fatalf("%d claims live, want %d", live, count)
		}
		time.Sleep(11 * time.Second)
		if live := n.machine.View().ClaimCount(); live != 0 {
			r.Errorf("%d claims live after their time (I18)", live)
		}
		n.stop()
	})
}

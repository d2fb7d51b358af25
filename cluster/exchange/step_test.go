package exchange_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"tocsin/cluster/exchange"
)

// mute has a node refuse to dial anybody, as a firewall does that lets
// connections in only.
func mute(id string) func(*exchange.Options) {
	return func(o *exchange.Options) {
		if o.Self == id {
			o.Dial = func(context.Context, string) (net.Conn, error) { return nil, errors.New("no way out") }
		}
	}
}

// TestPeerThatDoesNotReachUs: what it is posted is fetched.
func TestPeerThatDoesNotReachUs(t *testing.T) {
	bubble(t, 2, mute("n1"), func(r *rig) {
		r.until(5*time.Second, "one of them is in step", r.nodes[0].InStep)
		for i := range 3 {
			r.nodes[1].post(hashes(i, 1)...)
			r.until(7*time.Second, "its alert is fetched", r.equal)
			r.nodes[0].post(hashes(10+i, 1)...)
			r.until(100*time.Millisecond, "it is told as any other", r.equal)
		}
	})
}

// TestNewLifeOfAPeer: a peer that begins a new life between two rounds, and asks
// nobody, is noticed by its first answer.
func TestNewLifeOfAPeer(t *testing.T) {
	bubble(t, 2, mute("n1"), func(r *rig) {
		r.until(5*time.Second, "one of them is in step", r.nodes[0].InStep)
		r.nodes[0].post(hashes(0, 10)...)
		r.until(time.Second, "the peer has all", r.equal)
		time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(1500 * time.Millisecond)))
		r.nodes[1].stop()
		r.nodes[1].toys = newToys()
		r.start(1)
		r.until(2*time.Second, "the peer has all", r.equal)
	})
}

// TestProcessThatStoodStill: it is not in step from the moment that it runs
// again, and compares at once.
func TestProcessThatStoodStill(t *testing.T) {
	var still atomic.Bool
	bubble(t, 2, func(o *exchange.Options) {
		if peers := o.Peers; o.Self == "n0" {
			o.Peers = func() []exchange.Peer {
				if still.Load() {
					time.Sleep(20 * time.Second)
					still.Store(false)
				}
				return peers()
			}
		}
	}, func(r *rig) {
		r.inStep()
		n := r.nodes[0]
		full := n.value(t, "tocsin_exchange_full_syncs_total")
		still.Store(true)
		time.Sleep(10 * time.Second)
		if n.InStep() {
			t.Error("a process that stands still takes itself for in step")
		}
		time.Sleep(12 * time.Second)
		if !n.InStep() || n.value(t, "tocsin_exchange_full_syncs_total") != full+1 {
			t.Errorf("in step: %v; %v comparisons after %v", n.InStep(), n.value(t, "tocsin_exchange_full_syncs_total"), full)
		}
	})
}

// TestNotInStepBeforeAllIsThere: after a cut a node says that it hears what the
// others hear only once it has what they heard meanwhile.
func TestNotInStepBeforeAllIsThere(t *testing.T) {
	bubble(t, 2, nil, func(r *rig) {
		r.inStep()
		a, b := r.nodes[0], r.nodes[1]
		r.net.Split([]string{a.ip}, []string{b.ip})
		time.Sleep(20 * time.Second)
		b.post(hashes(0, 100)...)
		r.net.Heal()
		r.net.Delay(a.ip, b.ip, 100*time.Millisecond)
		r.until(10*time.Second, "the node is in step", func() bool {
			in := a.InStep()
			if n := len(a.clone()); in && n != 100 {
				t.Fatalf("in step with %d alerts", n)
			}
			return in
		})
	})
}

// TestBefore: no alert goes to a peer before what has to come first has
// succeeded, at the first contact and after each break.
func TestBefore(t *testing.T) {
	var refuse atomic.Bool
	var done atomic.Int64
	refuse.Store(true)
	bubble(t, 2, func(o *exchange.Options) {
		o.Before = func(context.Context, exchange.Peer) error {
			if refuse.Load() {
				return errors.New("not yet")
			}
			done.Add(1)
			return nil
		}
	}, func(r *rig) {
		apart := func(when string) {
			t.Helper()
			time.Sleep(3 * time.Second)
			if r.equal() {
				t.Errorf("%s: alerts went over before what has to come first", when)
			}
		}
		r.nodes[0].post(hashes(0, 3)...)
		apart("first contact")
		refuse.Store(false)
		r.until(3*time.Second, "the peer has all", r.equal)
		if n := done.Load(); n != 2 {
			t.Errorf("done %d times at the first contact of two nodes, want 2", n)
		}
		refuse.Store(true)
		r.net.Split([]string{r.nodes[0].ip}, []string{r.nodes[1].ip})
		time.Sleep(20 * time.Second)
		r.nodes[1].post(hashes(10, 3)...)
		r.net.Heal()
		apart("after a cut")
		refuse.Store(false)
		r.until(3*time.Second, "both have all", r.equal)
	})
}

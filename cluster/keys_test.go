package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/cluster"
	"tocsin/cluster/pki"
)

// untilAtRest waits until no keys are being replaced, as all nodes see it.
func (r *rig) untilAtRest(nodes ...*node) {
	r.Helper()
	r.until(30*time.Second, "keys at rest", func() bool {
		for _, n := range nodes {
			for _, k := range n.Security(context.Background()).Keys {
				if k.Changing {
					return false
				}
			}
		}
		return true
	})
}

func using(n *node, kind cluster.KeyKind) string {
	for _, k := range n.Security(context.Background()).Keys {
		if k.Kind == kind {
			return k.Using
		}
	}
	return ""
}

// TestKeysAreReplacedUnderLoad replaces everything while the nodes write, and
// looks all the time whether gossip sees all of them.
func TestKeysAreReplacedUnderLoad(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio(withToken(offlineToken()))
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		written, lost := make([]int, 3), 0
		for i, n := range nodes {
			wg.Go(func() {
				for ; ctx.Err() == nil; written[i]++ {
					n.put(fmt.Sprintf("load-%d-%d", i, written[i]))
					time.Sleep(20 * time.Millisecond)
				}
			})
		}
		wg.Go(func() {
			for ctx.Err() == nil {
				for _, n := range nodes {
					for _, p := range n.ListPeers() {
						if !p.Alive {
							lost++
						}
					}
				}
				time.Sleep(10 * time.Millisecond)
			}
		})
		time.Sleep(time.Second)
		for i, kind := range []cluster.KeyKind{cluster.KeyGossip, cluster.KeyAuthority, cluster.KeyCertificates, cluster.KeyGossip} {
			before, issued := using(nodes[0], kind), nodes[1].Security(ctx).CertificateIssued
			if err := nodes[i%3].RotateKeys(ctx, operator, kind); err != nil {
				r.Fatalf("rotate %s: %v", kind, err)
			}
			if kind != cluster.KeyCertificates {
				if err := nodes[i%3].RotateKeys(ctx, operator, kind); !errors.Is(err, cluster.ErrKeysChanging) {
					r.Errorf("rotate %s again at once: %v", kind, err)
				}
			}
			time.Sleep(3 * time.Second)
			r.untilAtRest(nodes...)
			if kind != cluster.KeyCertificates && using(nodes[0], kind) == before {
				r.Errorf("%s is what it was", kind)
			}
			if kind != cluster.KeyGossip && !nodes[1].Security(ctx).CertificateIssued.After(issued) {
				r.Errorf("after rotating %s a node has its old certificate", kind)
			}
		}
		// New connections, too, go by the new ones; and so does a restart.
		back := others(nodes, leaderOf(nodes...))[0]
		cancel()
		wg.Wait()
		back.stop()
		i := back.i
		nodes[i-1] = r.start(i, withToken(offlineToken()), peers(1, 2, 3))
		<-nodes[i-1].Ready()
		nodes[i-1].put("back")
		r.until(5*time.Second, "all in sight", func() bool { return nodes[i-1].Quorum().Reachable == 3 })
		for i, n := range written {
			if n < 100 {
				r.Errorf("node %d wrote %d times", i+1, n)
			}
		}
		if lost > 0 {
			r.Errorf("gossip lost a node %d times", lost)
		}
		token := nodes[0].token(time.Hour, 1)
		d := r.start(4, withToken(token), peers(1))
		<-d.Ready()
		r.sameState(append(nodes, d)...)
		stopAll(append(nodes, d)...)
	})
}

func TestReplacementWaitsForMembersThatAreAway(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio(withToken(offlineToken()))
		away := others(nodes, leaderOf(nodes...))[0]
		rest := others(nodes, away)
		away.stop()
		for _, kind := range []cluster.KeyKind{cluster.KeyAuthority, cluster.KeyGossip} {
			if err := rest[0].RotateKeys(context.Background(), operator, kind); err != nil {
				r.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		for _, k := range rest[1].Security(context.Background()).Keys {
			if !k.Changing || len(k.Waits) != 1 || k.Waits[0] != fmt.Sprintf("am%d", away.i) || !strings.Contains(k.Step, "accept") {
				r.Errorf("%+v", k)
			}
		}
		away = r.start(away.i, withToken(offlineToken()), peers(1, 2, 3))
		<-away.Ready()
		r.untilAtRest(append(rest, away)...)
		away.put("back")
		stopAll(append(rest, away)...)
	})
}

// TestCertificatesOfMachinesThatWereOff: all of them for longer than their
// certificates last.
func TestCertificatesOfMachinesThatWereOff(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio(secure)
		r.sameState(nodes...)
		stopAll(nodes...)
		time.Sleep(2 * pki.NodeLife)
		for i := range nodes {
			nodes[i] = r.start(i+1, secure, peers(1, 2, 3))
		}
		r.until(20*time.Second, "ready", func() bool { return nodes[0].isReady() && nodes[1].isReady() && nodes[2].isReady() })
		for _, n := range nodes {
			n.put("again" + string(n.ID()))
			if s := n.Security(context.Background()); time.Until(s.CertificateEnds) < pki.NodeLife/2 {
				r.Errorf("node %d has a certificate until %s", n.i, s.CertificateEnds)
			}
		}
		stopAll(nodes...)
	})
}

// A node whose certificate cannot be read has what it needs in its state: it
// starts, pages, and makes itself another.
func TestNodeWithoutAReadableCertificateStarts(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio(secure)
		r.sameState(nodes...)
		hurt := others(nodes, leaderOf(nodes...))[0]
		i := hurt.i
		hurt.stop()
		file := filepath.Join(r.dir(i), "credentials.json")
		if err := errors.Join(os.Remove(file), os.Mkdir(file, 0o700)); err != nil {
			r.Fatal(err)
		}
		back, err := r.open(i, secure, peers(1, 2, 3))
		if err != nil {
			r.Errorf("it does not start: %v", err)
			stopAll(others(nodes, hurt)...)
			return
		}
		back.run()
		r.until(20*time.Second, "ready", func() bool { return back.isReady() && back.Quorum().Held })
		back.put("again")
		if len(linesOf(r.log(i), "certificate", "cannot be")) == 0 {
			r.Errorf("it does not say what is wrong:\n%s", r.log(i))
		}
		stopAll(append(others(nodes, hurt), back)...)
	})
}

func TestSecureNodeChangesItsAddress(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio(withToken(offlineToken()))
		moved := others(nodes, leaderOf(nodes...))[0]
		id := moved.ID()
		moved.stop()
		if err := os.Rename(r.dir(moved.i), r.dir(7)); err != nil {
			r.Fatal(err)
		}
		again := r.start(7, secure, peers(1, 2, 3)) // it needs no token any more
		<-again.Ready()
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

// TestFoundersWithDifferentTokensSayWhatIsWrong and form nothing.
func TestFoundersWithDifferentTokensSayWhatIsWrong(t *testing.T) {
	bubble(t, func(r *rig) {
		same := offlineToken()
		a := r.start(1, withToken(same), peers(1, 2, 3), expect(3))
		b := r.start(2, withToken(same), peers(1, 2, 3), expect(3))
		c := r.start(3, withToken(offlineToken()), peers(1, 2, 3), expect(3))
		time.Sleep(20 * time.Second)
		for _, n := range []*node{a, b, c} {
			if s := n.Status(); s.State != cluster.StateWaiting || !strings.Contains(s.Waiting, "the same --cluster.join-token-file") {
				r.Errorf("node %d is %s and waits for %q", n.i, s.State, s.Waiting)
			}
		}
		stopAll(a, b, c)
	})
}

package cluster_test

import (
	"sync/atomic"
	"testing"
	"time"

	"tocsin/cluster"
)

// slowApply is a state file that takes its time.
type slowApply struct{ wait func() }

func (slowApply) BeforeLogWrite() error { return nil }

func (s slowApply) BeforeApply() error { s.wait(); return nil }

// TestNodeThatIsBehindTakesNoTurns: it hears its leader, but has not applied yet
// what was settled while it was away.
func TestNodeThatIsBehindTakesNoTurns(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		leader := leaderOf(nodes...)
		lost := others(nodes, leader)[0]
		rest := others(nodes, lost)
		lost.stop()
		leader.put("meanwhile")
		var quick atomic.Bool
		again := r.start(lost.i, peers(1, 2, 3), func(o *cluster.Options) {
			o.Disk = slowApply{func() {
				if !quick.Load() {
					time.Sleep(4 * time.Second)
				}
			}}
		})
		r.until(3*time.Second, "it hears its leader", func() bool { return again.Quorum().Held })
		for !again.has("meanwhile") {
			for i := range 10 {
				if rank, of := again.Rank(key(string(rune('a' + i)))); rank != 2 || of != 3 {
					t.Fatalf("it ranks %d of %d though it is behind", rank, of)
				}
			}
			if q := again.Quorum(); !q.Held {
				t.Fatalf("%+v", q)
			}
			time.Sleep(50 * time.Millisecond)
		}
		quick.Store(true)
		r.until(10*time.Second, "all three take turns", func() bool {
			for _, n := range append(rest, again) {
				if _, of := n.Rank(key("x")); of != 3 {
					return false
				}
			}
			return true
		})
		r.ranks(append(rest, again)...)
		stopAll(append(rest, again)...)
	})
}

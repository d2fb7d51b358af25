package cluster_test

import (
	"strings"
	"testing"
	"time"
)

// TestTwoSurvivorsThatLead: where two survivors were both made the only voter there
// are two clusters, and each says so as long as it sees the other.
func TestTwoSurvivorsThatLead(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		r.sameState(nodes...)
		for _, n := range nodes {
			n.kill()
		}
		for i := range 2 {
			if _, err := r.folder(i + 1).Lead(); err != nil {
				r.Fatal(err)
			}
		}
		r.net.Heal()
		a := r.start(1)
		<-a.Ready()
		b := r.start(2, peers(1))
		<-b.Ready()
		time.Sleep(time.Minute)
		for i, n := range []*node{a, b} {
			r.Logf("node %d: %+v", i+1, n.Quorum())
			if got := strings.Count(r.log(i+1), "there are two clusters"); got != 1 {
				r.Errorf("node %d says %d times in the first minute that there are two clusters, want once", i+1, got)
			}
		}
		stopAll(b, a)
	})
}

// TestAWaitingNodeIsNoSecondCluster: a node that joins anew is none.
func TestAWaitingNodeIsNoSecondCluster(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		nodes[2].stop()
		if _, err := r.folder(3).Rejoin(); err != nil {
			r.Fatal(err)
		}
		c := r.start(3, peers(1))
		<-c.Ready()
		time.Sleep(2 * time.Minute)
		for i := 1; i <= 3; i++ {
			if strings.Contains(r.log(i), "there are two clusters") {
				r.Errorf("node %d says that there are two clusters", i)
			}
		}
		stopAll(c, nodes[1], nodes[0])
	})
}

package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// block closes a port between all nodes, both ways.
func (l *lab) block(port int) {
	for i, a := range l.nodes {
		for _, b := range l.nodes[i+1:] {
			l.net.Block(a.ip, b.ip, port)
		}
	}
}

// names are n alert names of which each makes a group.
func names(prefix string, n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("%s%02d", prefix, i))
	}
	return out
}

// degraded reports whether a node says that it sends without a quorum.
func degraded(n *labNode) bool {
	return strings.Contains(n.do(http.MethodGet, "/api/tocsin/v1/status", "").Body.String(), "degraded_since")
}

// TestGossipBlocked: with the port between nodes open nothing is missing without
// gossip (I2).
func TestGossipBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newClockLab(t, 0, 0, 0)
		l.live(time.Minute, names("a", 8)...)
		l.block(gossipPort)
		l.live(time.Minute, append(names("a", 8), names("b", 8)...)...)
		for _, n := range l.nodes {
			if q := n.Cluster().Quorum(); !q.Held || q.Reachable != 3 {
				t.Errorf("%s: %+v", n.ip, q)
			}
			if degraded(n) {
				t.Errorf("%s is degraded", n.ip)
			}
		}
		for _, name := range names("a", 4) {
			l.end(name)
		}
		l.live(time.Minute, append(names("a", 8)[4:], names("b", 8)...)...)
		l.net.Heal()
		l.live(time.Minute, append(names("a", 8)[4:], names("b", 8)...)...)
		for _, name := range append(names("a", 8), names("b", 8)...) {
			l.told(name, "firing", 1)
		}
		for _, name := range names("a", 8)[:4] {
			l.told(name, "resolved", 1)
		}
	})
}

// TestRaftBlocked: nobody has a quorum, but gossip shows all nodes to each other,
// so one tells of each group and the others hear that it has (I10).
func TestRaftBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newClockLab(t, 0, 0, 0)
		l.live(time.Minute, names("a", 8)...)
		l.block(raftPort)
		l.live(30*time.Second, names("a", 8)...)
		l.live(2*time.Minute, append(names("a", 8), names("b", 8)...)...)
		for _, n := range l.nodes {
			if q := n.Cluster().Quorum(); q.Held || q.CutOff() {
				t.Errorf("%s: %+v", n.ip, q)
			}
			if !degraded(n) {
				t.Errorf("%s is not degraded", n.ip)
			}
		}
		for _, name := range append(names("a", 8), names("b", 8)...) {
			l.told(name, "firing", 1)
		}
		l.net.Heal()
		l.live(2*time.Minute, append(names("a", 8), names("b", 8)...)...)
		for _, name := range append(names("a", 8), names("b", 8)...) {
			l.told(name, "firing", 1)
			l.told(name, "resolved", 0)
		}
		within(t, time.Minute, "nothing is left over", l.settled)
	})
}

// TestShortCuts: a node that is cut off again and again, for less than the hold,
// leader or not, tells nothing twice, and nothing waits for more than the hold.
func TestShortCuts(t *testing.T) {
	for _, who := range []string{"leader", "follower"} {
		t.Run(who, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newClockLab(t, 0, 0, 0)
				var firing []string
				l.live(15*time.Second, "first")
				for i, cut := range []int{1, 14, 3, 9, 13, 6, 14} {
					leader, others := l.leader()
					for leader == nil {
						time.Sleep(100 * time.Millisecond)
						leader, others = l.leader()
					}
					off := others[0]
					if who == "leader" {
						off = leader
					}
					for _, n := range l.nodes {
						if n != off {
							l.net.Split([]string{off.ip}, []string{n.ip})
						}
					}
					time.Sleep(500 * time.Millisecond)
					firing = append(firing, names(fmt.Sprintf("c%d-", i), 3)...)
					l.once(firing...)
					time.Sleep(time.Duration(cut)*time.Second - 500*time.Millisecond)
					l.net.Heal()
					time.Sleep(time.Duration(1+i%4) * time.Second)
				}
				l.live(2*time.Minute, firing...)
				for _, name := range firing {
					l.told(name, "firing", 1)
					l.told(name, "resolved", 0)
				}
				within(t, time.Minute, "nothing is left over", l.settled)
			})
		})
	}
}

package app_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tocsin/cluster/clustertest"
)

// clockLab is a lab whose nodes' wall clocks can be set.
type clockLab struct {
	*lab
	skews  []atomic.Int64 // of each node's clock, in nanoseconds
	starts map[string]time.Time
	ends   map[string]time.Time
}

// newClockLab starts three nodes whose clocks are off by skews from the start.
func newClockLab(t *testing.T, skews ...time.Duration) *clockLab {
	t.Helper()
	l := &clockLab{lab: &lab{t: t, net: clustertest.New(1)}, skews: make([]atomic.Int64, len(skews))}
	l.starts, l.ends = make(map[string]time.Time), make(map[string]time.Time)
	l.inbox = newInbox(t, l.net.Host("10.0.0.100"))
	file := filepath.Join(t.TempDir(), "alertmanager.yml")
	if err := os.WriteFile(file, []byte(labConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.stop)
	for i, skew := range skews {
		n := l.newNode(i, len(skews), file)
		l.skews[i].Store(int64(skew))
		n.opts.Now = func() time.Time { return time.Now().Add(time.Duration(l.skews[i].Load())) }
		l.nodes = append(l.nodes, n)
		l.start(n)
	}
	for _, n := range l.nodes {
		within(t, time.Minute, "the nodes form a cluster", func() bool { return isClosed(n.Ready()) })
	}
	time.Sleep(5 * time.Second)
	return l
}

// live has a source tell all nodes of the alerts that fire, every 15 s, as one
// that gives each telling a minute; and of those that ended, for a while.
func (l *clockLab) live(d time.Duration, firing ...string) {
	l.t.Helper()
	for range d / (15 * time.Second) {
		l.once(firing...)
		time.Sleep(15 * time.Second)
	}
}

// once is one round of what live does.
func (l *clockLab) once(firing ...string) {
	l.t.Helper()
	now := time.Now()
	for _, name := range firing {
		if _, ok := l.starts[name]; !ok {
			l.starts[name] = now
		}
		l.tell(name, now.Add(time.Minute))
	}
	for name, end := range l.ends {
		if now.Sub(end) < 2*time.Minute {
			l.tell(name, end)
		}
	}
}

// tell gives an alert to all nodes.
func (l *clockLab) tell(name string, ends time.Time) {
	l.t.Helper()
	body := fmt.Sprintf(`[{"labels":{"alertname":%q},"startsAt":%q,"endsAt":%q}]`, name,
		l.starts[name].Format(time.RFC3339Nano), ends.Format(time.RFC3339Nano))
	for _, n := range l.nodes {
		if w := n.do(http.MethodPost, "/api/v2/alerts", body); w.Code != http.StatusOK {
			l.t.Fatalf("%s answered %d: %s", n.ip, w.Code, w.Body)
		}
	}
}

func (l *clockLab) end(name string) { l.ends[name] = time.Now() }

// told checks how often an alert's state was told so far.
func (l *clockLab) told(name, status string, want int) {
	l.t.Helper()
	if got := l.inbox.about(name, status); len(got) != want {
		l.t.Errorf("%s is told as %s %d times, want %d: %+v", name, status, len(got), want, got)
	}
}

// TestSetClockChangesNothing sets one node's wall clock forth and back while
// alerts begin, fire and end (I16).
func TestSetClockChangesNothing(t *testing.T) {
	for _, c := range []struct {
		who  string
		step time.Duration
	}{{"leader", time.Hour}, {"follower", -time.Hour}, {"leader", 4 * time.Second}} {
		t.Run(fmt.Sprintf("%s by %v", c.who, c.step), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newClockLab(t, 0, 0, 0)
				leader, others := l.leader()
				set := leader
				if c.who == "follower" {
					set = others[0]
				}
				l.live(time.Minute, "Before", "Before2", "Before3")
				l.set(set, c.step)
				l.live(2*time.Minute, "Before", "Before2", "Before3", "During", "During2", "During3")
				for _, name := range []string{"Before", "Before2", "Before3", "During", "During2", "During3"} {
					l.told(name, "firing", 1)
					l.told(name, "resolved", 0)
				}
				l.end("Before")
				l.end("During")
				l.live(time.Minute, "Before2", "Before3", "During2", "During3")
				l.told("Before", "resolved", 1)
				l.told("During", "resolved", 1)
				l.set(set, 0)
				l.live(2*time.Minute, "Before2", "Before3", "During2", "During3", "After")
				for _, name := range []string{"Before", "Before2", "Before3", "During", "During2", "During3", "After"} {
					l.told(name, "firing", 1)
				}
				for _, name := range []string{"Before2", "Before3", "During2", "During3", "After"} {
					l.told(name, "resolved", 0)
				}
				l.told("Before", "resolved", 1)
				l.told("During", "resolved", 1)
			})
		})
	}
}

// TestWrongClockFromTheStart: so does a clock that was wrong before the node
// began, and a node that comes back with one (I16).
func TestWrongClockFromTheStart(t *testing.T) {
	for wrong, off := range []time.Duration{-time.Hour, 7 * time.Minute, time.Hour} {
		t.Run(fmt.Sprintf("node %d by %v", wrong+1, off), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				skews := make([]time.Duration, 3)
				skews[wrong] = off
				l := newClockLab(t, skews...)
				l.live(2*time.Minute, "A", "B", "C")
				n := l.nodes[wrong]
				if err := n.Close(context.Background()); err != nil {
					t.Fatal(err)
				}
				l.start(n)
				l.live(2*time.Minute, "A", "B", "C", "D")
				l.end("A")
				l.live(time.Minute, "B", "C", "D")
				for _, name := range []string{"A", "B", "C", "D"} {
					l.told(name, "firing", 1)
				}
				l.told("A", "resolved", 1)
				for _, name := range []string{"B", "C", "D"} {
					l.told(name, "resolved", 0)
				}
				l.seesSkew(n, off)
			})
		})
	}
}

// TestSetClockInACut: a node that is cut off and whose clock is set then goes on
// by what it went by.
func TestSetClockInACut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newClockLab(t, 0, 0, 0)
		leader, others := l.leader()
		l.live(time.Minute, "A", "B")
		l.net.Split([]string{leader.ip}, []string{others[0].ip, others[1].ip})
		l.live(30*time.Second, "A", "B")
		l.set(leader, time.Hour)
		l.live(2*time.Minute, "A", "B")
		l.net.Heal()
		l.live(2*time.Minute, "A", "B")
		l.told("A", "firing", 1)
		l.told("A", "resolved", 0)
		l.told("B", "resolved", 0)
	})
}

func (l *clockLab) set(n *labNode, skew time.Duration) {
	for i, o := range l.nodes {
		if o == n {
			l.skews[i].Store(int64(skew))
		}
	}
}

// seesSkew checks that all nodes show the skew of one.
func (l *clockLab) seesSkew(of *labNode, skew time.Duration) {
	l.t.Helper()
	for _, n := range l.nodes {
		for _, p := range n.Cluster().ListPeers() {
			if p.ID != of.Cluster().ID() {
				continue
			}
			if !p.ClockKnown || !p.ClockCorrected || (p.ClockSkew-skew).Abs() > time.Second {
				l.t.Errorf("%s shows the clock of %s as off by %v (known %v, corrected %v), want %v",
					n.ip, of.ip, p.ClockSkew, p.ClockKnown, p.ClockCorrected, skew)
			}
		}
	}
}

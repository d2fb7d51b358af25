package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// postTo gives an alert to one node only.
func (l *lab) postTo(n *labNode, name string, starts, ends time.Time) {
	l.t.Helper()
	body := fmt.Sprintf(`[{"labels":{"alertname":%q},"startsAt":%q,"endsAt":%q}]`, name,
		starts.Format(time.RFC3339Nano), ends.Format(time.RFC3339Nano))
	if w := n.do(http.MethodPost, "/api/v2/alerts", body); w.Code != http.StatusOK {
		l.t.Fatalf("%s answered %d: %s", n.ip, w.Code, w.Body)
	}
}

// names are the alerts that fire on a node, in order.
func (n *labNode) names(t *testing.T) []string {
	t.Helper()
	w := n.do(http.MethodGet, "/api/v2/alerts", "")
	var list []struct{ Labels map[string]string }
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	var out []string
	for _, a := range list {
		out = append(out, a.Labels["alertname"])
	}
	slices.Sort(out)
	return out
}

// TestSourcesReachOneNode: an alert that only one node is posted is told at the
// group wait, as if all had it, whichever node that is.
func TestSourcesReachOneNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 3)
		for i := range 9 {
			name, began := fmt.Sprintf("One%d", i), time.Now()
			l.postTo(l.nodes[i%3], name, began, began.Add(time.Hour))
			within(t, 100*time.Millisecond, "all nodes have the alert", func() bool {
				return !slices.ContainsFunc(l.nodes, func(n *labNode) bool { return !slices.Contains(n.names(t), name) })
			})
			time.Sleep(20 * time.Second)
			told := l.inbox.about(name, "firing")
			if len(told) != 1 {
				t.Fatalf("%s was told %d times: %+v", name, len(told), told)
			}
			if took := told[0].At.Sub(began); took > 2500*time.Millisecond {
				t.Errorf("%s was told after %s, want the group wait of 2 s", name, took)
			}
		}
	})
}

// TestOneNodeIsKeptPosted: a source that refreshes an alert on one node only, with
// ends that are short, keeps it alive on all; its end is told once (I17).
func TestOneNodeIsKeptPosted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 3)
		began := time.Now()
		for range 10 {
			l.postTo(l.nodes[1], "Kept", began, time.Now().Add(12*time.Second))
			time.Sleep(10 * time.Second)
			for _, n := range l.nodes {
				if got := n.names(t); !slices.Equal(got, []string{"Kept"}) {
					t.Fatalf("after %s %s lists %v", time.Since(began), n.ip, got)
				}
			}
		}
		if got := l.inbox.about("Kept", "resolved"); len(got) != 0 {
			t.Fatalf("it was told as resolved while it fired: %+v", got)
		}
		time.Sleep(time.Minute)
		if f, r := l.inbox.about("Kept", "firing"), l.inbox.about("Kept", "resolved"); len(f) != 1 || len(r) != 1 {
			t.Errorf("told %d times as firing and %d times as resolved, want once each", len(f), len(r))
		}
	})
}

// TestAlertsAfterACut: what was posted on either side of a cut is on all nodes
// seconds after it, and what a side kept alive is not told as resolved by the
// other.
func TestAlertsAfterACut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 3)
		a, b, c := l.nodes[0], l.nodes[1], l.nodes[2]
		began := time.Now()
		keep := func(d time.Duration) {
			for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(5 * time.Second) {
				l.postTo(a, "Kept", began, time.Now().Add(20*time.Second))
			}
		}
		keep(time.Minute)
		l.net.Split([]string{a.ip}, []string{b.ip, c.ip})
		l.postTo(a, "Left", time.Now(), time.Now().Add(time.Hour))
		l.postTo(b, "Right", time.Now(), time.Now().Add(time.Hour))
		keep(10 * time.Second)
		l.net.Heal()
		healed := time.Now()
		within(t, 3*time.Second, "all nodes have all alerts", func() bool {
			return !slices.ContainsFunc(l.nodes, func(n *labNode) bool {
				return !slices.Equal(n.names(t), []string{"Kept", "Left", "Right"})
			})
		})
		t.Logf("all alerts are everywhere %s after the heal", time.Since(healed))
		keep(2 * time.Minute)
		if got := l.inbox.about("Kept", "resolved"); len(got) != 0 {
			t.Errorf("it was told as resolved while it fired: %+v", got)
		}
		for _, name := range []string{"Kept", "Left", "Right"} {
			if got := l.inbox.about(name, "firing"); len(got) != 1 {
				t.Errorf("%s was told %d times: %+v", name, len(got), got)
			}
		}
	})
}

// TestFreshNodeGetsAlerts: a node that comes back with nothing has the alerts of
// the others before it tells anything.
func TestFreshNodeGetsAlerts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 3)
		for i := range 20 {
			l.postTo(l.nodes[0], fmt.Sprintf("Old%d", i), time.Now(), time.Now().Add(time.Hour))
		}
		time.Sleep(10 * time.Second)
		last := l.nodes[2]
		if err := last.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		last.Node = nil
		last.opts.Settings.DataDir = t.TempDir()
		time.Sleep(10 * time.Second)
		l.start(last)
		within(t, 20*time.Second, "the node has the alerts", func() bool { return len(last.names(t)) == 20 })
		time.Sleep(70 * time.Second)
		for i := range 20 {
			name := fmt.Sprintf("Old%d", i)
			if f, r := l.inbox.about(name, "firing"), l.inbox.about(name, "resolved"); len(f) != 1 || len(r) != 0 {
				t.Errorf("%s was told %d times as firing and %d times as resolved", name, len(f), len(r))
			}
		}
	})
}

package acceptance_test

import (
	"net/http"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
)

// These tests watch for more than half a minute. They stand in the last file
// because go test begins with the last of the parallel tests.

func TestClusterDeduplicationWithDefaults(t *testing.T) {
	t.Parallel()
	hook := rig.NewSink(t, "hook")
	s := rig.NewScenario(t, rig.StartCluster(t, 3, rig.NodeOptions{Config: config(hook, routing{interval: "5s"})}))
	a := rig.A("alertname", "once").From(1)
	s.Post(1, a)
	s.Want(hook, 2, 3, rig.Told{Firing: []rig.Alert{a}, Group: group("alertname", "once")})
	s.Run(36) // the last node's turn would be 30 s after the first one's
}

// TestWithoutQuorum kills two nodes of three. The last one must page, refuse
// writes at once and say why, and tell nothing twice when the others are back.
func TestWithoutQuorum(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 0, "quorum")
	hook := rig.NewSink(t, "hook")
	c := rig.StartFixed(t, 3, rig.NodeOptions{Config: config(hook, routing{}), Flags: []string{shortTimeout}})
	s := rig.NewScenario(t, c)
	before, after := rig.A("alertname", "before").From(1), rig.A("alertname", "after").From(4)
	s.Post(1, before)
	s.Want(hook, 2, 3, rig.Told{Firing: []rig.Alert{before}, Group: before.Labels})
	s.At(3.5, "kill two nodes", func() { c.Nodes[0].Kill(); c.Nodes[1].Kill() })
	s.Post(4, after)
	// Claim timeout 3 s, hold 2 s, and rank times 2 s for those still seen.
	s.Want(hook, 5, 16, rig.Told{Firing: []rig.Alert{after}, Group: after.Labels})
	s.At(9, "try to write", func() { refusesWrites(t, c.Nodes[2]) })
	s.At(18, "start them again", func() {
		c.Nodes[0].Relaunch(t)
		c.Nodes[1].Relaunch(t)
		c.Nodes[0].AwaitServing(t)
		c.Nodes[1].AwaitServing(t)
	})
	s.At(25, "write again", func() {
		for _, n := range c.Nodes {
			n.MustSilence(t, rig.Mute("a", "b", time.Hour))
			if v, ok := n.Metric("tocsin_degraded"); !ok || v != 0 {
				t.Errorf("tocsin_degraded of %s is %v (%v) afterwards, want 0", n.Name, v, ok)
			}
		}
	})
	s.Post(27.3, before.To(27.3), after.To(27.3))
	for _, a := range []rig.Alert{before.To(27.3), after.To(27.3)} {
		s.Want(hook, 27.3, 30, rig.Told{Resolved: []rig.Alert{a}, Group: a.Labels})
	}
	s.Run(34)
	c.AwaitAgreement(t, 5*time.Second)
}

// refusesWrites checks that a node without a quorum says so, at once.
func refusesWrites(t *testing.T, n *rig.Node) {
	t.Helper()
	began := time.Now()
	_, r := n.PutSilence(rig.Mute("a", "b", time.Hour))
	if r.Code != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" {
		t.Errorf("POST silence without a quorum: %v with Retry-After %q, want 503 with one", r, r.Header.Get("Retry-After"))
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("the refusal took %v, want it at once", took)
	}
	if v, ok := n.Metric("tocsin_degraded"); !ok || v != 1 {
		t.Errorf("tocsin_degraded is %v (%v), want 1", v, ok)
	}
	if _, err := n.Silences(); err != nil {
		t.Errorf("reading silences without a quorum: %v", err)
	}
	if list, err := n.Alerts(); err != nil || len(list) != 2 {
		t.Errorf("alerts without a quorum: %d (%v), want 2", len(list), err)
	}
}

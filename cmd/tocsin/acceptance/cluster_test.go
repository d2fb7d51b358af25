package acceptance_test

import (
	"fmt"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
)

// shortTimeout makes an Alertmanager's late duplicates, one and two of these
// after the first notification, come while the test still looks.
const shortTimeout = "--cluster.peer-timeout=2s"

func TestClusterDeduplication(t *testing.T) {
	t.Parallel()
	hook := rig.NewSink(t, "hook")
	s := rig.NewScenario(t, rig.StartCluster(t, 3, rig.NodeOptions{Config: config(hook, routing{interval: "5s"}), Flags: []string{shortTimeout}}))
	a := rig.A("alertname", "once").From(1)
	g := group("alertname", "once")
	s.Post(1, a)
	s.Want(hook, 2, 3, rig.Told{Firing: []rig.Alert{a}, Group: g, Reason: reason(t, "first notification")})
	s.Post(6.3, a.To(6.3))
	s.Want(hook, 7, 8, rig.Told{Resolved: []rig.Alert{a.To(6.3)}, Group: g, Reason: reason(t, "all alerts resolved")})
	s.Run(12.5)
}

func TestClusterWithShortIntervals(t *testing.T) {
	t.Parallel()
	// There a node that waits for its turn with what it saw seconds ago tells
	// of an end first and of its beginning then.
	rig.SkipOracle(t, 0, "telling once where the group interval is shorter than the peer timeout")
	hook := rig.NewSink(t, "hook")
	s := rig.NewScenario(t, rig.StartCluster(t, 3, rig.NodeOptions{Config: config(hook, routing{}), Flags: []string{shortTimeout}}))
	a, b := rig.A("alertname", "once", "n", "a").From(1), rig.A("alertname", "once", "n", "b").From(3)
	g := group("alertname", "once")
	s.Post(1, a)
	s.Want(hook, 2, 3, rig.Told{Firing: []rig.Alert{a}, Group: g, Reason: "first notification"})
	s.Post(3.3, b)
	s.Want(hook, 4, 5, rig.Told{Firing: []rig.Alert{a, b}, Group: g, Reason: "new alerts added"})
	s.Post(5.3, a.To(5.3))
	s.Want(hook, 6, 7, rig.Told{Firing: []rig.Alert{b}, Resolved: []rig.Alert{a.To(5.3)}, Group: g, Reason: "some alerts resolved"})
	s.Post(8.3, b.To(8.3))
	s.Want(hook, 9, 10, rig.Told{Resolved: []rig.Alert{b.To(8.3)}, Group: g, Reason: "all alerts resolved"})
	s.Run(15)
}

func TestClusterVSInstance(t *testing.T) {
	t.Parallel()
	single, triple := rig.NewSink(t, "single"), rig.NewSink(t, "triple")
	cfg := routing{repeat: "1h", groupBy: "[push]"}
	node := rig.StartCluster(t, 1, rig.NodeOptions{Config: config(single, cfg)})
	cluster := rig.StartCluster(t, 3, rig.NodeOptions{Config: config(triple, cfg), Flags: []string{shortTimeout}})
	s := rig.NewScenario(t, cluster)
	for push := 1; push <= 5; push++ {
		at := float64(push) * 1.2
		var alerts []rig.Alert
		for i := range 2 * push {
			alerts = append(alerts, rig.A("push", fmt.Sprint(push), "instance", fmt.Sprintf("h%02d", i), "alertname", "x").Note("n", fmt.Sprint(i*i)).From(at))
		}
		s.Post(at, alerts...)
		s.At(at, "post to the single node", func() {
			for _, a := range alerts {
				node.Post(t, a.API(s.Zero()))
			}
		})
		told := rig.Told{Firing: alerts, Group: group("push", fmt.Sprint(push)), Reason: reason(t, "first notification")}
		s.Want(single, at+1, at+2, told)
		s.Want(triple, at+1, at+2, told)
	}
	s.Run(12)
}

func TestClusterGrowsAndAgrees(t *testing.T) {
	t.Parallel()
	hook := rig.NewSink(t, "hook")
	c := rig.StartCluster(t, 3, rig.NodeOptions{Config: config(hook, routing{})})
	names := map[string]bool{}
	for _, n := range c.Nodes {
		st, err := n.Status()
		if err != nil {
			t.Fatal(err)
		}
		names[st.Cluster.Name] = true
		for _, p := range st.Cluster.Peers {
			if p.Name == "" || p.Address == "" {
				t.Errorf("%s lists a peer without name or address: %+v", n.Name, p)
			}
		}
		ready := rig.Eventually(2*time.Second, 20*time.Millisecond, func() bool {
			st, err = n.Status()
			return err == nil && st.Cluster.Status == "ready"
		})
		if !ready {
			t.Errorf("the cluster status of %s is %q after 2 s, want ready", n.Name, st.Cluster.Status)
		}
	}
	if len(names) != 3 {
		t.Errorf("the nodes' names are %v, want three", names)
	}
	// A silence made on one node is on the others, changes and ends there too.
	id := c.Nodes[0].MustSilence(t, rig.Mute("alertname", "x", time.Hour))
	state := func(want string) {
		t.Helper()
		for _, n := range c.Nodes {
			ok := rig.Eventually(2*time.Second, 20*time.Millisecond, func() bool {
				state, _ := silenceState(n, id)
				return state == want
			})
			if !ok {
				t.Errorf("%s does not show the silence as %s after 2 s", n.Name, want)
			}
		}
	}
	state("active")
	if r := c.Nodes[2].DeleteSilence(id); r.Code != 200 {
		t.Errorf("DELETE on another node: %v", r)
	}
	state("expired")
}

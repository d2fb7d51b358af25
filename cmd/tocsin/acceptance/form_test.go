package acceptance_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
)

// TestFormTogether starts three empty nodes at once, each with the others as its
// peers: they form one cluster, once.
func TestFormTogether(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 0, "--raft.bootstrap-expect")
	hook := rig.NewSink(t, "hook")
	hosts := []string{rig.Loopback(), rig.Loopback(), rig.Loopback()}
	c := &rig.Cluster{}
	for i, host := range hosts {
		flags := []string{
			"--raft.bootstrap-expect=3", "--web.listen-address=" + host + ":9093", "--cluster.listen-address=" + host + ":9094",
		}
		for j, other := range hosts {
			if j != i {
				flags = append(flags, "--cluster.peer="+other+":9094")
			}
		}
		c.Nodes = append(c.Nodes, rig.Launch(t, rig.NodeOptions{Name: fmt.Sprint("n", i+1), Config: config(hook, routing{}), Flags: flags}))
	}
	for _, n := range c.Nodes {
		n.AwaitServing(t)
	}
	c.AwaitMembers(t, 3, 10*time.Second)
	s := rig.NewScenario(t, c)
	a := rig.A("alertname", "formed").From(1)
	s.Post(1, a)
	s.Want(hook, 2, 3, rig.Told{Firing: []rig.Alert{a}, Group: a.Labels})
	s.Run(6)

	id := c.Nodes[1].MustSilence(t, rig.Mute("a", "b", time.Hour))
	for _, n := range c.Nodes {
		if !rig.Eventually(2*time.Second, 20*time.Millisecond, func() bool { state, _ := silenceState(n, id); return state == "active" }) {
			t.Errorf("%s does not show a silence of the cluster after 2 s", n.Name)
		}
	}
	c.AwaitAgreement(t, 3*time.Second)
	founded := 0
	for _, n := range c.Nodes {
		founded += strings.Count(n.Log.Text(), "a new cluster is founded")
	}
	if founded != 1 {
		t.Errorf("%d clusters were founded, want one", founded)
	}
	c.Terminate(t)
}

// TestWithoutClustering switches clustering off as users of Alertmanager do.
func TestWithoutClustering(t *testing.T) {
	t.Parallel()
	hook := rig.NewSink(t, "hook")
	n := rig.StartNode(t, rig.NodeOptions{Config: config(hook, routing{}), Flags: []string{"--cluster.listen-address="}})
	s := rig.NewScenario(t, &rig.Cluster{Nodes: []*rig.Node{n}})
	a := rig.A("alertname", "alone").From(1)
	s.Post(1, a)
	s.Want(hook, 2, 2+soon, rig.Told{Firing: []rig.Alert{a}, Group: a.Labels})
	s.Run(4)
	st, err := n.Status()
	if err != nil || st.Cluster.Status != "disabled" || len(st.Cluster.Peers) != 0 {
		t.Errorf("the status is %+v (%v), want disabled without peers", st.Cluster, err)
	}
	n.MustSilence(t, rig.Mute("a", "b", time.Hour))
}

// TestWaitsForItsPeers starts a node whose peer is not there: it says what it
// waits for, does not found a cluster of its own, takes alerts all the same, and
// joins when the peer comes.
func TestWaitsForItsPeers(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 0, "waiting to be a member")
	hook := rig.NewSink(t, "hook")
	host := rig.Loopback()
	n := rig.StartNode(t, rig.NodeOptions{
		Name: "waiting", Config: config(hook, routing{}), Hasty: true, Flags: []string{"--cluster.peer=" + host + ":9094"},
	})
	if r := n.PostAlerts(rig.A("alertname", "early").API(time.Now())); r.Code != http.StatusOK {
		t.Errorf("POST alerts to a waiting node: %v", r)
	}
	_, r := n.PutSilence(rig.Mute("a", "b", time.Hour))
	if r.Code != http.StatusServiceUnavailable {
		t.Errorf("POST silence to a waiting node: %v, want 503", r)
	}
	if _, said := n.Log.Wait(10*time.Second, rig.Containing("waiting", "--cluster.peer")); !said {
		t.Error("it does not say within 10 s what it waits for")
	}
	first := rig.StartNode(t, rig.NodeOptions{
		Name: "first", Config: config(hook, routing{}),
		Flags: []string{"--web.listen-address=" + host + ":9093", "--cluster.listen-address=" + host + ":9094"},
	})
	c := &rig.Cluster{Nodes: []*rig.Node{first, n}}
	c.AwaitMembers(t, 2, 15*time.Second)
	id := ""
	if !rig.Eventually(10*time.Second, 100*time.Millisecond, func() bool { id, _ = n.PutSilence(rig.Mute("a", "b", time.Hour)); return id != "" }) {
		t.Fatal("the node that waited takes no writes 10 s after its peer came")
	}
	if !rig.Eventually(2*time.Second, 20*time.Millisecond, func() bool { state, _ := silenceState(first, id); return state == "active" }) {
		t.Error("its silence is not on the first node")
	}
}

// TestReloadReachesAll reloads one node: its configuration is the cluster's, on
// every node, whatever lies in their files.
func TestReloadReachesAll(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 0, "one configuration for the cluster")
	hook, second := rig.NewSink(t, "hook"), rig.NewSink(t, "second")
	s := rig.NewScenario(t, rig.StartCluster(t, 3, rig.NodeOptions{Config: config(hook, routing{})}))
	c := s.Cluster
	a, b := rig.A("alertname", "a").From(1), rig.A("alertname", "b").From(5)
	s.Post(1, a)
	s.Want(hook, 2, 3, rig.Told{Firing: []rig.Alert{a}, Group: a.Labels})
	s.At(4, "reload the third node with another receiver", func() {
		c.Nodes[2].WriteConfig(t, config(second, routing{repeat: "2h"}))
		if !c.Nodes[2].Reload(t) {
			t.Error("the reload failed")
		}
	})
	s.At(4.8, "look everywhere", func() {
		for _, n := range c.Nodes {
			if st, err := n.Status(); err != nil || !strings.Contains(st.Config.Original, "repeat_interval: 2h") {
				t.Errorf("%s does not show the new configuration (%v)", n.Name, err)
			}
		}
	})
	s.Post(5, b)
	// The new receiver has been told nothing yet, so it is told what fires.
	s.Want(second, 4, 5, rig.Told{Firing: []rig.Alert{a}, Group: a.Labels})
	s.Want(second, 6, 7, rig.Told{Firing: []rig.Alert{b}, Group: b.Labels})
	s.Run(10)
}

// TestReadYourWrites writes to each node of a cluster and reads it back there at
// once.
func TestReadYourWrites(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 0, "writes that another node makes for one")
	c := rig.StartCluster(t, 3, rig.NodeOptions{Config: config(rig.NewSink(t, "hook"), routing{})})
	for round := range 10 {
		for _, n := range c.Nodes {
			id := n.MustSilence(t, rig.Mute("round", fmt.Sprint(round), time.Hour))
			if state, err := silenceState(n, id); state != "active" {
				t.Fatalf("%s shows its own silence as %q (%v) at once, want active", n.Name, state, err)
			}
			if r := n.DeleteSilence(id); r.Code != http.StatusOK {
				t.Fatalf("DELETE on %s: %v", n.Name, r)
			}
			if state, err := silenceState(n, id); state != "expired" {
				t.Fatalf("%s shows its own silence as %q (%v) after its end, want expired", n.Name, state, err)
			}
		}
	}
}

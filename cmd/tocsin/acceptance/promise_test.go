package acceptance_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
)

// These tests hold the server to what it promises where an Alertmanager tells
// twice, or not at all.

func TestSlowReceiverIsToldOnce(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 0, "telling a receiver once that is slower than the peer timeout")
	hook := rig.NewSink(t, "hook")
	hook.Answer(func(int, *rig.Message) rig.Answer { return rig.Answer{After: 4 * time.Second} })
	s := rig.NewScenario(t, rig.StartCluster(t, 3, rig.NodeOptions{
		Config: config(hook, routing{interval: "10s"}), Flags: []string{"--cluster.peer-timeout=1s"},
	}))
	a := rig.A("alertname", "slow").From(1)
	s.Post(1, a)
	s.Want(hook, 2, 3, rig.Told{Firing: []rig.Alert{a}, Group: group("alertname", "slow")})
	s.Run(15)
	if n := len(hook.Arrivals()); n != 1 {
		t.Errorf("the receiver was asked %d times, want once", n)
	}
}

func TestReloadWhileSending(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 0, "finishing a notification that was begun before a reload")
	hook := rig.NewSink(t, "hook")
	hook.Answer(func(int, *rig.Message) rig.Answer { return rig.Answer{After: 2 * time.Second} })
	s := one(t, config(hook, routing{}))
	a := rig.A("alertname", "a").From(1)
	s.Post(1, a)
	s.Want(hook, 2, 2+soon, rig.Told{Firing: []rig.Alert{a}, Group: group("alertname", "a")})
	s.At(2.9, "reload while the receiver has not answered yet", func() {
		began := time.Now()
		if !s.Cluster.Nodes[0].Reload(t) {
			t.Error("the reload failed")
		}
		if took := time.Since(began); took > 1500*time.Millisecond {
			t.Errorf("the reload took %v", took)
		}
	})
	s.Run(8)
	if n := len(hook.Arrivals()); n != 1 {
		t.Errorf("the receiver was asked %d times, want once", n)
	}
}

func TestStopWhileSending(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 0, "finishing a notification before it ends")
	hook := rig.NewSink(t, "hook")
	hook.Answer(func(int, *rig.Message) rig.Answer { return rig.Answer{After: time.Second} })
	n := rig.StartNode(t, rig.NodeOptions{Config: config(hook, routing{wait: "100ms"})})
	a := rig.A("alertname", "a").API(time.Now())
	n.PostAlerts(a)
	if !rig.Eventually(3*time.Second, 10*time.Millisecond, func() bool { return len(hook.Arrivals()) == 1 }) {
		t.Fatal("no notification")
	}
	n.Terminate(t, 10*time.Second)
	n.Restart(t)
	n.PostAlerts(a)
	time.Sleep(3 * time.Second)
	if all, ok := len(hook.Arrivals()), len(hook.Accepted()); all != 1 || ok != 1 {
		t.Errorf("the receiver was asked %d times and took %d, want one each", all, ok)
	}
}

// TestBehindALoadBalancer sends each alert and its end to one node only, never
// the same.
func TestBehindALoadBalancer(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 0, "sharing alerts between nodes")
	hook := rig.NewSink(t, "hook")
	s := rig.NewScenario(t, rig.StartCluster(t, 3, rig.NodeOptions{Config: config(hook, routing{}), Flags: []string{shortTimeout}}))
	a, b := rig.A("alertname", "lb", "n", "a").From(1), rig.A("alertname", "lb", "n", "b").From(1)
	g := group("alertname", "lb")
	s.PostTo(0, 1, a)
	s.PostTo(1, 1.1, b)
	s.Want(hook, 2, 3, rig.Told{Firing: []rig.Alert{a, b}, Group: g})
	s.At(2.5, "look everywhere", func() {
		for _, n := range s.Cluster.Nodes {
			if list, err := n.Alerts(); err != nil || len(list) != 2 {
				t.Errorf("%s lists %d alerts (%v), want 2", n.Name, len(list), err)
			}
		}
	})
	s.PostTo(2, 3.3, a.To(3.3))
	s.Want(hook, 4, 5, rig.Told{Firing: []rig.Alert{b}, Resolved: []rig.Alert{a.To(3.3)}, Group: g})
	s.PostTo(0, 6.3, b.To(6.3))
	s.Want(hook, 7, 8, rig.Told{Resolved: []rig.Alert{b.To(6.3)}, Group: g})
	s.Run(13)
}

// TestFiresAgainAfterSilence ends an alert while it is silenced: when it fires
// again it is told again.
func TestFiresAgainAfterSilence(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 0, "telling an alert again that ended while it was silenced")
	hook := rig.NewSink(t, "hook")
	s := one(t, config(hook, routing{}))
	n := s.Cluster.Nodes[0]
	a := rig.A("alertname", "a")
	g := group("alertname", "a")
	var id string
	s.Post(1, a.From(1))
	s.Want(hook, 2, 2+soon, rig.Told{Firing: []rig.Alert{a.From(1)}, Group: g})
	s.At(3.3, "silence", func() { id = n.MustSilence(t, rig.Mute("alertname", "a", time.Hour)) })
	s.Post(4.3, a.From(1).To(4.3))
	s.At(6.3, "end the silence", func() { n.DeleteSilence(id) })
	s.Post(7.3, a.From(7.3))
	s.Want(hook, 7.3, 8.3+soon, rig.Told{Firing: []rig.Alert{a.From(7.3)}, Group: g})
	s.Run(10.5)
}

func TestSilenceSurvivesKill(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 0, "keeping a silence through kill -9")
	n := rig.StartNode(t, rig.NodeOptions{Config: config(rig.NewSink(t, "hook"), routing{})})
	id := n.MustSilence(t, rig.Mute("a", "b", time.Hour))
	n.Kill()
	n.Restart(t)
	if state, err := silenceState(n, id); state != "active" {
		t.Errorf("the acknowledged silence after kill -9 is %q (%v), want it active", state, err)
	}
}

// TestKillAllAndRestart kills all nodes at once: what was told is not told
// again, and what ended meanwhile is, as soon as Prometheus repeats it.
func TestKillAllAndRestart(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 0, "keeping what was told through kill -9")
	hook := rig.NewSink(t, "hook")
	s, stays, ends := killAll(t, hook)
	s.Post(14, stays, ends)
	s.Want(hook, 14, 17, rig.Told{Resolved: []rig.Alert{ends}, Group: ends.Labels})
	s.Run(22)
	s.Cluster.AwaitAgreement(t, 5*time.Second)
}

// TestEndedWhileDown is the same without a Prometheus that repeats anything:
// the alerts themselves survive.
func TestEndedWhileDown(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 0, "keeping alerts")
	hook := rig.NewSink(t, "hook")
	s, _, ends := killAll(t, hook)
	s.Want(hook, 8, 20, rig.Told{Resolved: []rig.Alert{ends}, Group: ends.Labels})
	s.Run(25)
}

// TestThirtyGroupsKilled has all nodes killed with 30 groups told, of which ten
// end meanwhile: five because somebody says so, which the rest of a node's life
// is too short to tell, and five because their time runs out.
func TestThirtyGroupsKilled(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 0, "keeping alerts")
	hook := rig.NewSink(t, "hook")
	s := rig.NewScenario(t, rig.StartFixed(t, 3, rig.NodeOptions{Config: config(hook, routing{}), Flags: []string{shortTimeout}}))
	var all, said []rig.Alert
	for i := range 30 {
		a := rig.A("alertname", fmt.Sprintf("g%02d", i)).From(1)
		switch {
		case i < 5:
			said = append(said, a.To(5))
			a = a.To(3600)
		case i < 10:
			a = a.To(7)
		default:
			a = a.To(3600)
		}
		all = append(all, a)
		s.Want(hook, 2, 3+soon, rig.Told{Firing: []rig.Alert{a}, Group: a.Labels})
	}
	s.Post(1, all...)
	s.Post(5, said...)
	s.At(5.5, "kill all", func() {
		for _, n := range s.Cluster.Nodes {
			n.Kill()
		}
	})
	s.At(8, "start them again", func() { relaunch(t, s.Cluster.Nodes) })
	for i, a := range all[:10] {
		if i < 5 {
			a = said[i]
		}
		s.Want(hook, 5, 22, rig.Told{Resolved: []rig.Alert{a}, Group: a.Labels})
	}
	s.Run(26)
}

func relaunch(t *testing.T, nodes []*rig.Node) {
	t.Helper()
	for _, n := range nodes {
		n.Relaunch(t)
	}
	for _, n := range nodes {
		n.AwaitServing(t)
	}
}

// killAll is a scenario in which two alerts are told by 3 s, all nodes are
// killed at 5 s and started again at 8 s. The second alert ends at 7 s.
func killAll(t *testing.T, hook *rig.Sink) (s *rig.Scenario, stays, ends rig.Alert) {
	t.Helper()
	s = rig.NewScenario(t, rig.StartFixed(t, 3, rig.NodeOptions{Config: config(hook, routing{}), Flags: []string{shortTimeout}}))
	stays, ends = rig.A("alertname", "stays").From(1).To(3600), rig.A("alertname", "ends").From(1).To(7)
	s.Post(1, stays, ends)
	for _, a := range []rig.Alert{stays, ends} {
		s.Want(hook, 2, 3, rig.Told{Firing: []rig.Alert{a}, Group: a.Labels})
	}
	s.At(5, "kill all", func() {
		for _, n := range s.Cluster.Nodes {
			n.Kill()
		}
	})
	s.At(8, "start them again", func() { relaunch(t, s.Cluster.Nodes) })
	return s, stays, ends
}

// TestFailover kills a node with notifications due.
func TestFailover(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 0, "taking over within seconds")
	hook := rig.NewSink(t, "hook")
	s := rig.NewScenario(t, rig.StartFixed(t, 3, rig.NodeOptions{Config: config(hook, routing{})}))
	var alerts []rig.Alert
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		a := rig.A("alertname", name).From(1)
		alerts = append(alerts, a)
		// Whoever was to send, another does: the first in rank may be dead,
		// and with it the leader.
		s.Want(hook, 2, 5.5, rig.Told{Firing: []rig.Alert{a}, Group: a.Labels})
	}
	s.Post(1, alerts...)
	s.At(1.8, "kill the first node, which leads", func() { s.Cluster.Nodes[0].Kill() })
	s.Run(14)
}

// TestKilledWhileSending kills the node that has begun to send.
func TestKilledWhileSending(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 0, "taking over a notification that was begun")
	hook := rig.NewSink(t, "hook")
	begun := make(chan *rig.Message, 1)
	hook.Answer(func(try int, m *rig.Message) rig.Answer {
		if try == 1 {
			begun <- m
			return rig.Answer{After: time.Minute}
		}
		return rig.Answer{}
	})
	c := rig.StartFixed(t, 3, rig.NodeOptions{Config: config(hook, routing{})})
	c.Post(t, rig.A("alertname", "a").API(time.Now()))
	var killed time.Time
	limit := 12 * time.Second
	select {
	case m := <-begun:
		sender := c.Sender(m)
		if sender == nil {
			t.Fatalf("no node has the external URL %q", m.ExternalURL)
		}
		if leads(sender) {
			limit += 3 * time.Second // there is an election first
		}
		sender.Kill()
		killed = time.Now()
	case <-time.After(5 * time.Second):
		t.Fatal("no notification")
	}
	if !hook.Await(1, 18*time.Second) {
		t.Fatal("nobody took over")
	}
	time.Sleep(5 * time.Second)
	all := hook.Arrivals()
	if len(all) != 2 {
		t.Fatalf("the receiver was asked %d times, want twice", len(all))
	}
	if took := all[1].At.Sub(killed); took > limit {
		t.Errorf("the takeover took %v, want %v at most", took, limit)
	}
	if a, b := all[0].Header.Get("Idempotency-Key"), all[1].Header.Get("Idempotency-Key"); a != b || a == "" {
		t.Errorf("the takeover has the Idempotency-Key %q, the first try had %q, want the same", b, a)
	}
}

// leads reports whether a node's log says that it leads the cluster.
func leads(n *rig.Node) bool {
	last := false
	for _, line := range n.Log.Lines() {
		switch {
		case strings.Contains(line, "this node leads the cluster"):
			last = true
		case strings.Contains(line, "this node does not lead"):
			last = false
		}
	}
	return last
}

// TestTakesOverAlertmanagersData starts on the data folder of an Alertmanager:
// its silences hold and what it told is not told again.
func TestTakesOverAlertmanagersData(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 0, "importing")
	old := rig.NeedTool(t, "prometheus-alertmanager")
	hook := rig.NewSink(t, "hook")
	o := rig.NodeOptions{Name: "alertmanager", Dir: t.TempDir(), Config: config(hook, routing{wait: "100ms"}), Program: old}
	am := rig.StartNode(t, o)
	id := am.MustSilence(t, rig.Mute("alertname", "muted", time.Hour))
	told, muted := rig.A("alertname", "told").API(time.Now()), rig.A("alertname", "muted").API(time.Now())
	am.PostAlerts(told, muted)
	if !hook.Await(1, 5*time.Second) {
		t.Fatal("the Alertmanager did not tell")
	}
	time.Sleep(200 * time.Millisecond) // until it has noted that
	am.Terminate(t, 10*time.Second)

	o.Name, o.Program = "node", ""
	n := rig.StartNode(t, o)
	if state, err := silenceState(n, id); state != "active" {
		t.Errorf("the Alertmanager's silence is %q (%v), want it active under its ID", state, err)
	}
	n.PostAlerts(told, muted, rig.A("alertname", "new").API(time.Now()))
	time.Sleep(3 * time.Second)
	var names []string
	for _, a := range hook.Accepted() {
		names = append(names, a.Message.GroupLabels["alertname"])
	}
	if len(names) != 2 || names[1] != "new" {
		t.Errorf("the receiver was told of %v, want told and then new", names)
	}
}

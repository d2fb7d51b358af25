package e2e_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
	"tocsin/cmd/tocsin/chaos/fault"
)

// faultyStory is what happens in a test that breaks things under one of three
// servers on loopback. The servers' own network is whole.
type faultyStory struct {
	*cableStory
	dirs []string
}

// trioConfig is the usual configuration.
func trioConfig(url string) string {
	return fmt.Sprintf(`route: {receiver: hook, group_by: [alertname], group_wait: 1s, group_interval: 3s, repeat_interval: 1h}
receivers: [{name: hook, webhook_configs: [{url: %s}]}]
`, url)
}

// newFaultyStory starts three servers that tell url, which is the sink's if it
// is empty. Their data folders are dirs, or new ones.
func newFaultyStory(t *testing.T, url string, dirs ...string) *faultyStory {
	t.Helper()
	rig.SkipOracle(t, 0, "living through this")
	rig.NeedRoot(t)
	hook := rig.NewSink(t, "hook")
	if url == "" {
		url = hook.URL
	}
	c := &rig.Cluster{}
	hosts := []string{rig.Loopback(), rig.Loopback(), rig.Loopback()}
	for i, host := range hosts {
		o := rig.NodeOptions{Name: fmt.Sprintf("n%d", i+1), Config: trioConfig(url)}
		if len(dirs) > 0 {
			o.Dir = dirs[i]
		}
		o.Flags = []string{
			"--web.listen-address=" + host + ":9093", "--cluster.listen-address=" + host + ":9094",
			"--web.external-url=http://" + o.Name + ".test/", "--cluster.peer-name=" + o.Name, "--cluster.peer-timeout=3s",
		}
		for _, other := range hosts[:i] {
			o.Flags = append(o.Flags, "--cluster.peer="+other+":9094")
		}
		c.Nodes = append(c.Nodes, rig.StartNode(t, o))
		c.AwaitMembers(t, i+1, 10*time.Second)
	}
	c.AwaitVoters(t, len(hosts), 10*time.Second)
	s := &cableStory{t: t, hook: hook, c: c, zero: time.Now()}
	return &faultyStory{cableStory: s, dirs: dirs}
}

// nodeState is what a server says of itself and of the cluster.
type nodeState struct {
	Node struct {
		State   string `json:"state"`
		Storage string `json:"storage_error"`
	} `json:"node"`
	Cluster struct {
		Leader *struct {
			Name string `json:"name"`
		} `json:"leader"`
	} `json:"cluster"`
	Peers []struct {
		Self     bool `json:"self"`
		Alive    bool `json:"alive"`
		Degraded bool `json:"degraded"`
	} `json:"peers"`
}

// othersAreWell: it has heard from all others that they have a quorum.
func (st nodeState) othersAreWell() bool {
	for _, p := range st.Peers {
		if !p.Self && (!p.Alive || p.Degraded) {
			return false
		}
	}
	return len(st.Peers) > 1
}

func (s *faultyStory) state(n *rig.Node) (out nodeState, ok bool) {
	r := n.Get("/api/tocsin/v1/status")
	return out, r.Code == 200 && json.Unmarshal([]byte(r.Body), &out) == nil
}

// leads is the node that a node takes for the leader; nil if there is none.
func (s *faultyStory) leads(asked *rig.Node) *rig.Node {
	st, ok := s.state(asked)
	if !ok || st.Cluster.Leader == nil {
		return nil
	}
	i := slices.IndexFunc(s.c.Nodes, func(n *rig.Node) bool { return n.Name == st.Cluster.Leader.Name })
	if i < 0 {
		return nil
	}
	return s.c.Nodes[i]
}

// pick is the leader, or one that is not.
func (s *faultyStory) pick(leader bool) *rig.Node {
	s.t.Helper()
	var found *rig.Node
	s.within(10*time.Second, "a leader", func() bool { found = s.leads(s.c.Nodes[0]); return found != nil })
	if found == nil {
		s.t.FailNow()
	}
	if leader {
		return found
	}
	return s.others(found)[0]
}

// others are all nodes but one.
func (s *faultyStory) others(n *rig.Node) []*rig.Node {
	return slices.DeleteFunc(slices.Clone(s.c.Nodes), func(m *rig.Node) bool { return m == n })
}

// within waits until something holds.
func (s *faultyStory) within(limit time.Duration, what string, check func() bool) {
	s.t.Helper()
	began := time.Now()
	if !rig.Eventually(limit, 50*time.Millisecond, check) {
		s.t.Errorf("%s: not within %v", what, limit)
		return
	}
	s.t.Logf("%s: after %.1f s", what, time.Since(began).Seconds())
}

// pause stops nodes until the returned function is called.
func (s *faultyStory) pause(nodes ...*rig.Node) (resume func()) {
	s.t.Helper()
	for _, n := range nodes {
		if err := fault.Pause(n.PID()); err != nil {
			s.t.Error(err)
		}
	}
	resume = func() {
		for _, n := range nodes {
			if n.Running() {
				_ = fault.Resume(n.PID()) // a test that goes on tells otherwise
			}
		}
	}
	s.t.Cleanup(resume)
	return resume
}

// well waits until every node is in the cluster and not degraded.
func (s *faultyStory) well(limit time.Duration) {
	s.t.Helper()
	s.within(limit, "all nodes are well again", func() bool {
		return !slices.ContainsFunc(s.c.Nodes, func(n *rig.Node) bool {
			st, ok := s.state(n)
			v, known := n.Metric("tocsin_degraded")
			return !ok || st.Node.Storage != "" || st.Cluster.Leader == nil || !known || v != 0
		})
	})
}

// once checks that each of the groups was told exactly once as it stands, and
// once before if it has ended.
func (s *faultyStory) once(status string, names ...string) {
	s.t.Helper()
	for _, name := range names {
		var seen []string
		for _, a := range s.of(name) {
			seen = append(seen, a.Message.Status)
		}
		want := []string{"firing"}
		if status == "resolved" {
			want = append(want, "resolved")
		}
		if !slices.Equal(seen, want) {
			s.t.Errorf("%s was told as %v, want %v", name, seen, want)
		}
	}
}

// possible ends the test if a fault cannot be made on this machine.
func possible(t *testing.T, err error) {
	t.Helper()
	rig.Need(t, err == nil, fmt.Sprint(err))
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

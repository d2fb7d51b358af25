package e2e_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
)

// TestCutCable cuts one node of three off from the other two. Both sides page;
// the lonely one says that it is degraded; what both tell has one delivery ID;
// after the cable is back all is told once.
func TestCutCable(t *testing.T) {
	t.Parallel()
	s := newCableStory(t, "c", "198.51.101")
	l, c := s.lan, s.c

	s.post("before", c.Nodes...)
	s.told("before", 3*time.Second, 1, 1)
	time.Sleep(time.Second) // until all nodes know that it was told
	l.cut("n3", "n1")
	l.cut("n3", "n2")
	s.post("during", c.Nodes...)
	s.post("lonely", c.Nodes[2])
	s.told("during", 5*time.Second, 1, 2)
	s.told("lonely", 15*time.Second, 1, 1)
	id := c.Nodes[0].MustSilence(t, rig.Mute("alertname", "other", time.Hour))
	s.lonelyOne(c.Nodes[2])
	time.Sleep(5 * time.Second)

	l.heal()
	s.noLongerLonely(c.Nodes[2])
	// Prometheus repeats what fires, to all that it reaches.
	s.post("lonely", c.Nodes...)
	s.healed(id)
	time.Sleep(5 * time.Second) // two turns of the groups
	s.told("before", 0, 1, 1)
	s.told("during", 0, 1, 2)
	s.told("lonely", 0, 1, 1)
	for _, name := range []string{"before", "during", "lonely"} {
		s.resolve(name)
		s.told(name, 8*time.Second, 2, 3)
	}
	time.Sleep(5 * time.Second)
	s.sameIDs("during")
	s.sameIDs("lonely")
	c.AwaitAgreement(t, 5*time.Second)
}

// TestCutAgainAfterRestart cuts one node off, heals, starts it again, and cuts it
// off again: what it tells alone the second time is known to the others after
// the second healing too, and what both sides tell still has one delivery ID.
func TestCutAgainAfterRestart(t *testing.T) {
	t.Parallel()
	s := newCableStory(t, "d", "198.51.103")
	lonely := s.c.Nodes[2]
	for round := 1; round <= 2; round++ {
		both, alone := fmt.Sprint("both", round), fmt.Sprint("alone", round)
		s.lan.cut("n3", "n1")
		s.lan.cut("n3", "n2")
		time.Sleep(10 * time.Second) // until it is degraded, and gossip has given up the others
		s.post(both, s.c.Nodes...)
		s.post(alone, lonely)
		s.told(both, 10*time.Second, 2, 2) // by either side
		s.told(alone, 10*time.Second, 1, 1)
		s.lan.heal()
		s.noLongerLonely(lonely)
		s.post(alone, s.c.Nodes...)
		time.Sleep(5 * time.Second) // two turns of the groups
		s.told(alone, 0, 1, 1)
		s.told(both, 0, 2, 2)
		s.sameIDs(both)
		if round == 1 {
			lonely.Terminate(t, 15*time.Second)
			lonely.Restart(t)
			s.c.AwaitMembers(t, 3, 15*time.Second)
			s.post("both1", lonely) // Prometheus repeats what fires
			s.post("alone1", lonely)
			time.Sleep(3 * time.Second)
		}
	}
	for name, times := range map[string]int{"alone1": 1, "alone2": 1, "both1": 2, "both2": 2} {
		s.told(name, 0, times, times)
	}
	s.c.AwaitAgreement(t, 5*time.Second)
}

// cableStory is what happens in a test that cuts cables.
type cableStory struct {
	t    *testing.T
	lan  *lan
	hook *rig.Sink
	c    *rig.Cluster
	zero time.Time
}

// newCableStory starts three servers on a network of their own.
func newCableStory(t *testing.T, name, prefix string) *cableStory {
	t.Helper()
	rig.SkipOracle(t, 0, "knowing that it is cut off")
	l := newLAN(t, name, prefix)
	hook := rig.NewSinkAt(t, "hook", l.addr(1)+":0")
	c := trio(t, l, fmt.Sprintf(`route: {receiver: hook, group_by: [alertname], group_wait: 1s, group_interval: 2s, repeat_interval: 1h}
receivers: [{name: hook, webhook_configs: [{url: %s}]}]
`, hook.URL), "--cluster.peer-timeout=3s")
	return &cableStory{t: t, lan: l, hook: hook, c: c, zero: time.Now()}
}

func (s *cableStory) alert(name string) rig.Alert {
	return rig.A("alertname", name).From(0)
}

func (s *cableStory) post(name string, to ...*rig.Node) {
	s.t.Helper()
	for _, n := range to {
		if r := n.PostAlerts(s.alert(name).API(s.zero)); r.Code != http.StatusOK {
			s.t.Errorf("POST %s to %s: %v", name, n.Name, r)
		}
	}
}

func (s *cableStory) resolve(name string) {
	s.t.Helper()
	end := time.Since(s.zero).Seconds()
	for _, n := range s.c.Nodes {
		if r := n.PostAlerts(s.alert(name).To(end).API(s.zero)); r.Code != http.StatusOK {
			s.t.Errorf("POST end of %s to %s: %v", name, n.Name, r)
		}
	}
}

// of are the notifications of one group.
func (s *cableStory) of(name string) []rig.Arrival {
	var out []rig.Arrival
	for _, a := range s.hook.Accepted() {
		if a.Message.GroupLabels["alertname"] == name {
			out = append(out, a)
		}
	}
	return out
}

// told waits for at least least notifications of a group; there may be most.
func (s *cableStory) told(name string, limit time.Duration, least, most int) {
	s.t.Helper()
	rig.Eventually(limit, 20*time.Millisecond, func() bool { return len(s.of(name)) >= least })
	if n := len(s.of(name)); n < least || n > most {
		s.t.Errorf("%s was told %d times by now, want %d to %d", name, n, least, most)
	}
}

// lonelyOne checks what the cut-off node says of itself.
func (s *cableStory) lonelyOne(n *rig.Node) {
	s.t.Helper()
	if v, ok := n.Metric("tocsin_degraded"); !ok || v != 1 {
		s.t.Errorf("tocsin_degraded of %s is %v (%v) while it is cut off, want 1", n.Name, v, ok)
	}
	if _, r := n.PutSilence(rig.Mute("a", "b", time.Hour)); r.Code != http.StatusServiceUnavailable {
		s.t.Errorf("POST silence to the cut-off node: %v, want 503", r)
	}
	for _, other := range s.c.Nodes[:2] {
		if v, ok := other.Metric("tocsin_degraded"); !ok || v != 0 {
			s.t.Errorf("tocsin_degraded of %s is %v (%v), want 0: it has a majority", other.Name, v, ok)
		}
	}
}

// noLongerLonely waits until the node that was cut off is no longer degraded,
// and has told the others what it sent meanwhile.
func (s *cableStory) noLongerLonely(n *rig.Node) {
	s.t.Helper()
	ok := rig.Eventually(20*time.Second, 100*time.Millisecond, func() bool {
		v, ok := n.Metric("tocsin_degraded")
		return ok && v == 0
	})
	if !ok {
		s.t.Errorf("%s is still degraded 20 s after the cable is back", n.Name)
	}
	time.Sleep(2 * time.Second)
}

// healed waits until all nodes are of one mind again.
func (s *cableStory) healed(silence string) {
	s.t.Helper()
	for _, n := range s.c.Nodes {
		ok := rig.Eventually(30*time.Second, 200*time.Millisecond, func() bool {
			v, _ := n.Metric("tocsin_degraded")
			_, err := n.Silence(silence)
			list, aerr := n.Alerts()
			return v == 0 && err == nil && aerr == nil && len(list) == 3
		})
		if !ok {
			s.t.Errorf("%s has not caught up 30 s after the cable is back", n.Name)
		}
	}
}

// sameIDs checks that messages which both sides sent have one ID for the same
// content.
func (s *cableStory) sameIDs(name string) {
	s.t.Helper()
	ids := map[string]string{}
	for _, a := range s.of(name) {
		id := a.Header.Get("Idempotency-Key")
		if first, ok := ids[a.Message.Status]; ok && first != id {
			s.t.Errorf("%s was told as %s under the IDs %q and %q, want one", name, a.Message.Status, first, id)
		}
		ids[a.Message.Status] = id
	}
}

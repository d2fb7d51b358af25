package e2e_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
	"tocsin/cmd/tocsin/chaos/fault"
)

// TestClockSteps sets the wall clock of one node of three forward and back by an
// hour, of the leader and of another, and then right again. Nothing is missed,
// told twice, or told as resolved while it fires, and a silence goes on (I16).
func TestClockSteps(t *testing.T) {
	t.Parallel()
	s := newFaultyStory(t, "")
	mute := rig.Mute("alertname", "muted", 30*time.Minute)
	s.c.Nodes[0].MustSilence(t, mute)
	s.repeat("steady", "muted")
	s.told("steady", 5*time.Second, 1, 1)
	var names []string
	for i, step := range []struct {
		leader bool
		offset time.Duration
	}{{false, time.Hour}, {true, -time.Hour}, {true, time.Hour}, {false, -time.Hour}} {
		victim := s.pick(step.leader)
		t.Logf("the clock of %s (leader: %v) by %v", victim.Name, step.leader, step.offset)
		clock, err := fault.OpenClock(victim.PID())
		possible(t, err)
		possible(t, clock.Step(step.offset))
		names = append(names, s.throughStep(fmt.Sprint("stepped", i), victim))
		noError(t, clock.Step(0))
		names = append(names, s.throughStep(fmt.Sprint("right", i), victim))
	}
	time.Sleep(4 * time.Second)
	s.once("resolved", names...)
	s.once("firing", "steady")
	if n := len(s.of("muted")); n > 0 {
		t.Errorf("what is silenced was told %d times", n)
	}
	s.c.AwaitAgreement(t, 10*time.Second)
}

// throughStep lets an alert come and go that only the node hears of whose clock
// was set.
func (s *faultyStory) throughStep(name string, victim *rig.Node) string {
	s.t.Helper()
	s.repeat("steady", "muted")
	began := time.Now()
	now := time.Since(s.zero).Seconds()
	if r := victim.PostAlerts(rig.A("alertname", name).From(now).API(s.zero)); r.Code != http.StatusOK {
		s.t.Errorf("POST %s: %v", name, r)
	}
	// The group wait, and one interval at most.
	s.told(name, 6*time.Second, 1, 1)
	s.t.Logf("%s: told after %.1f s", name, time.Since(began).Seconds())
	s.resolve(name)
	s.told(name, 8*time.Second, 2, 2)
	return name
}

// repeat posts alerts that fire, without saying until when: each node adds what
// its clock and the configuration say.
func (s *faultyStory) repeat(names ...string) {
	s.t.Helper()
	for _, name := range names {
		s.post(name, s.c.Nodes...)
	}
}

package app_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// isolate cuts every node off from every other; all reach the receiver.
func (l *lab) isolate() {
	for i, n := range l.nodes {
		l.cutOff(n, l.nodes[:i])
	}
}

// cutOff cuts one node off from others.
func (l *lab) cutOff(n *labNode, others []*labNode) {
	for _, o := range others {
		if o != n {
			l.net.Split([]string{n.ip}, []string{o.ip})
		}
	}
}

// story is what a test fires and ends, each alert a group of its own.
type story struct {
	*lab
	at map[string]time.Time // when its last state was told to the nodes
}

func newStory(l *lab) *story { return &story{lab: l, at: make(map[string]time.Time)} }

func (s *story) fires(name string) {
	s.at[name+"/firing"] = time.Now()
	s.post(fmt.Sprintf(`{"alertname":%q}`, name), time.Now().Add(2*time.Hour))
}

func (s *story) ends(name string) {
	s.at[name+"/resolved"] = time.Now()
	s.post(fmt.Sprintf(`{"alertname":%q}`, name), time.Now().Add(-time.Millisecond))
}

// told checks that a state was told between least and most times, always with the
// same delivery ID, and returns how long after it began it was told first.
func (s *story) told(name, status string, least, most int) time.Duration {
	s.t.Helper()
	got := s.inbox.about(name, status)
	if len(got) < least || len(got) > most {
		s.t.Errorf("%s %s was told %d times, want %d to %d", name, status, len(got), least, most)
	}
	var first time.Duration
	for i, p := range got {
		if p.ID == "" || p.ID != got[0].ID {
			s.t.Errorf("%s %s: delivery IDs %q and %q (I3)", name, status, got[0].ID, p.ID)
		}
		if d := p.At.Sub(s.at[name+"/"+status]); i == 0 || d < first {
			first = d
		}
	}
	return first
}

// within checks the first telling's delay beyond the group wait, or the cut.
func (s *story) within(name string, got, limit time.Duration) {
	s.t.Helper()
	s.t.Logf("%s was told after %v", name, got)
	if got > limit {
		s.t.Errorf("%s was told after %v, want at most %v", name, got, limit)
	}
}

const labWait = 2 * time.Second

// TestEveryNodeAlone: every island tells once, all with the same delivery IDs, and
// nobody anything again once they are together.
func TestEveryNodeAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStory(newLab(t, 3))
		s.fires("Before")
		time.Sleep(40 * time.Second)
		s.isolate()
		cut := time.Now()
		time.Sleep(time.Second)
		s.fires("Early")
		time.Sleep(24 * time.Second)
		s.fires("Late")
		time.Sleep(60 * time.Second)
		s.ends("Early")
		time.Sleep(60 * time.Second)
		s.told("Before", "firing", 1, 1)
		s.within("Early", s.told("Early", "firing", 1, 3)+s.at["Early/firing"].Sub(cut), 19*time.Second)
		s.within("Late", s.told("Late", "firing", 1, 3), labWait+500*time.Millisecond)
		s.told("Early", "resolved", 1, 3)
		for _, n := range s.nodes {
			if n.DegradedSince().Before(cut) {
				t.Errorf("%s does not say that it is degraded", n.ip)
			}
		}
		s.net.Heal()
		healed := time.Now()
		within(t, time.Minute, "overlays are merged and states are equal", s.settled)
		time.Sleep(3 * time.Minute)
		s.nothingSince(healed)
		s.ends("Late")
		time.Sleep(time.Minute)
		s.told("Late", "resolved", 1, 1)
	})
}

// nothingSince checks that nothing was told since.
func (s *story) nothingSince(at time.Time) {
	s.t.Helper()
	s.inbox.mu.Lock()
	defer s.inbox.mu.Unlock()
	for _, p := range s.inbox.got {
		if p.At.After(at) {
			s.t.Errorf("told %v after the heal: %s %s (%s)", p.At.Sub(at), p.Status, p.GroupKey, p.Reason)
		}
	}
}

// TestCutsThatHealSoon: a cut that heals within fifteen seconds, and one that comes and
// goes, is told by nobody twice.
func TestCutsThatHealSoon(t *testing.T) {
	for _, whom := range []string{"leader", "follower", "all"} {
		for _, lasts := range []time.Duration{15 * time.Second, 12 * time.Second, 4 * time.Second} {
			if whom == "all" && lasts < 10*time.Second {
				continue
			}
			t.Run(fmt.Sprintf("%s %v", whom, lasts), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { shortCuts(t, whom, lasts) })
			})
		}
	}
}

func shortCuts(t *testing.T, whom string, lasts time.Duration) {
	s := newStory(newLab(t, 3))
	time.Sleep(10 * time.Second)
	n := 0
	fire := func() {
		s.fires(fmt.Sprintf("A%d", n))
		n++
	}
	for round := time.Duration(0); round < 36*time.Second; round += lasts + 6*time.Second {
		leader, others := s.leader()
		switch {
		case whom == "all":
			s.isolate()
		case whom == "leader" && leader != nil:
			s.cutOff(leader, s.nodes)
		default:
			s.cutOff(others[0], s.nodes)
		}
		for range lasts / (2 * time.Second) {
			fire()
			time.Sleep(2 * time.Second)
		}
		s.net.Heal()
		fire()
		time.Sleep(6 * time.Second)
	}
	time.Sleep(2 * time.Minute)
	for i := range n {
		s.told(fmt.Sprintf("A%d", i), "firing", 1, 1)
	}
}

// TestLongCut: the majority tells without delay, the island once more with the
// same delivery ID, and nobody again when it is over.
func TestLongCut(t *testing.T) {
	for _, whom := range []string{"leader", "follower"} {
		t.Run(whom, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStory(newLab(t, 3))
				time.Sleep(10 * time.Second)
				cut, others := s.leader()
				if whom == "follower" {
					cut = others[0]
				}
				s.cutOff(cut, s.nodes)
				time.Sleep(5 * time.Second)
				for i := range 12 {
					s.fires(fmt.Sprintf("A%d", i))
					time.Sleep(2 * time.Second)
				}
				time.Sleep(40 * time.Second)
				for i := range 6 {
					s.ends(fmt.Sprintf("A%d", i))
				}
				time.Sleep(2 * time.Minute)
				for i := range 12 {
					name := fmt.Sprintf("A%d", i)
					s.within(name, s.told(name, "firing", 1, 2), labWait+1500*time.Millisecond)
					if i < 6 {
						s.told(name, "resolved", 1, 2)
					}
				}
				s.net.Heal()
				healed := time.Now()
				within(t, time.Minute, "overlays are merged and states are equal", s.settled)
				time.Sleep(3 * time.Minute)
				s.nothingSince(healed)
			})
		})
	}
}

// TestRaftBlockedGossipOpen: without Raft, but in sight of each other, one of the
// nodes tells.
func TestRaftBlockedGossipOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStory(newLab(t, 3))
		time.Sleep(10 * time.Second)
		for i, n := range s.nodes {
			for _, o := range s.nodes[:i] {
				s.net.Block(n.ip, o.ip, raftPort)
			}
		}
		time.Sleep(25 * time.Second)
		for i := range 6 {
			s.fires(fmt.Sprintf("A%d", i))
		}
		time.Sleep(2 * time.Minute)
		for i := range 6 {
			name := fmt.Sprintf("A%d", i)
			s.within(name, s.told(name, "firing", 1, 1), labWait+500*time.Millisecond)
		}
		s.net.Heal()
		healed := time.Now()
		within(t, time.Minute, "overlays are merged and states are equal", s.settled)
		time.Sleep(3 * time.Minute)
		s.nothingSince(healed)
	})
}

// TestDeadFirstRank: I12.
func TestDeadFirstRank(t *testing.T) {
	for whom, limit := range map[string]time.Duration{"follower": 1500 * time.Millisecond, "leader": 3 * time.Second} {
		t.Run(whom, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStory(newLab(t, 3))
				time.Sleep(10 * time.Second)
				dead, others := s.leader()
				if whom == "follower" {
					dead = others[0]
				}
				// They are due at the moment of its death.
				for i := range 12 {
					s.fires(fmt.Sprintf("A%d", i))
				}
				time.Sleep(labWait - time.Millisecond)
				s.net.Kill(dead.ip)
				time.Sleep(time.Minute)
				for i := range 12 {
					name := fmt.Sprintf("A%d", i)
					s.within(name, s.told(name, "firing", 1, 1), labWait+limit)
				}
			})
		})
	}
}

// TestKilledHoldingTheClaim: I12, also where the claim's holder led Raft.
func TestKilledHoldingTheClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStory(newLab(t, 3))
		time.Sleep(10 * time.Second)
		// A send takes a second, in which it can be interrupted.
		for _, n := range s.nodes {
			s.net.Delay(n.ip, "10.0.0.100", 500*time.Millisecond)
		}
		s.fires("A")
		var holder string
		within(t, 10*time.Second, "somebody claims", func() bool {
			for e := range s.nodes[0].Machine().View().Claims() {
				holder = string(e.Claim.Node)
			}
			return holder != ""
		})
		for _, n := range s.nodes {
			if string(n.Cluster().ID()) == holder {
				s.net.Kill(n.ip)
			}
		}
		time.Sleep(time.Minute)
		if got := s.inbox.about("A", "firing"); len(got) == 0 || len(got) > 2 {
			t.Errorf("told %d times", len(got))
		} else if d := got[len(got)-1].At.Sub(s.at["A/firing"]); d > labWait+12*time.Second+time.Second { // the send itself takes the last one
			t.Errorf("told after %v", d)
		} else if strings.TrimSpace(got[0].ID) != got[len(got)-1].ID {
			t.Errorf("delivery IDs %q and %q (I3)", got[0].ID, got[len(got)-1].ID)
		}
	})
}

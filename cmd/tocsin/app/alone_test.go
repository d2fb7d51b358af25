package app_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestToldAloneAndHealed: what a node that was cut off heard and told alone, the
// others hear from it when the cut is over. They learn that it was told before
// they learn of the alert, so it is told once.
func TestToldAloneAndHealed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStory(newLab(t, 3))
		leader, others := s.leader()
		lonely := others[0]
		for round := range 3 {
			s.cutOff(lonely, s.nodes)
			time.Sleep(20 * time.Second)
			name := "Alone" + string(rune('A'+round))
			s.postTo(lonely, name, time.Now(), time.Now().Add(time.Hour))
			time.Sleep(10 * time.Second)
			if got := s.inbox.about(name, "firing"); len(got) != 1 {
				t.Fatalf("alone it was told %d times, want once", len(got))
			}
			// One link comes back before the other: alerts pass it at once, but
			// the overlay cannot be merged yet.
			s.net.Heal()
			s.cutOff(lonely, []*labNode{leader})
			time.Sleep(20 * time.Second)
			s.net.Heal()
			within(t, 30*time.Second, "overlays are merged and states are equal", s.settled)
			time.Sleep(time.Minute)
			if got := s.inbox.about(name, "firing"); len(got) != 1 {
				t.Errorf("after the heal it was told %d times, want once: %+v", len(got), got)
			}
			if !slices.Contains(leader.names(t), name) {
				t.Error("the others do not have the alert")
			}
		}
	})
}

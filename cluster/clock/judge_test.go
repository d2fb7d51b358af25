package clock_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/cluster/clock"
)

const (
	s = clock.Base(time.Second)
	h = clock.Base(time.Hour)
)

func votes(bases ...clock.Base) []clock.Vote {
	var out []clock.Vote
	for _, b := range bases {
		out = append(out, clock.Vote{Wall: b, Believed: b})
	}
	return out
}

func sure(b clock.Base) clock.Belief { return clock.Belief{Base: b, Sure: true} }

func TestJudge(t *testing.T) {
	corrected := clock.Belief{Base: 0, Sure: true, Corrected: true}
	for _, c := range []struct {
		name      string
		given     clock.Evidence
		base      clock.Base
		corrected bool
		sure      bool
	}{
		{"alone in its cluster, set", clock.Evidence{Own: h, Voters: 1}, h, false, false},
		{"alone in its cluster, sure before the others left it", clock.Evidence{Own: h, Voters: 1, Before: sure(0)}, h, false, false},
		{"waiting, nobody in sight", clock.Evidence{Own: h}, h, false, false},
		{"three agree", clock.Evidence{Own: s, Heard: votes(0, 2*s), Voters: 3}, s, false, true},
		{"a little off", clock.Evidence{Own: 4 * s, Heard: votes(0, 0), Voters: 3}, 4 * s, false, true},
		{"far off", clock.Evidence{Own: h, Heard: votes(0, s), Voters: 3}, s, true, true},
		{"far off, behind", clock.Evidence{Own: -h, Heard: votes(0, s), Voters: 3}, 0, true, true},
		{"far off from the first", clock.Evidence{Own: h, Heard: votes(0, s), Voters: 3, Before: clock.Belief{Base: h}}, s, true, true},
		{"another is far off", clock.Evidence{Own: 0, Heard: votes(h, s), Voters: 3}, 0, false, true},
		{"all differ", clock.Evidence{Own: -h, Heard: votes(0, h), Voters: 3}, 0, true, false},
		{"corrected and almost back", clock.Evidence{Own: 4 * s, Heard: votes(0, 0), Voters: 3, Before: corrected}, 0, true, true},
		{"corrected and back", clock.Evidence{Own: 2 * s, Heard: votes(0, 0), Voters: 3, Before: corrected}, 2 * s, false, true},
		{"corrected, the median trembles", clock.Evidence{Own: h, Heard: votes(s/4, s/3), Voters: 3, Before: corrected}, 0, true, true},
		{"two of five heard", clock.Evidence{Own: h, Heard: votes(0, 0), Voters: 5}, 0, true, false},
		{"four of five, two against two", clock.Evidence{Own: 0, Heard: votes(0, h, h), Voters: 5, Before: sure(0)}, 0, false, true},
		{"three of seven, set", clock.Evidence{Own: h, Heard: votes(0, h), Voters: 7, Before: sure(0)}, 0, true, true},

		{"one other heard, never sure", clock.Evidence{Own: h, Heard: votes(0), Voters: 3}, h, false, false},
		{"one other heard, agrees", clock.Evidence{Own: s, Heard: votes(0), Voters: 3}, s, false, true},
		{"one other heard, set", clock.Evidence{Own: h, Heard: votes(0), Voters: 3, Before: sure(0)}, 0, true, true},
		{"one other heard, which was set", clock.Evidence{Own: 0, Heard: votes(h), Voters: 3, Before: sure(0)}, 0, false, true},
		{"one other heard, both moved: this machine slept", clock.Evidence{Own: h, Heard: votes(h), Voters: 3, Before: sure(0)}, h, false, true},
		{
			"restarted with a wrong clock, the other is sure",
			clock.Evidence{Own: h, Heard: []clock.Vote{{Wall: 0, Believed: 0, Sure: true}}, Voters: 3},
			0, true, false,
		},
		{
			"restarted, the other is sure and knows its own clock is wrong",
			clock.Evidence{Own: s, Heard: []clock.Vote{{Wall: h, Believed: 0, Sure: true}}, Voters: 3},
			s, false, false,
		},
		{"two voters, set", clock.Evidence{Own: h, Heard: votes(0), Voters: 2, Before: sure(0)}, 0, true, true},

		{"nobody heard", clock.Evidence{Own: s, Voters: 3, Before: sure(0)}, s, false, true},
		{"nobody heard, set", clock.Evidence{Own: h, Voters: 3, Before: sure(0), Passed: 2 * time.Second}, 0, true, true},
		{"nobody heard, set, never sure", clock.Evidence{Own: h, Voters: 3, Before: clock.Belief{Base: 0}}, h, false, false},
		{"nobody heard for days, corrected before", clock.Evidence{Own: h, Voters: 3, Before: corrected, Passed: 50 * time.Hour}, 0, true, true},
		{
			"nobody heard for hours, set meanwhile",
			clock.Evidence{Own: h, Voters: 3, Before: clock.Belief{Sure: true, Corrected: true, Alone: 6 * time.Hour}, Passed: time.Second},
			h, false, false,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := clock.Judge(c.given)
			if got.Base != c.base || got.Corrected != c.corrected || got.Sure != c.sure {
				t.Errorf("goes by %v, corrected %v, sure %v; want %v, %v, %v",
					time.Duration(got.Base), got.Corrected, got.Sure, time.Duration(c.base), c.corrected, c.sure)
			}
		})
	}
}

// TestJudgeFollowsTheTruth: as long as fewer than half of the clocks are wrong,
// by whatever and changing as they may, every node whose clock was right once
// stays within the tolerance, whomever it hears (I16).
func TestJudgeFollowsTheTruth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.SampledFrom([]int{3, 5}).Draw(t, "size")
		wrong := rapid.IntRange(0, (size-1)/2).Draw(t, "wrong")
		jitter := rapid.Custom(func(t *rapid.T) clock.Base {
			return clock.Base(rapid.Int64Range(int64(-s/2), int64(s/2)).Draw(t, "jitter"))
		})
		walls := make([]clock.Base, size)
		beliefs := make([]clock.Verdict, size)
		for i := range walls {
			walls[i] = jitter.Draw(t, "wall")
			beliefs[i].Base = walls[i]
		}
		look := func(i int, hears func(j int) bool) {
			e := clock.Evidence{Own: walls[i], Voters: size, Before: beliefs[i].Belief, Passed: 2 * time.Second}
			for j := range walls {
				if j != i && hears(j) {
					e.Heard = append(e.Heard, clock.Vote{Wall: walls[j], Believed: beliefs[j].Base, Sure: beliefs[j].Sure})
				}
			}
			beliefs[i] = clock.Judge(e)
		}
		for i := range walls {
			look(i, func(int) bool { return true })
		}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			for j := range wrong {
				if rapid.Bool().Draw(t, "set") {
					walls[j] = clock.Base(rapid.Int64Range(int64(-2*h), int64(2*h)).Draw(t, "to"))
				}
			}
			i := rapid.IntRange(0, size-1).Draw(t, "node")
			deaf := rapid.IntRange(0, 1<<size-1).Draw(t, "deaf")
			// Of the clocks that it hears, those that are wrong are fewer than
			// the others, its own and its past among them.
			look(i, func(j int) bool { return j >= wrong || deaf&(1<<j) == 0 && deaf&(1<<(size-1)) == 0 })
			look(i, func(j int) bool { return deaf&(1<<j) == 0 && j >= wrong })
			if off := time.Duration(beliefs[i].Base).Abs(); off > clock.Tolerance+time.Second {
				t.Fatalf("node %d of %d is off by %v: %+v", i, size, off, beliefs[i])
			}
		}
	})
}

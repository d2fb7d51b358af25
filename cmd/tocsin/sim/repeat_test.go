package sim_test

import (
	"flag"
	"strings"
	"testing"
)

var simRepeats = flag.Int("sim.repeats", 25, "how many seeds TestRepeats runs")

// TestRepeats: a seed gives the same run to the letter each time, wherever things
// are in memory, and with the nodes' logs as without them.
func TestRepeats(t *testing.T) {
	if !exact {
		t.Skip("only the binary of cmd/tocsin/sim/build repeats a run: make sim")
	}
	differ := 0
	for seed := *simFirst; seed < *simFirst+uint64(*simRepeats); seed++ {
		s := scheduleOf(seed)
		first := inChild(t, 0, s, stepFlags(0)...).transcript
		for i, flags := range [][]string{nil, {"-sim.shift=3"}, {"-sim.shift=40", "-sim.log"}} {
			again := inChild(t, 0, s, append(stepFlags(i+1), flags...)...).transcript
			if len(flags) == 2 {
				again = withoutLogs(again)
			}
			if a, b, at := parting(first, again); at > 0 {
				differ++
				t.Errorf("seed %d with %v: line %d is\n%s\nand was\n%s", seed, flags, at, b, a)
				break
			}
		}
	}
	t.Logf("%d of %d seeds repeat to the letter", *simRepeats-differ, *simRepeats)
}

// parting is the first line in which two texts differ, and its number; 0 if none
// does.
func parting(a, b string) (lineOfA, lineOfB string, number int) {
	if a == b {
		return "", "", 0
	}
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range max(len(as), len(bs)) {
		x, y := "(nothing)", "(nothing)"
		if i < len(as) {
			x = as[i]
		}
		if i < len(bs) {
			y = bs[i]
		}
		if x != y {
			return x, y, i + 1
		}
	}
	return "", "", 0
}

// withoutLogs is a transcript without the lines that the nodes logged.
func withoutLogs(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "t=") {
			b.WriteString(line)
		}
	}
	return b.String()
}

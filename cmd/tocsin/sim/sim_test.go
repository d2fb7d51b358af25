package sim_test

import (
	"flag"
	"fmt"
	"math/rand"
	"os"
	"runtime/debug"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var (
	simSeed  = flag.Uint64("sim.seed", 0, "run only this seed")
	simRuns  = flag.Int("sim.runs", 20, "how many seeds to run")
	simFirst = flag.Uint64("sim.first", 1, "the first seed")
	simNodes = flag.Int("sim.nodes", 0, "how many nodes there are; 0: 3 to 5")
	simLog   = flag.Bool("sim.log", false, "print the transcript with the nodes' logs")
	simKeep  = flag.Bool("sim.keep", false, "go on after a failing seed")
)

// scheduleOf is the schedule of a seed.
func scheduleOf(seed uint64) schedule {
	return rapid.Custom(func(t *rapid.T) schedule { return drawSchedule(t, *simNodes) }).Example(int(seed))
}

func TestSimulation(t *testing.T) {
	debug.SetGCPercent(400)
	if *simSeed != 0 {
		replay(t, *simSeed)
		return
	}
	began := time.Now()
	failed := 0
	for seed := *simFirst; seed < *simFirst+uint64(*simRuns); seed++ {
		s := scheduleOf(seed)
		rand.Seed(int64(s.Seed))
		out := run(t, s, false)
		if len(out.violations) == 0 {
			continue
		}
		failed++
		t.Errorf("seed %d: -sim.seed=%d\n\t%v", seed, seed, out.violations)
		if !*simKeep {
			report(t, s, out)
			break
		}
	}
	t.Logf("%d runs, %d failed, %v each", *simRuns, failed, time.Since(began)/time.Duration(*simRuns))
}

func report(t *testing.T, s schedule, out outcome) {
	fails := func(s schedule) bool {
		for _, v := range run(t, s, false).violations {
			if v.rule == out.violations[0].rule {
				return true
			}
		}
		return false
	}
	small := s.smaller(fails, 60)
	t.Logf("the smallest schedule that fails:\n%v\n%s", small, run(t, small, *simLog).transcript)
}

func replay(t *testing.T, seed uint64) {
	s := scheduleOf(seed)
	rand.Seed(int64(s.Seed))
	out := run(t, s, *simLog)
	fmt.Fprintf(os.Stdout, "%v\n%s\n", s, out.transcript)
	for _, v := range out.violations {
		t.Error(v)
	}
}

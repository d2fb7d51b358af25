package sim_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var (
	simSeed   = flag.Uint64("sim.seed", 0, "run only this seed")
	simRuns   = flag.Int("sim.runs", 20, "how many seeds to run")
	simFirst  = flag.Uint64("sim.first", 1, "the first seed")
	simNodes  = flag.Int("sim.nodes", 0, "how many nodes there are; 0: 3 to 5")
	simMenu   = flag.String("sim.menu", "", "the only faults to draw, with commas between; all if empty")
	simLog    = flag.Bool("sim.log", false, "print the transcript with the nodes' logs")
	simProcs  = flag.Int("sim.procs", 1, "how many seeds run at a time")
	simFor    = flag.Duration("sim.for", 0, "run at least for that long")
	simShrink = flag.Bool("sim.shrink", false, "look for the smallest schedule that fails like -sim.seed")
	simKeep   = flag.Bool("sim.keep", false, "go on after a failing seed")
)

// tree is the folder in which the tests were started.
var tree string

func TestMain(m *testing.M) {
	flag.Parse()
	var err error
	if tree, err = os.Getwd(); err != nil {
		panic(err)
	}
	dir, err := os.MkdirTemp("", "sim")
	if err == nil {
		err = os.Chdir(dir)
	}
	if err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// scheduleOf is the schedule of a seed.
func scheduleOf(seed uint64) schedule {
	menu := faults
	if *simMenu != "" {
		menu = nil
		for _, name := range strings.Split(*simMenu, ",") {
			menu = append(menu, op(name))
		}
	}
	return rapid.Custom(func(t *rapid.T) schedule { return drawSchedule(t, *simNodes, menu) }).Example(int(seed))
}

// TestSimulation runs many seeds. In the exact binary each has a process of its
// own, so that none begins with what another left in memory, and one that breaks
// down ends alone.
func TestSimulation(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	if *simSeed != 0 {
		replay(t, *simSeed)
		return
	}
	began := time.Now()
	seeds := make(chan uint64)
	var failed atomic.Int64
	var workers sync.WaitGroup
	for range *simProcs {
		workers.Go(func() {
			for seed := range seeds {
				if !one(t, seed) {
					failed.Add(1)
				}
			}
		})
	}
	ran := 0
	for seed := *simFirst; ran < *simRuns || time.Since(began) < *simFor; seed++ {
		if failed.Load() > 0 && !*simKeep {
			break
		}
		seeds <- seed
		if ran++; ran%500 == 0 {
			fmt.Fprintf(os.Stdout, "%d runs in %v, %d failed\n", ran, time.Since(began).Round(time.Second), failed.Load())
		}
	}
	close(seeds)
	workers.Wait()
	t.Logf("%d runs, %d failed, %v each", ran, failed.Load(), time.Since(began)/time.Duration(max(1, ran)))
	if failed.Load() > 0 {
		t.Fail()
	}
}

// one runs a seed and reports whether it held.
func one(t *testing.T, seed uint64) bool {
	if exact {
		return child(t, seed)
	}
	s := scheduleOf(seed)
	out := run(t, s, false)
	if len(out.violations) == 0 {
		return true
	}
	fmt.Fprintf(os.Stdout, "seed %d fails (-sim.seed=%d)\n%v\n%s\n%v\n", seed, seed, s, out.transcript, out.violations)
	return false
}

// child runs a seed in a process of its own.
func child(t *testing.T, seed uint64) bool {
	self, err := os.Executable()
	if err != nil {
		t.Error(err)
		return false
	}
	cmd := exec.Command(self, "-test.run=^TestSimulation$", fmt.Sprintf("-sim.seed=%d", seed), fmt.Sprintf("-sim.nodes=%d", *simNodes), "-sim.menu="+*simMenu)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "GOGC=off")
	out, err := cmd.CombinedOutput()
	if err == nil {
		return true
	}
	fmt.Fprintf(os.Stdout, "seed %d fails (-sim.seed=%d): %v\n%s\n", seed, seed, err, out)
	return false
}

// replay runs one seed and prints all of it.
func replay(t *testing.T, seed uint64) {
	s := scheduleOf(seed)
	out := run(t, s, *simLog)
	fmt.Fprintf(os.Stdout, "%v\n%s\n", s, out.transcript)
	for _, v := range out.violations {
		t.Error(v)
	}
	if len(out.violations) == 0 || !*simShrink {
		return
	}
	small := s.smaller(func(s schedule) bool {
		return slices.ContainsFunc(run(t, s, false).violations, func(v violation) bool { return v.rule == out.violations[0].rule })
	}, 80)
	fmt.Fprintf(os.Stdout, "the smallest schedule that fails so:\n%v\n%s\n", small, run(t, small, *simLog).transcript)
}

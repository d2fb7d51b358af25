package sim_test

import (
	"flag"
	"fmt"
	"os"
	"runtime"
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
	if *simChild {
		runtime.MemProfileRate = 0
		code := m.Run()
		writeSteps()
		os.Exit(code)
	}
	var err error
	if tree, err = os.Getwd(); err != nil {
		panic(err)
	}
	dir, err := os.MkdirTemp(inMemory(), "sim")
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

// inMemory is a folder whose files are in memory, if there is one: the nodes wait
// for their disks in real time.
func inMemory() string {
	const folder = "/dev/shm"
	if info, err := os.Stat(folder); err != nil || !info.IsDir() || os.Getenv("TMPDIR") != "" {
		return ""
	}
	return folder
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

// TestSimulation runs many seeds, or one as the flags say.
func TestSimulation(t *testing.T) {
	switch {
	case *simChild:
		beChild(t)
	case *simSeed != 0:
		replay(t, *simSeed)
	default:
		many(t)
	}
}

// many runs seed after seed.
func many(t *testing.T) {
	if !exact {
		defer debug.SetGCPercent(debug.SetGCPercent(400))
	}
	if exact {
		// Nobody takes a processor back from a worker that waits for its child.
		runtime.GOMAXPROCS(2*runtime.NumCPU() + 4**simProcs)
	}
	began, said := time.Now(), time.Now()
	seeds := make(chan uint64)
	var failed, done atomic.Int64
	var workers sync.WaitGroup
	for worker := range *simProcs {
		workers.Go(func() {
			for seed := range seeds {
				if !one(t, worker, seed) {
					failed.Add(1)
				}
				done.Add(1)
			}
		})
	}
	ran := 0
	for seed := *simFirst; ran < *simRuns || time.Since(began) < *simFor; seed++ {
		if failed.Load() > 0 && !*simKeep {
			break
		}
		seeds <- seed
		ran++
		if time.Since(said) > time.Minute {
			said = time.Now()
			fmt.Fprintf(os.Stdout, "simulation: %d runs in %v, %d failed\n", done.Load(), time.Since(began).Round(time.Second), failed.Load())
		}
	}
	close(seeds)
	workers.Wait()
	took := time.Since(began)
	fmt.Fprintf(os.Stdout, "simulation: seeds %d to %d, %d runs in %v (%v each), %d failed\n", *simFirst, *simFirst+uint64(max(ran, 1))-1, ran,
		took.Round(time.Millisecond), (took / time.Duration(max(1, ran))).Round(time.Microsecond), failed.Load())
	if failed.Load() > 0 {
		t.Fail()
	}
}

// one runs a seed and reports whether it held. Of one that did not it prints all.
func one(t *testing.T, worker int, seed uint64) bool {
	s := scheduleOf(seed)
	out := play(t, worker, s)
	if len(out.violations) == 0 {
		return true
	}
	how := fmt.Sprintf("go run ./cmd/tocsin/sim/build && bin/sim.test -test.run TestSimulation -sim.seed=%d%s -sim.log", seed, drawnBy())
	if !exact {
		how += " (nearly: the schedule is the same)"
	}
	fmt.Fprintf(os.Stdout, "FAIL: seed %d: %v\nits schedule: %v\nits transcript:\n%s\nto run it again: %s\n", seed, out.violations, s, out.transcript, how)
	return false
}

// drawnBy are the flags that have a part in what a seed draws.
func drawnBy() string {
	flags := ""
	if *simNodes != 0 {
		flags += fmt.Sprintf(" -sim.nodes=%d", *simNodes)
	}
	if *simMenu != "" {
		flags += " -sim.menu=" + *simMenu
	}
	return flags
}

// play runs a schedule. In the exact binary each run has a process of its own, so
// that none begins with what another left in memory, and one that breaks down
// ends alone.
func play(t *testing.T, worker int, s schedule, flags ...string) outcome {
	if exact {
		return inChild(t, worker, s, flags...)
	}
	return run(t, s, *simLog)
}

// replay runs one seed and prints all of it.
func replay(t *testing.T, seed uint64) {
	var flags []string
	if *simLog {
		flags = append(flags, "-sim.log")
	}
	s := scheduleOf(seed)
	out := play(t, 0, s, flags...)
	fmt.Fprintf(os.Stdout, "%v\n%s\n", s, out.transcript)
	for _, v := range out.violations {
		t.Error(v)
	}
	if len(out.violations) == 0 || !*simShrink {
		return
	}
	small := s.smaller(func(s schedule) bool {
		return slices.ContainsFunc(play(t, 0, s).violations, func(v violation) bool { return v.Rule == out.violations[0].Rule })
	}, 80)
	fmt.Fprintf(os.Stdout, "the smallest schedule that fails so:\n%v\n%s\n", small, play(t, 0, small, flags...).transcript)
}

// stacks are the stacks of all goroutines.
func stacks() string {
	b := make([]byte, 1<<20)
	return string(b[:runtime.Stack(b, true)])
}

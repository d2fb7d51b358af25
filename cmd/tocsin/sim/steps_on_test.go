//go:build steps

package sim_test

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"path"
	"runtime"
	_ "unsafe" // for go:linkname
)

var simSteps = flag.String("sim.steps", "", "write there what the scheduler ran and what the runtime drew")

// stepFlags have the steps of a run written beside those of others.
func stepFlags(run int) []string {
	if *simSteps == "" {
		return nil
	}
	return []string{fmt.Sprintf("-sim.steps=%s.%d", *simSteps, run)}
}

//go:linkname simStep runtime.simStep
func simStep(i int) ([10]uint64, bool)

func writeSteps() {
	if *simSteps == "" {
		return
	}
	f, err := os.Create(*simSteps)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	defer w.Flush()
	for i := 0; ; i++ {
		x, ok := simStep(i)
		if !ok {
			return
		}
		if x[0] == 0 {
			fmt.Fprintf(w, "run goroutine %d\n", x[1])
			continue
		}
		fmt.Fprint(w, "draw for")
		for _, pc := range x[2:] {
			if pc != 0 {
				fmt.Fprintf(w, " %s", nameOfPC(pc))
			}
		}
		fmt.Fprintln(w)
	}
}

func nameOfPC(pc uint64) string {
	f := runtime.FuncForPC(uintptr(pc))
	if f == nil {
		return "?"
	}
	file, line := f.FileLine(uintptr(pc))
	return fmt.Sprintf("%s %s:%d", f.Name(), path.Base(file), line)
}

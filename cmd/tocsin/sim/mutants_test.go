//go:build exact

package sim_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var (
	mutantName = flag.String("sim.mutant", "", "the only mutant to try")
	mutantRuns = flag.Int("sim.mutant.runs", 300, "in how many seeds a mutant must be caught")
)

// TestMutants breaks one rule of the product at a time, and wants the checker to
// notice within a bounded number of seeds. It needs the tree and the compiler,
// and is run from inside of the tree.
func TestMutants(t *testing.T) {
	for _, line := range strings.Split(strings.TrimSpace(inTree(t, "-list")), "\n") {
		fields := strings.Fields(line)
		name, menu, nodes := fields[0], fields[1], fields[2]
		if *mutantName != "" && *mutantName != name {
			continue
		}
		t.Run(name, func(t *testing.T) {
			binary := filepath.Join(t.TempDir(), "mutant.test")
			inTree(t, "-o", binary, "-mutant", name)
			cmd := exec.Command(binary, "-test.run=^TestSimulation$", "-sim.menu="+menu, "-sim.nodes="+nodes, fmt.Sprintf("-sim.runs=%d", *mutantRuns), fmt.Sprintf("-sim.procs=%d", *simProcs))
			cmd.Dir = tree
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Fatalf("nothing was noticed in %d seeds with %s", *mutantRuns, menu)
			}
			verdict := "VIOLATION"
			at := strings.Index(string(out), verdict)
			if at < 0 {
				t.Fatalf("it failed without a violation:\n%s", out)
			}
			first, _, _ := strings.Cut(string(out[at:]), "\n")
			t.Log(first)
		})
	}
}

// inTree runs the builder from the tree.
func inTree(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"run", "tocsin/cmd/tocsin/sim/build"}, args...)...)
	cmd.Dir, cmd.Stderr = tree, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("build %v: %v", args, err)
	}
	return string(out)
}

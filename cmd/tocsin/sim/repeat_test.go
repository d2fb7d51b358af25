//go:build exact

package sim_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// TestRepeats runs seeds in two processes each and compares all that was
// written. See doc.go on why a few may differ.
func TestRepeats(t *testing.T) {
	const seeds = 20
	same := 0
	for seed := uint64(1); seed <= seeds; seed++ {
		if bytes.Equal(transcriptOf(t, seed), transcriptOf(t, seed)) {
			same++
		}
	}
	t.Logf("%d of %d seeds repeat to the letter", same, seeds)
	if same < seeds/2 {
		t.Errorf("only %d of %d seeds repeat", same, seeds)
	}
}

// transcriptOf is what a process of its own says of a seed, without how long it
// took.
func transcriptOf(t *testing.T, seed uint64) []byte {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^TestSimulation$", fmt.Sprintf("-sim.seed=%d", seed))
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "GOGC=off")
	out, _ := cmd.Output() // a seed that fails is repeated like any other
	before, _, _ := bytes.Cut(out, []byte("\nPASS"))
	before, _, _ = bytes.Cut(before, []byte("\n--- FAIL"))
	return before
}

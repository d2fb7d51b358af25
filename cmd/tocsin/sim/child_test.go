package sim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

var (
	simChild = flag.Bool("sim.child", false, "run the schedule that is read from standard input, in this folder (for this program's own use)")
	simShift = flag.Int("sim.shift", 0, "have everything at other addresses (for TestRepeats)")
)

// childLimit is how long a run may take, in real time.
const childLimit = 3 * time.Minute

// account is what a child says of its run, after its transcript.
type account struct {
	Violations []violation
}

// accountMark begins the line with the account.
const accountMark = "\x01account "

// inChild runs a schedule in a process of its own, of which everything is the
// same each time: its arguments, environment, folder and input.
func inChild(t *testing.T, worker int, s schedule, flags ...string) outcome {
	broken := func(err error, out []byte) outcome {
		return outcome{[]violation{{Rule: "child", Text: err.Error()}}, string(out)}
	}
	dir, err := filepath.Abs(fmt.Sprintf("w%03d", worker))
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	input, jerr := json.Marshal(s)
	if err != nil || jerr != nil {
		t.Errorf("prepare a run: %v %v", err, jerr)
		return broken(err, nil)
	}
	ctx, cancel := context.WithTimeout(context.Background(), childLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/proc/self/exe", append([]string{"-test.run=^TestSimulation$", "-sim.child"}, flags...)...)
	cmd.Dir, cmd.Stdin = dir, bytes.NewReader(input)
	cmd.Env = []string{"GOMAXPROCS=1", "GOGC=off", "PWD=/"}
	out, err := cmd.CombinedOutput()
	text, rest, ok := bytes.Cut(out, []byte(accountMark))
	if !ok {
		return broken(fmt.Errorf("the run broke down: %w", err), out)
	}
	var a account
	if err := json.NewDecoder(bytes.NewReader(rest)).Decode(&a); err != nil {
		return broken(fmt.Errorf("read the account of a run: %w", err), out)
	}
	return outcome{a.Violations, string(text)}
}

// beChild runs the schedule on standard input.
func beChild(t *testing.T) {
	var s schedule
	if err := json.NewDecoder(os.Stdin).Decode(&s); err != nil {
		t.Fatal(err)
	}
	shift(*simShift)
	out := run(t, s, *simLog)
	b, err := json.Marshal(account{out.violations})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(os.Stdout, "%s%s%s\n", out.transcript, accountMark, b)
}

// shifted keeps what shift has allocated.
var shifted [][]byte

// shift allocates a few things of each size, so that what is allocated later is
// elsewhere in memory.
func shift(n int) {
	for i := range n {
		for size := 8; size <= 8192; size += size/8 + i%7 + 1 {
			shifted = append(shifted, make([]byte, size))
		}
	}
}

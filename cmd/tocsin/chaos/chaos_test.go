package chaos_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
	"tocsin/cmd/tocsin/chaos"
)

var (
	runFlag    = flag.String("chaos.run", "", "run the scenarios whose names match; empty: the short set")
	systemFlag = flag.String("chaos.system", chaos.Tocsin, "which systems to run: tocsin, alertmanager, or both, separated by a comma")
	parallel   = flag.Int("chaos.parallel", 8, "how many runs at a time")
	outFlag    = flag.String("chaos.out", "", "file that gets the table as Markdown")
	soakFlag   = flag.Duration("chaos.soak", 0, "instead, run random scenarios for so long")
	seedFlag   = flag.Uint64("chaos.seed", 0, "seed of the first random scenario; 0: by the clock")
	rowsFlag   = flag.String("chaos.rows", "", "file that keeps the figures of runs; the table is of all that it has")
	logsFlag   = flag.String("chaos.logs", "", "folder that gets the logs of all runs; empty: those of failed runs are kept in a temporary folder")
)

// TestChaos breaks things and checks what the receiver was told.
func TestChaos(t *testing.T) {
	rig.NeedRoot(t)
	rig.NeedTool(t, "ip")
	logs := logFolder(t)
	next := fixed(t)
	if *soakFlag > 0 {
		next = drawn(t)
	}
	var jobs []*job
	slots := make(chan struct{}, *parallel)
	var all sync.WaitGroup
	for {
		slots <- struct{}{}
		j := next()
		if j == nil {
			break
		}
		i := len(jobs)
		jobs = append(jobs, j)
		all.Go(func() {
			defer func() { <-slots }()
			j.run(t, i, logs)
		})
	}
	all.Wait()
	var rows []chaos.Row
	for _, j := range jobs {
		rows = append(rows, j.row)
	}
	if *rowsFlag != "" {
		all, err := chaos.Record(*rowsFlag, rows)
		if err != nil {
			t.Fatal(err)
		}
		rows = all
	}
	publish(t, chaos.Table(rows))
}

// logFolder is where the logs of the runs go. Unless it was asked for, it is
// removed if all is well.
func logFolder(t *testing.T) string {
	if *logsFlag != "" {
		return *logsFlag
	}
	dir, err := os.MkdirTemp("", "tocsin-chaos-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !t.Failed() {
			_ = os.RemoveAll(dir) // what is left of it is in a temporary folder
		}
	})
	return dir
}

// fixed gives the selected scenarios on the selected systems, one by one.
func fixed(t *testing.T) func() *job {
	var list []*job
	for _, sc := range selected(t) {
		for _, sys := range systems(t) {
			list = append(list, &job{scenario: sc, system: sys})
		}
	}
	return func() *job {
		if len(list) == 0 {
			return nil
		}
		j := list[0]
		list = list[1:]
		return j
	}
}

// drawn gives random scenarios until the time is over.
func drawn(t *testing.T) func() *job {
	seed, end := *seedFlag, time.Now().Add(*soakFlag)
	if seed == 0 {
		seed = uint64(time.Now().Unix())
	}
	sys := systems(t)[0]
	return func() *job {
		if time.Now().After(end) {
			return nil
		}
		seed++
		return &job{scenario: chaos.Random(seed), system: sys}
	}
}

// job is one run.
type job struct {
	scenario chaos.Scenario
	system   chaos.System
	row      chaos.Row
}

func (j *job) run(t *testing.T, i int, logs string) {
	dir, err := os.MkdirTemp("", "tocsin-chaos-data-")
	if err != nil {
		t.Error(err)
		return
	}
	defer os.RemoveAll(dir)
	name := regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(j.scenario.Name), "-")
	at := chaos.Place{Prefix: fmt.Sprintf("c%d", i), Dir: dir, Logs: filepath.Join(logs, j.system.Name+"-"+name)}
	j.row = chaos.Run(t.Context(), j.scenario, j.system, at)
	t.Log(j.row)
	switch {
	case j.row.Err != nil:
		t.Errorf("%s on %s: %v (logs in %s)", j.scenario.Name, j.system.Name, j.row.Err, at.Logs)
	case j.system.Name == chaos.Tocsin && len(j.row.Wrong) > 0:
		t.Errorf("%s: %s (logs in %s)", j.scenario.Name, strings.Join(j.row.Wrong, "; "), at.Logs)
	}
}

// selected are the scenarios to run.
func selected(t *testing.T) []chaos.Scenario {
	want, err := regexp.Compile(*runFlag)
	if err != nil {
		t.Fatal(err)
	}
	var out []chaos.Scenario
	for _, sc := range chaos.All() {
		if *runFlag == "" && sc.Short || *runFlag != "" && want.MatchString(sc.Name) {
			out = append(out, sc)
		}
	}
	if len(out) == 0 {
		t.Fatalf("no scenario's name matches %q", *runFlag)
	}
	return out
}

// systems are what to run them on.
func systems(t *testing.T) []chaos.System {
	var out []chaos.System
	for name := range strings.SplitSeq(*systemFlag, ",") {
		switch name {
		case chaos.Tocsin:
			bin, err := filepath.Abs(os.Getenv(rig.EnvBinary))
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, chaos.System{Name: name, Argv: []string{bin, "server"}})
		case chaos.Alertmanager:
			path, err := exec.LookPath("prometheus-alertmanager")
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, chaos.System{Name: name, Argv: []string{path}})
		default:
			t.Fatalf("no system is called %q", name)
		}
	}
	return out
}

func publish(t *testing.T, table string) {
	fmt.Print(table)
	if *outFlag == "" {
		return
	}
	if err := os.WriteFile(*outFlag, []byte(table), 0o644); err != nil {
		t.Error(err)
	}
}

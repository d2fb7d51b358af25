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

	"tocsin/cmd/tocsin/acceptance/rig"
	"tocsin/cmd/tocsin/chaos"
)

var (
	runFlag    = flag.String("chaos.run", "", "run the scenarios whose names match; empty: the short set")
	systemFlag = flag.String("chaos.system", chaos.Tocsin, "which systems to run: tocsin, alertmanager, or both, separated by a comma")
	parallel   = flag.Int("chaos.parallel", 8, "how many runs at a time")
	outFlag    = flag.String("chaos.out", "", "file that gets the table as Markdown")
	logsFlag   = flag.String("chaos.logs", "", "folder that gets the logs of all runs; empty: those of failed runs are kept in a temporary folder")
)

// TestChaos breaks things and checks what the receiver was told.
func TestChaos(t *testing.T) {
	rig.NeedRoot(t)
	rig.NeedTool(t, "ip")
	logs := *logsFlag
	if logs == "" {
		dir, err := os.MkdirTemp("", "tocsin-chaos-")
		if err != nil {
			t.Fatal(err)
		}
		logs = dir
	}
	var list []job
	for _, sc := range selected(t) {
		for _, sys := range systems(t) {
			list = append(list, job{sc, sys, chaos.Row{}})
		}
	}
	slots := make(chan struct{}, *parallel)
	var all sync.WaitGroup
	for i := range list {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			list[i].run(t, i, logs)
		})
	}
	all.Wait()
	rows := make([]chaos.Row, len(list))
	for i, j := range list {
		rows[i] = j.row
	}
	publish(t, chaos.Table(rows))
	if *logsFlag == "" && !t.Failed() {
		if err := os.RemoveAll(logs); err != nil {
			t.Error(err)
		}
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
	t.Logf("%s", strings.TrimSpace(chaos.Table([]chaos.Row{j.row})[len(chaos.Table(nil)):]))
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

package chaos_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/cmd/tocsin/chaos"
)

// TestTable checks that both systems stand in one line, ours first.
func TestTable(t *testing.T) {
	t.Parallel()
	one := chaos.Verdict{Groups: 30, SameID: 1, Duplicates: make([]chaos.Mistake, 2)}
	two := chaos.Verdict{Groups: 30, Missed: make([]chaos.Mistake, 3)}
	got := chaos.Table([]chaos.Row{
		{System: chaos.Alertmanager, Scenario: "x", Verdict: two},
		{System: chaos.Tocsin, Scenario: "x", Verdict: one},
		{System: chaos.Tocsin, Scenario: "y", Verdict: two},
	})
	lines := strings.Split(strings.TrimSpace(got), "\n")
	want := []string{
		"| x | 30 | 0 [3] | 2 (1 same ID) [0] | 0 [0] | 0 [0] | 0.0 / 0.0 [0.0 / 0.0] | 0 [0] |",
		"| y | 30 | 3 | 0 | 0 | 0 | 0.0 / 0.0 | 0 |",
	}
	if len(lines) != 4 || lines[2] != want[0] || lines[3] != want[1] {
		t.Errorf("table\n%s\nwant these lines\n%s", got, strings.Join(want, "\n"))
	}
}

// TestRecord checks that a later run replaces an earlier one of its own kind
// only.
func TestRecord(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "rows.json")
	row := func(system, scenario string, missed int) chaos.Row {
		return chaos.Row{System: system, Scenario: scenario, Verdict: chaos.Verdict{Missed: make([]chaos.Mistake, missed)}}
	}
	first := []chaos.Row{row(chaos.Tocsin, "minority cut", 1), row(chaos.Tocsin, "healthy", 2), row(chaos.Alertmanager, "healthy", 3), row(chaos.Tocsin, "no such scenario", 9)}
	if _, err := chaos.Record(file, first); err != nil {
		t.Fatal(err)
	}
	all, err := chaos.Record(file, []chaos.Row{row(chaos.Tocsin, "healthy", 0)})
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, r := range all {
		got += fmt.Sprintf("%s %s %d; ", r.System, r.Scenario, len(r.Verdict.Missed))
	}
	if want := "alertmanager healthy 3; tocsin healthy 0; tocsin minority cut 1; "; got != want {
		t.Errorf("kept %q, want %q", got, want)
	}
}

package chaos_test

import (
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
		"| x | 30 | 0 [3] | 2, 1 with the same ID [0] | 0 [0] | 0 [0] | 0.0 / 0.0 [0.0 / 0.0] | 0 [0] |",
		"| y | 30 | 3 | 0 | 0 | 0 | 0.0 / 0.0 | 0 |",
	}
	if len(lines) != 4 || lines[2] != want[0] || lines[3] != want[1] {
		t.Errorf("table\n%s\nwant these lines\n%s", got, strings.Join(want, "\n"))
	}
}

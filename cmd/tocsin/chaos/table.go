package chaos

import (
	"fmt"
	"strings"
)

// Table is the rows as Markdown: a line for each scenario, Alertmanager's
// figures in brackets behind Tocsin's.
func Table(rows []Row) string {
	var b strings.Builder
	b.WriteString("| scenario | groups | missed | duplicates | false resolves | ends never told | first telling, median / longest, s | POST p99, ms |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|\n")
	done := map[string]bool{}
	for _, r := range rows {
		if done[r.Scenario] {
			continue
		}
		done[r.Scenario] = true
		var ours, theirs *Row
		for i := range rows {
			switch {
			case rows[i].Scenario != r.Scenario:
			case rows[i].System == Tocsin:
				ours = &rows[i]
			default:
				theirs = &rows[i]
			}
		}
		writeLine(&b, r.Scenario, ours, theirs)
	}
	return b.String()
}

// writeLine writes a line of the table. Either row may be nil.
func writeLine(b *strings.Builder, name string, ours, theirs *Row) {
	a, z := ours.cells(), theirs.cells()
	fmt.Fprintf(b, "| %s |", name)
	for i := range a {
		switch {
		case theirs == nil || i == 0 && ours != nil:
			fmt.Fprintf(b, " %s |", a[i])
		default:
			fmt.Fprintf(b, " %s [%s] |", a[i], z[i])
		}
	}
	b.WriteByte('\n')
}

// cells are the figures of a row.
func (r *Row) cells() [7]string {
	if r == nil {
		return [7]string{}
	}
	if r.Err != nil {
		return [7]string{"did not run", "", "", "", "", "", ""}
	}
	v := r.Verdict
	p50, most := v.Delays(Span{-1, forever})
	duplicates := fmt.Sprint(len(v.Duplicates))
	if v.SameID > 0 {
		duplicates += fmt.Sprintf(" (%d same ID)", v.SameID)
	}
	return [7]string{
		fmt.Sprint(v.Groups), fmt.Sprint(len(v.Missed)), duplicates, fmt.Sprint(len(v.FalseResolves)), fmt.Sprint(len(v.Unresolved)),
		fmt.Sprintf("%.1f / %.1f", p50, most), fmt.Sprintf("%.0f", r.Posts.P99*1000),
	}
}

// String is the row in one line, for a log.
func (r Row) String() string {
	c := r.cells()
	s := fmt.Sprintf("%-12s %s: groups %s, missed %s, duplicates %s, false resolves %s, ends never told %s, first %s s, POST p99 %s ms",
		r.System, r.Scenario, c[0], c[1], c[2], c[3], c[4], c[5], c[6])
	if len(r.Wrong) > 0 && r.System == Tocsin {
		s += "; NOT as wanted: " + strings.Join(r.Wrong, "; ")
	}
	return s
}

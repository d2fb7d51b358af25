package chaos

import (
	"fmt"
	"strings"
)

// Table is the rows as Markdown, one line a scenario, with a column of each
// figure for Tocsin and, behind a slash, for Alertmanager.
func Table(rows []Row) string {
	var b strings.Builder
	b.WriteString("| scenario | system | groups | missed | duplicates (same ID) | false resolves | never told resolved | first telling p50 / max |  |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %s | ", r.Scenario, r.System)
		if r.Err != nil {
			fmt.Fprintf(&b, "| | | | | | did not run: %s |\n", strings.ReplaceAll(r.Err.Error(), "|", "/"))
			continue
		}
		v := r.Verdict
		p50, most := v.Delays(Span{-1, forever})
		same := ""
		if v.SameID > 0 {
			same = fmt.Sprintf(" (%d)", v.SameID)
		}
		fmt.Fprintf(&b, "%d | %d | %d%s | %d | %d | %.1f / %.1f s | %s |\n", v.Groups, len(v.Missed), len(v.Duplicates), same,
			len(v.FalseResolves), len(v.Unresolved), p50, most, r.mark())
	}
	return b.String()
}

// mark says whether the row is as wanted. Only Tocsin is asked for anything.
func (r Row) mark() string {
	switch {
	case r.System != Tocsin:
		return ""
	case len(r.Wrong) > 0:
		return "NOT as wanted: " + strings.Join(r.Wrong, "; ")
	default:
		return "as wanted"
	}
}

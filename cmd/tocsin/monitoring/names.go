package monitoring

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// metric finds the names of our metrics, and those of the process, in an
// expression.
var metric = regexp.MustCompile(`\b(?:alertmanager|tocsin|process|go|up)(?:_[a-z0-9_]+)?\b`)

// quoted are the strings of an expression, which hold no metrics.
var quoted = regexp.MustCompile("\"(?:[^\"\\\\]|\\\\.)*\"|`[^`]*`")

// Metrics are the names of the metrics that an expression reads, ascending; those
// of a histogram's parts without their endings.
func Metrics(expr string) []string {
	var out []string
	for _, name := range metric.FindAllString(quoted.ReplaceAllString(expr, ""), -1) {
		for _, ending := range []string{"_bucket", "_sum", "_count"} {
			name = strings.TrimSuffix(name, ending)
		}
		out = append(out, name)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Panel is an expression of the dashboard, with the title of its panel.
type Panel struct{ Title, Expr string }

// Panels are the expressions of a dashboard.
func Panels(dashboard string) ([]Panel, error) {
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(dashboard), &board); err != nil {
		return nil, err
	}
	var out []Panel
	for _, p := range board.Panels {
		for _, t := range p.Targets {
			out = append(out, Panel{p.Title, t.Expr})
		}
	}
	return out, nil
}

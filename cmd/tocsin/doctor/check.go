package doctor

import "slices"

// Result is how a check ended.
type Result string

// The results. Unknown: it could not be looked at.
const (
	OK      Result = "ok"
	Unknown Result = "unknown"
	Warn    Result = "warn"
	Fail    Result = "fail"
)

// Check is one thing that was looked at.
type Check struct {
	// Name is what was looked at, Node where; empty: the cluster as a whole.
	Name   string `json:"name"`
	Node   string `json:"node,omitempty"`
	Result Result `json:"result"`
	// Finding is a sentence without a full stop; Fix is the next step, empty
	// for OK.
	Finding string `json:"finding"`
	Fix     string `json:"fix,omitempty"`
}

// ExitCode is 2 if something is broken, 1 if something should be looked at, and 0
// otherwise. What could not be found out yet is no trouble.
func ExitCode(checks []Check) int {
	is := func(rs ...Result) bool {
		return slices.ContainsFunc(checks, func(c Check) bool { return slices.Contains(rs, c.Result) })
	}
	switch {
	case is(Fail):
		return 2
	case is(Warn):
		return 1
	default:
		return 0
	}
}

// Sort puts the worst first and keeps the order otherwise.
func Sort(checks []Check) {
	rank := []Result{Fail, Warn, Unknown, OK}
	slices.SortStableFunc(checks, func(a, b Check) int {
		return slices.Index(rank, a.Result) - slices.Index(rank, b.Result)
	})
}

// found collects checks.
type found []Check

func (f *found) ok(name, node, finding string) { *f = append(*f, Check{name, node, OK, finding, ""}) }

func (f *found) warn(name, node, finding, fix string) {
	*f = append(*f, Check{name, node, Warn, finding, fix})
}

func (f *found) fail(name, node, finding, fix string) {
	*f = append(*f, Check{name, node, Fail, finding, fix})
}

func (f *found) unknown(name, node, finding, fix string) {
	*f = append(*f, Check{name, node, Unknown, finding, fix})
}

// unlessSaid adds an OK if nothing was said under the name for the node.
func (f *found) unlessSaid(name, node, finding string) {
	said := slices.ContainsFunc(*f, func(c Check) bool { return c.Name == name && c.Node == node })
	if !said {
		f.ok(name, node, finding)
	}
}

// unlessSaidAnywhere adds an OK for the cluster if nothing was said under the name.
func (f *found) unlessSaidAnywhere(name, finding string) {
	if !slices.ContainsFunc(*f, func(c Check) bool { return c.Name == name }) {
		f.ok(name, "", finding)
	}
}

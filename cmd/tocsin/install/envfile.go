package install

import (
	"fmt"
	"regexp"
	"strings"
)

// clusterVariable is the line of the file of flags that `tocsin install` writes.
const clusterVariable = "TOCSIN_CLUSTER"

var clusterLine = regexp.MustCompile(`(?m)^` + clusterVariable + `=.*$`)

// setCluster replaces the line of flags that is ours, and nothing else.
func setCluster(env string, flags []string) string {
	line := fmt.Sprintf("%s=%q", clusterVariable, strings.Join(flags, " "))
	if !clusterLine.MatchString(env) {
		if env != "" && !strings.HasSuffix(env, "\n") {
			env += "\n"
		}
		return env + line + "\n"
	}
	replaced := false
	return clusterLine.ReplaceAllStringFunc(env, func(string) string {
		if replaced {
			return "# removed: " + clusterVariable + " was given twice"
		}
		replaced = true
		return line
	})
}

// clusterFlags are the flags on the line that is ours.
func clusterFlags(env string) []string {
	line := clusterLine.FindString(env)
	_, value, _ := strings.Cut(line, "=")
	return strings.Fields(strings.Trim(strings.TrimSpace(value), `"'`))
}

// peersOf are the peers that flags name.
func peersOf(flags []string) []string {
	var peers []string
	for _, f := range flags {
		if p, ok := strings.CutPrefix(f, "--cluster.peer="); ok {
			peers = append(peers, p)
		}
	}
	return peers
}

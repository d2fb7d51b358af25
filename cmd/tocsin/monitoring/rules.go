package monitoring

import (
	"embed"
	"fmt"
	"regexp"
	"strings"
)

//go:embed rules/*.yml
var files embed.FS

//go:embed dashboard.json
var dashboard string

// everyJob selects the nodes in the rules as they are kept: the job that people
// who come from Alertmanager have, and the one that others choose.
const everyJob = `job=~"alertmanager|tocsin"`

// plainJob is what a job's name may be made of here.
var plainJob = regexp.MustCompile(`^[^"\\\n{}]{1,200}$`)

// Rules are the alerting rules as one file for Prometheus, about the scrape job
// of that name; "" means alertmanager or tocsin.
func Rules(job string) (string, error) {
	if job != "" && !plainJob.MatchString(job) {
		return "", fmt.Errorf("the job %q has characters that a name should not have", job)
	}
	names, err := files.ReadDir("rules")
	if err != nil {
		return "", err
	}
	out := "groups:\n"
	for _, n := range names {
		text, err := files.ReadFile("rules/" + n.Name())
		if err != nil {
			return "", err
		}
		head, groups, ok := strings.Cut(string(text), "groups:\n")
		if !ok {
			return "", fmt.Errorf("BUG: %s has no groups", n.Name())
		}
		out += head + groups
	}
	if job != "" {
		out = strings.ReplaceAll(out, everyJob, `job="`+job+`"`)
	}
	return out, nil
}

// Dashboard is a dashboard for Grafana, as JSON.
func Dashboard() string { return dashboard }

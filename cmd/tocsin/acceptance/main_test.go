package acceptance_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"tocsin/cmd/tocsin/acceptance/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }

// soon is how long after its due time a notification may arrive: the spec says
// at once, and a busy machine of two cores needs some of this.
const soon = 0.8

// routing are the parts of a configuration that scenarios vary.
type routing struct {
	groupBy                string // default [alertname]
	wait, interval, repeat string // default 1s, 1s, 1h
	route                  string // more lines of the route
	global                 string // the global section
	receiver               string // the receiver's lines in place of one webhook
	more                   string // further sections
}

// config is a configuration with one receiver, "hook", that tells one sink.
func config(sink *rig.Sink, r routing) string {
	var b strings.Builder
	if r.global != "" {
		fmt.Fprintf(&b, "global:\n%s", indent(r.global, 2))
	}
	fmt.Fprintf(&b, "route:\n  receiver: hook\n  group_by: %s\n  group_wait: %s\n  group_interval: %s\n  repeat_interval: %s\n",
		or(r.groupBy, "[alertname]"), or(r.wait, "1s"), or(r.interval, "1s"), or(r.repeat, "1h"))
	b.WriteString(indent(r.route, 2))
	b.WriteString("receivers:\n- name: hook\n")
	if r.receiver != "" {
		b.WriteString(indent(r.receiver, 2))
	} else {
		fmt.Fprintf(&b, "  webhook_configs:\n  - url: %s\n", sink.URL)
	}
	b.WriteString(indent(r.more, 0))
	return b.String()
}

// indent shifts lines to the right.
func indent(text string, by int) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.Repeat(" ", by) + line)
	}
	if text != "" && !strings.HasSuffix(text, "\n") {
		b.WriteByte('\n')
	}
	return b.String()
}

func or(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

// one starts one node and an empty time line for it.
func one(t *testing.T, cfg string, flags ...string) *rig.Scenario {
	t.Helper()
	return rig.NewScenario(t, rig.StartCluster(t, 1, rig.NodeOptions{Config: cfg, Flags: flags}))
}

// group are group labels, given as name, value…
func group(pairs ...string) map[string]string { return rig.A(pairs...).Labels }

// reason is why a notification was sent, where the server tells it.
func reason(t *testing.T, text string) string {
	t.Helper()
	if rig.Tested(t).Older(30) {
		return ""
	}
	return text
}

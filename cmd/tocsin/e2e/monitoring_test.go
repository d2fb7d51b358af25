package e2e_test

import (
	"bufio"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"gopkg.in/yaml.v3"

	"tocsin/cmd/tocsin/acceptance/rig"
	"tocsin/cmd/tocsin/monitoring"
)

// scrape reads all metrics of a node.
func scrape(t testing.TB, n *rig.Node) map[string]*dto.MetricFamily {
	t.Helper()
	r := n.Get("/metrics")
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(r.Body))
	if err != nil || len(families) < 50 {
		t.Fatalf("the metrics of %s are %d: %v", n.Name, len(families), err)
	}
	return families
}

// watched are two nodes that have sent something, with all metrics that need an
// occasion.
func watched(t testing.TB) *rig.Cluster {
	t.Helper()
	hook := rig.NewSink(t, "hook")
	c := rig.StartCluster(t, 2, rig.NodeOptions{Config: "route: { receiver: hook, group_wait: 0s, group_interval: 1s }\n" +
		"receivers: [{ name: hook, webhook_configs: [{ url: '" + hook.URL + "' }] }]\n"})
	c.AwaitVoters(t, 2, 10*time.Second)
	c.Post(t, rig.APIAlert{Labels: map[string]string{"alertname": "watched"}})
	if !rig.Eventually(10*time.Second, 50*time.Millisecond, func() bool { return len(hook.Accepted()) > 0 }) {
		t.Fatal("nothing was told")
	}
	seen := rig.Eventually(10*time.Second, 100*time.Millisecond, func() bool {
		_, pings := c.Nodes[0].Metric("alertmanager_cluster_pings_seconds_count")
		_, clocks := c.Nodes[0].Metric("tocsin_clock_skew_seconds")
		_, lag := c.Nodes[0].Metric("tocsin_raft_peer_lag_entries")
		return pings && clocks && lag
	})
	if !seen {
		t.Fatal("no ping, no clock and no lag was measured")
	}
	return c
}

// TestMetrics holds a real node's metrics against Alertmanager's list, and the
// shipped rules and dashboard against the node's metrics.
func TestMetrics(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 0, "these metrics")
	families := scrape(t, watched(t).Nodes[0])
	t.Run("Alertmanager's", func(t *testing.T) { upstreamMetrics(t, families) })
	t.Run("read by rules and dashboard", func(t *testing.T) { readMetrics(t, families) })
	t.Run("bounded", func(t *testing.T) {
		for name, f := range families {
			if n := len(f.GetMetric()); n > 150 {
				t.Errorf("%s has %d series on a node that has done next to nothing", name, n)
			}
		}
	})
}

// upstreamMetrics: each is there with the same labels, or is among those that
// have no meaning here.
func upstreamMetrics(t *testing.T, families map[string]*dto.MetricFamily) {
	list, err := os.Open("../monitoring/testdata/alertmanager.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()
	without, used, count := monitoring.Without(), map[string]bool{}, 0
	for lines := bufio.NewScanner(list); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		count++
		words := strings.Fields(lines.Text())
		reason := ""
		for prefix := range without {
			if words[0] == prefix || strings.HasPrefix(words[0], prefix) {
				reason, used[prefix] = prefix, true
			}
		}
		f := families[words[0]]
		switch {
		case f == nil && reason == "":
			t.Errorf("there is no %s, and no word on why", words[0])
		case f != nil && reason != "":
			t.Errorf("there is a %s, which is said to have no meaning", words[0])
		case f != nil:
			sameLabels(t, f, words[1:])
		}
	}
	if count < 90 || len(used) != len(without) {
		t.Errorf("of %d metrics these were not met: %v", count, slices.DeleteFunc(slices.Sorted(maps.Keys(without)), func(p string) bool { return used[p] }))
	}
}

func sameLabels(t *testing.T, f *dto.MetricFamily, want []string) {
	t.Helper()
	for _, m := range f.GetMetric() {
		var got []string
		for _, l := range m.GetLabel() {
			got = append(got, l.GetName())
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s has the labels %v, Alertmanager's has %v", f.GetName(), got, want)
			return
		}
	}
}

// fromOthers are metrics that no node has.
var fromOthers = map[string]string{"up": "made by the scraping Prometheus"}

// readMetrics: what a rule or a panel reads exists.
func readMetrics(t *testing.T, families map[string]*dto.MetricFamily) {
	read := map[string]string{}
	for _, expr := range ruleExpressions(t) {
		for _, metric := range monitoring.Metrics(expr) {
			read[metric] = "a rule"
		}
	}
	panels, err := monitoring.Panels(monitoring.Dashboard())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range panels {
		for _, metric := range monitoring.Metrics(p.Expr) {
			read[metric] = "the panel " + p.Title
		}
	}
	if len(read) < 35 {
		t.Errorf("only %d metrics are read: %v", len(read), read)
	}
	for metric, by := range read {
		switch _, elsewhere := fromOthers[metric]; {
		case families[metric] == nil && !elsewhere:
			t.Errorf("%s reads %s, which does not exist", by, metric)
		case families[metric] != nil && elsewhere:
			t.Errorf("%s is there although it should not be: %s", metric, fromOthers[metric])
		}
	}
}

func ruleExpressions(t *testing.T) []string {
	text, err := monitoring.Rules("")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct{ Rules []struct{ Expr string } }
	}
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			out = append(out, r.Expr)
		}
	}
	return out
}

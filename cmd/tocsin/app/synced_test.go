package app_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/cmd/tocsin/acceptance/rig"
)

// Prometheus looks at each of three instances every scrapeEvery steps, one after
// the other.
const (
	step        = 5 * time.Second
	scrapeEvery = 3
)

// series are what Prometheus has seen of one metric, by instance: in each step
// a value, "_" where it did not look, or "stale" where it looked and there was
// nothing.
type series [3][]string

// look scrapes the instance whose turn it is.
func (s *series) look(n int, l *lab, gatherers []prometheus.Gatherer, metric string) {
	for i := range l.nodes {
		seen := "_"
		if n%scrapeEvery == i {
			seen = valueOf(l.t, gatherers[i], metric)
		}
		s[i] = append(s[i], seen)
	}
}

// last is what an instance showed when Prometheus looked last.
func (s *series) last(i int) string {
	for n := len(s[i]) - 1; ; n-- {
		if s[i][n] != "_" {
			return s[i][n]
		}
	}
}

func valueOf(t *testing.T, g prometheus.Gatherer, metric string) string {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == metric {
			return fmt.Sprintf("%.0f", f.GetMetric()[0].GetGauge().GetValue())
		}
	}
	return "stale"
}

// TestConfigNotSyncedStaysSilent applies a hundred versions to three nodes under
// alerts, scrapes them as Prometheus does, and has promtool evaluate the rule that
// compares their hashes at every step.
func TestConfigNotSyncedStaysSilent(t *testing.T) {
	promtool := rig.NeedTool(t, "promtool")
	var hashes, revs series
	synctest.Test(t, func(t *testing.T) { hashes, revs = scrapeApplies(t, 100) })
	for i := range hashes {
		if last := hashes.last(i); last == "stale" || last != hashes.last(0) {
			t.Errorf("at rest instance %d shows the hash %s, the first %s", i, last, hashes.last(0))
		}
	}
	if out, err := evaluate(t, promtool, hashes); err != nil {
		t.Errorf("the rule did not stay silent: %v\n%s", err, out)
	}
	// What the same scrapes saw without a pause of the hash: the rule can fire.
	if out, err := evaluate(t, promtool, revs); err == nil {
		t.Errorf("the rule does not fire when instances differ:\n%s", out)
	}
}

// scrapeApplies runs a cluster through applies and to rest again.
func scrapeApplies(t *testing.T, applies int) (hashes, revs series) {
	var gatherers []prometheus.Gatherer
	l := newLabOf(t, 3, func(n *labNode) {
		r := prometheus.NewRegistry()
		n.opts.Registerer, n.opts.Gatherer = r, r
		gatherers = append(gatherers, r)
	})
	chance := rand.New(rand.NewPCG(1, 2))
	begin := time.Now()
	rest := 0 // steps since the last apply
	done := 0
	for n := 0; rest < 40; n++ {
		until := begin.Add(time.Duration(n) * step)
		for done < applies && n > 10 {
			wait := time.Duration(chance.Int64N(int64(9 * time.Second)))
			if time.Now().Add(wait).After(until) {
				break
			}
			time.Sleep(wait)
			apply(t, l.nodes[chance.IntN(3)], done)
			done++
			l.post(fmt.Sprintf(`{"alertname":"Load%d"}`, done), time.Now().Add(time.Hour))
		}
		if done == applies {
			rest++
		}
		time.Sleep(time.Until(until))
		hashes.look(n, l, gatherers, "alertmanager_config_hash")
		revs.look(n, l, gatherers, "tocsin_config_rev")
	}
	return hashes, revs
}

func apply(t *testing.T, n *labNode, nth int) {
	t.Helper()
	body, err := json.Marshal(map[string]string{"yaml": fmt.Sprintf("# %d\n%s", nth, labConfig)})
	if err != nil {
		t.Fatal(err)
	}
	if w := n.do(http.MethodPost, "/api/tocsin/v1/config", string(body)); w.Code != http.StatusOK {
		t.Fatalf("apply %d on %s: %d %s", nth, n.ip, w.Code, w.Body)
	}
}

// evaluate has promtool say whether the rule stays silent over the series.
func evaluate(t *testing.T, promtool string, seen series) (string, error) {
	t.Helper()
	rule, err := filepath.Abs("testdata/not_synced.yml")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "rule_files: [%q]\nevaluation_interval: %s\ntests:\n  - interval: %s\n    input_series:\n", rule, step, step)
	for i := range seen {
		fmt.Fprintf(&b, "      - series: alertmanager_config_hash{instance=\"%d\"}\n        values: %q\n", i, strings.Join(seen[i], " "))
	}
	b.WriteString("    alert_rule_test:\n")
	for n := range seen[0] {
		fmt.Fprintf(&b, "      - {eval_time: %s, alertname: PrometheusAlertmanagerConfigNotSynced, exp_alerts: []}\n", time.Duration(n)*step)
	}
	file := filepath.Join(t.TempDir(), "test.yml")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), promtool, "test", "rules", file).CombinedOutput()
	return string(out), err
}

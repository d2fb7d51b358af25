package monitoring_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"tocsin/cmd/tocsin/acceptance/rig"
	"tocsin/cmd/tocsin/monitoring"
)

// rule is one alert of a file of rules.
type rule struct {
	Alert, Expr         string
	Labels, Annotations map[string]string
}

func rules(t testing.TB, text string) []rule {
	t.Helper()
	var file struct {
		Groups []struct{ Rules []rule }
	}
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		t.Fatal(err)
	}
	var out []rule
	for _, g := range file.Groups {
		out = append(out, g.Rules...)
	}
	return out
}

func promtool(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.Command(rig.NeedTool(t, "promtool"), args...).CombinedOutput()
	if err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// write puts text into a file for promtool.
func write(t testing.TB, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "rules.yml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// scenarios are promtool's tests of the rules.
var scenarios = []string{"testdata/rules_test.yml", "testdata/days_test.yml"}

// TestRulesFire runs the scenarios of testdata.
func TestRulesFire(t *testing.T) {
	promtool(t, append([]string{"test", "rules"}, scenarios...)...)
}

// TestEveryRuleIsTested: an alert that no scenario names has never fired.
func TestEveryRuleIsTested(t *testing.T) {
	var tests string
	for _, file := range scenarios {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		tests += string(text)
	}
	text, err := monitoring.Rules("")
	if err != nil {
		t.Fatal(err)
	}
	list := rules(t, text)
	if len(list) < 20 {
		t.Fatalf("there are %d rules", len(list))
	}
	for _, r := range list {
		if !strings.Contains(tests, `alertname="`+r.Alert+`"`) {
			t.Errorf("no scenario has %s fire", r.Alert)
		}
		if r.Annotations["summary"] == "" || r.Annotations["description"] == "" || !slices.Contains([]string{"critical", "warning", "info"}, r.Labels["severity"]) {
			t.Errorf("%s has the labels %v and the annotations %v", r.Alert, r.Labels, r.Annotations)
		}
	}
}

// TestMixinNames: whoever routes Alertmanager's own alerts by name goes on
// getting them.
func TestMixinNames(t *testing.T) {
	text, err := monitoring.Rules("")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"AlertmanagerFailedReload", "AlertmanagerMembersInconsistent", "AlertmanagerFailedToSendAlerts", "AlertmanagerClusterFailedToSendAlerts",
		"AlertmanagerConfigInconsistent", "AlertmanagerClusterDown", "AlertmanagerClusterCrashlooping", "AlertmanagerClusterFailedPeers",
	} {
		if !slices.ContainsFunc(rules(t, text), func(r rule) bool { return r.Alert == name }) {
			t.Errorf("there is no %s", name)
		}
	}
}

// TestRulesForAJob: another job's name stands in every selector.
func TestRulesForAJob(t *testing.T) {
	text, err := monitoring.Rules("pager-eu")
	if err != nil {
		t.Fatal(err)
	}
	promtool(t, "check", "rules", write(t, text))
	for _, r := range rules(t, text) {
		if strings.Contains(r.Expr, "=~") || strings.Count(r.Expr, `{job="pager-eu"}`) == 0 || strings.Count(r.Expr, "{") != strings.Count(r.Expr, `{job="pager-eu"}`) {
			t.Errorf("%s has %s", r.Alert, r.Expr)
		}
	}
	for _, bad := range []string{`a"b`, "a\nb", `a\b`, `a{}`, strings.Repeat("a", 201)} {
		if _, err := monitoring.Rules(bad); err == nil {
			t.Errorf("the job %q is taken", bad)
		}
	}
}

// TestDashboardParses has promtool read every expression of the dashboard.
func TestDashboardParses(t *testing.T) {
	panels, err := monitoring.Panels(monitoring.Dashboard())
	if err != nil {
		t.Fatal(err)
	}
	if len(panels) < 30 {
		t.Fatalf("the dashboard has %d expressions", len(panels))
	}
	text := "groups:\n- name: dashboard\n  rules:\n"
	for i, p := range panels {
		expr := strings.NewReplacer("$__rate_interval", "5m", "$job", ".+", "$integration", ".+").Replace(p.Expr)
		if strings.Contains(expr, "$") {
			t.Errorf("%s has a variable that the dashboard does not know: %s", p.Title, p.Expr)
		}
		if len(monitoring.Metrics(expr)) == 0 {
			t.Errorf("%s reads no metric: %s", p.Title, p.Expr)
		}
		text += fmt.Sprintf("  - record: panel:%d\n    expr: %q\n", i, expr)
	}
	promtool(t, "check", "rules", write(t, text))
}

func TestMetrics(t *testing.T) {
	for expr, want := range map[string][]string{
		`sum(rate(alertmanager_notification_latency_seconds_bucket{job="tocsin_x"}[5m])) > up`: {"alertmanager_notification_latency_seconds", "up"},
		`tocsin_a_count / on (job) group_left () tocsin_a_sum`:                                 {"tocsin_a"},
		`count_values("up_x", process_start_time_seconds)`:                                     {"process_start_time_seconds"},
	} {
		if got := monitoring.Metrics(expr); !slices.Equal(got, want) {
			t.Errorf("Metrics(%s) are %v, want %v", expr, got, want)
		}
	}
}

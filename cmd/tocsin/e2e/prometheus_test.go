package e2e_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
)

// exporter serves gauges that the test sets. Safe for concurrent use.
type exporter struct {
	addr string

	mu     sync.Mutex
	gauges map[string]float64 // by name with labels
}

func newExporter(t testing.TB, host string) *exporter {
	t.Helper()
	l, err := net.Listen("tcp", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	e := &exporter{addr: l.Addr().String(), gauges: map[string]float64{}}
	srv := &httptest.Server{Listener: l, Config: &http.Server{Handler: e, ReadHeaderTimeout: 5 * time.Second}}
	srv.Start()
	t.Cleanup(srv.Close)
	return e
}

func (e *exporter) set(values map[string]float64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for name, v := range values {
		e.gauges[name] = v
	}
}

// ServeHTTP answers a scrape.
func (e *exporter) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for name, v := range e.gauges {
		fmt.Fprintf(w, "%s %v\n", name, v)
	}
}

const rules = `groups:
- name: e2e
  rules:
  - alert: NodeDown
    expr: e2e_up == 0
    labels: { severity: page }
    annotations: { summary: "{{ $labels.node }} is down" }
  - alert: DiskFull
    expr: e2e_disk > 90
    labels: { severity: warn }
    annotations: { summary: "disk at {{ $value }} %" }
`

// prometheus is a running Prometheus.
type prometheus struct{ *rig.Client }

// startPrometheus starts one that scrapes the exporter every second and tells
// the Alertmanagers at the given addresses.
func startPrometheus(t testing.TB, listen string, e *exporter, targets []string) *prometheus {
	t.Helper()
	prog := rig.NeedTool(t, "prometheus")
	dir := t.TempDir()
	cfg := fmt.Sprintf(`global: { scrape_interval: 1s, evaluation_interval: 1s, external_labels: { site: e2e } }
alerting:
  alertmanagers:
  - static_configs: [{ targets: [%s] }]
rule_files: [rules.yml]
scrape_configs:
- job_name: e2e
  static_configs: [{ targets: ["%s"] }]
`, `"`+strings.Join(targets, `","`)+`"`, e.addr)
	for file, text := range map[string]string{"prometheus.yml": cfg, "rules.yml": rules} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	rig.Start(t, rig.Spec{Name: "prometheus", Dir: dir, Quiet: true, Argv: []string{
		prog, "--config.file=prometheus.yml", "--storage.tsdb.path=data",
		"--rules.alert.resend-delay=1s", "--web.listen-address=" + listen,
	}})
	p := &prometheus{rig.NewClient("http://" + listen)}
	ok := rig.Eventually(40*time.Second, 200*time.Millisecond, func() bool {
		var got struct {
			Data struct {
				ActiveAlertmanagers []struct{ URL string } `json:"activeAlertmanagers"`
			} `json:"data"`
		}
		r := p.Get("/api/v1/alertmanagers")
		return r.Code == 200 && json.Unmarshal([]byte(r.Body), &got) == nil && len(got.Data.ActiveAlertmanagers) == len(targets)
	})
	if !ok {
		t.Fatal("prometheus does not know its alertmanagers after 40 s")
	}
	return p
}

// firing are the alerts that it holds for firing: when each began, by alertname
// and node.
func (p *prometheus) firing(t testing.TB) map[string]time.Time {
	t.Helper()
	var got struct {
		Data struct {
			Alerts []struct {
				Labels   map[string]string `json:"labels"`
				State    string            `json:"state"`
				ActiveAt time.Time         `json:"activeAt"`
			} `json:"alerts"`
		} `json:"data"`
	}
	r := p.Get("/api/v1/alerts")
	if err := json.Unmarshal([]byte(r.Body), &got); err != nil {
		t.Fatalf("alerts of prometheus: %v: %v", r, err)
	}
	out := map[string]time.Time{}
	for _, a := range got.Data.Alerts {
		if a.State == "firing" {
			out[a.Labels["alertname"]+"/"+a.Labels["node"]] = a.ActiveAt
		}
	}
	return out
}

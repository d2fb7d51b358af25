package v2_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"tocsin/dispatcher"
	"tocsin/dispatcher/alert"
)

// many fills a node with alerts as Prometheus sends them: eight labels, and 300
// bytes of annotations.
func many(b *testing.B, count int) *node {
	b.Helper()
	n := newNode(b)
	batch := make([]alert.Alert, 0, count)
	for i := range count {
		a := alert.Of(alert.NewLabels(map[string]string{
			"alertname": fmt.Sprintf("Alert%d", i%50), "instance": fmt.Sprintf("host-%d.example.com:9100", i),
			"job": "node", "severity": []string{"warning", "critical"}[i%2], "cluster": "eu-1", "namespace": fmt.Sprintf("ns-%d", i%200),
			"pod": fmt.Sprintf("pod-%d", i), "prometheus": "monitoring/k8s",
		}))
		a.Annotations = alert.NewAnnotations(map[string]string{
			"summary":     fmt.Sprintf("Instance host-%d.example.com:9100 has a problem that somebody ought to look at", i),
			"description": fmt.Sprintf("The value is %d, which is more than 80%% for the last 10 minutes. \"Look\" at the dashboard, then at the runbook, and then again.", i),
			"runbook_url": "https://runbooks.example.com/alerts/something-is-wrong-with-a-host",
		})
		a.StartsAt, a.UpdatedAt, a.EndsAt = now.Add(-3600e9).UnixNano(), now.UnixNano(), now.Add(240e9).UnixNano()
		a.GeneratorURL = alertSymbol(fmt.Sprintf("http://prometheus.example.com/graph?g0.expr=up+%%3D%%3D+%d&g0.tab=1", i%50))
		batch = append(batch, a)
	}
	n.store.Put(now, batch)
	return n
}

// sink is a writer that keeps nothing.
type sink struct {
	header http.Header
	bytes  int64
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(int)             {}
func (s *sink) Write(p []byte) (int, error) { s.bytes += int64(len(p)); return len(p), nil }

func benchGet(b *testing.B, n *node, target string) {
	b.Helper()
	req := httptest.NewRequest(http.MethodGet, target, nil)
	b.ReportAllocs()
	var size int64
	for b.Loop() {
		w := &sink{header: http.Header{}}
		n.handler.ServeHTTP(w, req)
		size = w.bytes
	}
	b.ReportMetric(float64(size)/1e6, "MB-body")
}

func BenchmarkGetAlerts(b *testing.B) {
	for _, count := range []int{10_000, 50_000} {
		n := many(b, count)
		b.Run(fmt.Sprintf("%d", count), func(b *testing.B) { benchGet(b, n, "/api/v2/alerts") })
		b.Run(fmt.Sprintf("%d/one", count), func(b *testing.B) {
			benchGet(b, n, "/api/v2/alerts?filter=pod%3D%22pod-77%22")
		})
	}
}

func BenchmarkGetGroups(b *testing.B) {
	n := many(b, 50_000)
	byName := map[string][]dispatcher.GroupedAlert{}
	for r := range n.store.All() {
		a := r.Load()
		byName[a.Name()] = append(byName[a.Name()], dispatcher.GroupedAlert{
			Alert: a, Status: dispatcher.AlertStatus{State: dispatcher.StateActive}, Receivers: oneReceiver,
		})
	}
	for name, alerts := range byName {
		n.disp.groups = append(n.disp.groups, dispatcher.GroupView{
			Receiver: "team-x", Labels: labelsOf("alertname=" + name), Alerts: alerts,
		})
	}
	benchGet(b, n, "/api/v2/alerts/groups")
}

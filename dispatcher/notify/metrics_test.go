package notify_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/alertmanager/featurecontrol"
	amnotify "github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"tocsin/dispatcher/config"
	"tocsin/dispatcher/notify"
)

// series are the names and labels of all series of a registry but for those of
// the metric that whoever mutes has to give.
func series(t *testing.T, g prometheus.Gatherer) map[string]bool {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]bool)
	for _, f := range families {
		if f.GetName() == "alertmanager_notifications_suppressed_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			var b strings.Builder
			b.WriteString(f.GetName() + f.GetType().String())
			for _, l := range m.GetLabel() {
				b.WriteString(" " + l.GetName() + "=" + l.GetValue())
			}
			out[b.String()] = true
		}
	}
	return out
}

// TestMetricsAreAlertmanagers: the same series are there from the start.
func TestMetricsAreAlertmanagers(t *testing.T) {
	theirs, ours := prometheus.NewRegistry(), prometheus.NewRegistry()
	amnotify.NewMetrics(theirs, featurecontrol.NoopFlags{}).InitializeFor(nil)
	notify.NewMetrics(notify.MetricsOptions{Registerer: ours})
	got, want := series(t, ours), series(t, theirs)
	for s := range want {
		if !got[s] {
			t.Errorf("there is no %s", s)
		}
	}
	for s := range got {
		if !want[s] {
			t.Errorf("there is %s, which Alertmanager has not", s)
		}
	}
	if len(want) < 150 {
		t.Errorf("there are only %d series to compare", len(want))
	}
}

func TestMetricsCount(t *testing.T) {
	for _, names := range []bool{false, true} {
		s := newSink(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
		reg := prometheus.NewRegistry()
		m := notify.NewMetrics(notify.MetricsOptions{Registerer: reg, ReceiverNames: names})
		is := build(t, webhookYAML("{url: '"+s.URL+"'}"), config.Options{Metrics: m})
		m.Prepare([]*notify.Receiver{{Name: "r", Integrations: is}})
		m.Begun(is[0])
		r := is[0].Send(t.Context(), message())
		m.Failed(is[0], r.Reason)
		label := ""
		if names {
			label = `,receiver_name="r"`
		}
		want := strings.ReplaceAll(`
# HELP alertmanager_notification_requests_failed_total Tries to send a notification that failed.
# TYPE alertmanager_notification_requests_failed_total counter
alertmanager_notification_requests_failed_total{integration="webhook"LABEL} 1
# HELP alertmanager_notification_requests_total Tries to send a notification.
# TYPE alertmanager_notification_requests_total counter
alertmanager_notification_requests_total{integration="webhook"LABEL} 1
# HELP alertmanager_notifications_total Notifications that were begun.
# TYPE alertmanager_notifications_total counter
alertmanager_notifications_total{integration="webhook"LABEL} 1
`, "LABEL", label)
		if !names {
			for _, typ := range notify.Types() {
				if typ == "webhook" {
					continue
				}
				for _, name := range []string{"requests_failed", "requests", "notifications"} {
					full := "alertmanager_notification_" + name + "_total"
					if name == "notifications" {
						full = "alertmanager_notifications_total"
					}
					want += full + `{integration="` + typ + `"} 0` + "\n"
				}
			}
		}
		err := testutil.GatherAndCompare(reg, strings.NewReader(want),
			"alertmanager_notification_requests_failed_total", "alertmanager_notification_requests_total", "alertmanager_notifications_total")
		if err != nil {
			t.Error(err)
		}
		if n, err := testutil.GatherAndCount(reg, "alertmanager_notifications_failed_total"); err != nil || names && n != 7 || !names && n != 7*18 {
			t.Errorf("there are %d series of failures, %v", n, err)
		}
	}
}

func TestNilMetricsCountNothing(t *testing.T) {
	var m *notify.Metrics
	m.Prepare(nil)
	m.Begun(nil)
	m.Failed(nil, "other")
}

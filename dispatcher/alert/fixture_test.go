package alert_test

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/featurecontrol"
	"github.com/prometheus/alertmanager/matcher/compat"
	prommodel "github.com/prometheus/common/model"
	"pgregory.net/rapid"

	"tocsin/dispatcher/alert"
)

// TestMain puts the library that serves as our oracle into its default mode: as
// it starts, it knows classic label names only.
func TestMain(m *testing.M) {
	compat.InitFromFlags(slog.New(slog.NewTextHandler(io.Discard, nil)), featurecontrol.NoopFlags{})
	os.Exit(m.Run())
}

// base is when most tests begin.
var base = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// at is d after base, in the form of an Alert.
func at(d time.Duration) int64 { return base.Add(d).UnixNano() }

// drawLabelMap draws up to n labels from a small vocabulary, so that sets meet.
func drawLabelMap(t *rapid.T, n int) map[string]string {
	names := rapid.SampledFrom([]string{"a", "b", "alertname", "job", "instance", "ü", "a b"})
	values := rapid.SampledFrom([]string{"", "1", "2", "10", "node-1", "Ω", "x\ny"})
	return rapid.MapOfN(names, values, 0, n).Draw(t, "labels")
}

func labelSet(m map[string]string) prommodel.LabelSet {
	ls := make(prommodel.LabelSet, len(m))
	for n, v := range m {
		ls[prommodel.LabelName(n)] = prommodel.LabelValue(v)
	}
	return ls
}

// times are the moments of an alert, each after base.
type times struct{ start, end, updated time.Duration }

// build is an alert named name with one annotation.
func build(name, summary string, ts times) alert.Alert {
	a := alert.Of(alert.NewLabels(map[string]string{"alertname": name}))
	a.Annotations = alert.NewAnnotations(map[string]string{"summary": summary})
	a.StartsAt, a.EndsAt, a.UpdatedAt = at(ts.start), at(ts.end), at(ts.updated)
	return a
}

func record(t testing.TB, s *alert.Store, a alert.Alert) *alert.Record {
	t.Helper()
	r, ok := s.Get(a.Hash)
	if !ok {
		t.Fatalf("alert %s is not in the store", a.Labels)
	}
	return r
}

// show is an alert for failure messages.
func show(a *alert.Alert) string {
	if a == nil {
		return "none"
	}
	return fmt.Sprintf("%s %v [%v, %v] updated %v timeout %v", a.Labels, a.Annotations.Map(),
		alert.Time(a.StartsAt), alert.Time(a.EndsAt), alert.Time(a.UpdatedAt), a.Timeout)
}

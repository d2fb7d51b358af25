package alert_test

import (
	"testing"

	upstream "github.com/prometheus/alertmanager/alert"
	"pgregory.net/rapid"

	"tocsin/dispatcher/alert"
)

func TestOrderIsAlertmanagers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := alert.Of(alert.NewLabels(drawLabelMap(t, 4)))
		b := alert.Of(alert.NewLabels(drawLabelMap(t, 4)))
		ua, ub := a.Upstream(), b.Upstream()
		if got, want := alert.Compare(&a, &b), order(upstream.AlertSlice{ua, ub}.Less); got != want {
			t.Fatalf("compare %s with %s: %d, want %d", a.Labels, b.Labels, got, want)
		}
		before := func(i, j int) bool {
			sets := [...]*upstream.Alert{ua, ub}
			return sets[i].Labels.Before(sets[j].Labels)
		}
		if got, want := alert.CompareLabels(a.Labels, b.Labels), order(before); got != want {
			t.Fatalf("compare labels %s with %s: %d, want %d", a.Labels, b.Labels, got, want)
		}
		byFingerprint := func(i, j int) bool {
			sets := [...]*upstream.Alert{ua, ub}
			return sets[i].Fingerprint() < sets[j].Fingerprint()
		}
		if got, want := alert.CompareFingerprint(&a, &b), order(byFingerprint); got != want {
			t.Fatalf("compare fingerprints of %s with %s: %d, want %d", a.Labels, b.Labels, got, want)
		}
	})
}

// order is what a comparison of element 0 with 1 should say.
func order(less func(i, j int) bool) int {
	switch {
	case less(0, 1):
		return -1
	case less(1, 0):
		return 1
	default:
		return 0
	}
}

package alert_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	upstream "github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/nflog"
	"github.com/prometheus/alertmanager/nflog/nflogpb"
	"github.com/prometheus/alertmanager/notify"
	prommodel "github.com/prometheus/common/model"
	"pgregory.net/rapid"

	"tocsin/dispatcher/alert"
	"tocsin/fsm/model"
)

func TestFingerprintIsAlertmanagers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := rapid.OneOf(
			rapid.Custom(func(t *rapid.T) map[string]string { return drawLabelMap(t, 6) }),
			rapid.MapOf(rapid.String(), rapid.String()),
		).Draw(t, "map")
		got, want := alert.NewLabels(m).Fingerprint(), uint64(labelSet(m).Fingerprint())
		if got != want {
			t.Fatalf("fingerprint of %v is %016x, want %016x", m, got, want)
		}
	})
}

func TestHashIsAlertmanagers(t *testing.T) {
	long := map[string]string{"alertname": "x", "path": strings.Repeat("/very/long", 200)}
	if got, want := alert.NewLabels(long).Hash(), hashByAlertmanager(t, long); got != want {
		t.Errorf("hash of long labels is %x, want %x", got, want)
	}
	rapid.Check(t, func(rt *rapid.T) {
		m := drawLabelMap(rt, 6)
		if got, want := alert.NewLabels(m).Hash(), hashByAlertmanager(t, m); got != want {
			rt.Fatalf("hash of %v is %x, want %x", m, got, want)
		}
	})
}

// hashByAlertmanager asks the stage that computes the hashes of the
// notification log.
func hashByAlertmanager(t *testing.T, m map[string]string) model.AlertHash {
	t.Helper()
	ctx := notify.WithGroupKey(context.Background(), "key")
	ctx = notify.WithRepeatInterval(ctx, time.Hour)
	stage := notify.NewDedupStage(resolvedSender{}, emptyLog{}, &nflogpb.Receiver{})
	ctx, _, err := stage.Exec(ctx, nil, &upstream.Alert{Alert: prommodel.Alert{Labels: labelSet(m)}})
	if err != nil {
		t.Fatalf("ask upstream: %v", err)
	}
	firing, ok := notify.FiringAlerts(ctx)
	if !ok || len(firing) != 1 {
		t.Fatalf("upstream has firing alerts %v, want one", firing)
	}
	return model.AlertHash(firing[0])
}

type resolvedSender struct{}

func (resolvedSender) SendResolved() bool { return true }

type emptyLog struct{}

func (emptyLog) Log(*nflogpb.Receiver, string, []uint64, []uint64, *nflog.Store, time.Duration) error {
	return nil
}

func (emptyLog) Query(...nflog.QueryParam) ([]*nflogpb.Entry, error) { return nil, nil }

func TestLabelsAreSortedAndFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawLabelMap(t, 6)
		ls := alert.NewLabels(m)
		if !maps.Equal(ls.Map(), m) {
			t.Fatalf("labels %v hold %v", m, ls.Map())
		}
		var names []string
		for n := range ls.All() {
			names = append(names, n)
		}
		if !slices.IsSorted(names) {
			t.Fatalf("names are not ascending: %q", names)
		}
		for n, v := range m {
			if got, ok := ls.Find(n); got != v || !ok {
				t.Fatalf("label %q is %q (%v), want %q", n, got, ok, v)
			}
		}
		if v, ok := ls.Find("absent"); ok || v != "" || ls.Get("absent") != "" {
			t.Fatalf("found a label that is not there: %q", v)
		}
		if got, want := ls.String(), labelSet(m).String(); got != want {
			t.Fatalf("string is %s, want %s", got, want)
		}
	})
}

func TestAnnotationsKeepWhatTheyGot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := rapid.MapOf(rapid.String(), rapid.OneOf(rapid.String(),
			rapid.Map(rapid.IntRange(0, 40000), func(n int) string { return strings.Repeat("v", n) }),
		)).Draw(t, "annotations")
		as := alert.NewAnnotations(m)
		if !maps.Equal(as.Map(), m) || as.Len() != len(m) {
			t.Fatalf("annotations %v hold %v", m, as.Map())
		}
		var names []string
		for n, v := range as.All() {
			names = append(names, n)
			if as.Get(n) != v {
				t.Fatalf("annotation %q is %q, want %q", n, as.Get(n), v)
			}
		}
		if !slices.IsSorted(names) {
			t.Fatalf("names are not ascending: %q", names)
		}
		if as != alert.NewAnnotations(maps.Clone(m)) {
			t.Fatalf("equal annotations differ")
		}
	})
}

package app

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"tocsin/dispatcher/alert"
	"tocsin/store"
)

const savedAlerts = 100_000

// fullStore has savedAlerts alerts, and has told of them.
func fullStore(now time.Time, changed func([]alert.Change, alert.Origin)) *alert.Store {
	s := alert.NewStore(alert.Options{})
	s.Subscribe(changed)
	s.Put(now, benchAlerts(savedAlerts))
	return s
}

// BenchmarkSaveAndLoad writes 100,000 new alerts to a file on the disk, and loads
// them into a new store.
func BenchmarkSaveAndLoad(b *testing.B) {
	for b.Loop() {
		local, err := store.OpenLocal(filepath.Join(b.TempDir(), "local.db"), store.Options{})
		if err != nil {
			b.Fatal(err)
		}
		log := slog.New(slog.DiscardHandler)
		now := time.Now()
		saver := newAlertSaver(local, alert.NewStore(alert.Options{}), time.Now, log, nil)
		saver.alerts = fullStore(now, saver.changed)
		began := time.Now()
		saver.flush()
		saved := time.Since(began)

		began = time.Now()
		fresh := alert.NewStore(alert.Options{})
		newAlertSaver(local, fresh, time.Now, log, nil).load(func(batch []alert.Alert) alert.PutResult { return fresh.Merge(now, batch) })
		b.ReportMetric(saved.Seconds(), "s/save")
		b.ReportMetric(time.Since(began).Seconds(), "s/load")
		if fresh.Len() != savedAlerts {
			b.Fatalf("%d alerts were loaded", fresh.Len())
		}
		if err := local.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSweep is the look for alerts whose time has run out.
func BenchmarkSweep(b *testing.B) {
	saver := newAlertSaver(nil, alert.NewStore(alert.Options{}), time.Now, slog.New(slog.DiscardHandler), nil)
	saver.alerts = fullStore(time.Now(), saver.changed)
	for b.Loop() {
		saver.sweep()
	}
}

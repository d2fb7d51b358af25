package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/dispatcher/alert"
	"tocsin/fsm/model"
	"tocsin/store"
)

// keepAlerts takes in the alerts that an earlier process has saved, and has
// those of this one saved from now on. It comes before anything is heard from
// peers or sources, and before the first group is formed, so that inhibition
// holds from the first flush.
//
// Groups and their timers are not saved: a restart needs nothing of them that is
// not known otherwise. What was told, and when, is in the ledger, which lets
// nobody tell a group again before its group interval is over, whatever the
// nodes' timers say. A group with an alert that is older than the group wait is
// looked at at once, as in Alertmanager: what it has to tell that was not told,
// such as an end that came meanwhile, is told then, or when the ledger allows.
// From then on it is looked at every group interval. So a new alert of an old
// group is told no earlier than the ledger allows, and when it does at the
// latest.
func (n *Node) keepAlerts() *alertSaver {
	s := newAlertSaver(n.local, n.alerts, n.cluster.Now, n.opts.Logger, n.opts.Registerer)
	s.load(n.dispatch.Merge)
	cancel := n.alerts.Subscribe(s.changed)
	n.background("saving of alerts", closeFile, func(ctx context.Context) error {
		defer cancel()
		s.run(ctx)
		return nil
	})
	return s
}

// The first byte of a saved alert; behind it is the wire form.
const (
	savedAlert = 0
	// savedOver: its time had run out.
	savedOver = 1
)

var errSavedAlert = errors.New("not a saved alert")

// appendSaved writes the alert behind dst as it is saved at now. It is false if
// it is too large to be saved.
func appendSaved(dst []byte, a *alert.Alert, now time.Time) ([]byte, bool) {
	var flags byte = savedAlert
	if a.Lapsed(now) {
		flags = savedOver
	}
	start := len(dst)
	dst = append(dst, flags)
	dst = alert.AppendWire(dst, a)
	if len(dst) == start+1 {
		return dst[:start], false
	}
	return dst, true
}

// readSaved is the saved alert as it is for a process that starts at now.
func readSaved(r store.AlertRecord, now time.Time) (alert.Alert, error) {
	if len(r.Body) == 0 || r.Body[0] > savedOver {
		return alert.Alert{}, fmt.Errorf("%w: its first byte", errSavedAlert)
	}
	a, err := alert.ReadWire(r.Body[1:])
	if err != nil {
		return alert.Alert{}, err
	}
	if uint64(a.Hash) != r.Hash {
		return alert.Alert{}, fmt.Errorf("%w: it is under the hash of another", errSavedAlert)
	}
	return alert.Restored(a, now, r.Body[0] == savedOver), nil
}

// loadBatch is how many alerts are taken in at once.
const loadBatch = 1024

// load takes in what is in the file. Records that cannot be read are left out
// and leave the file: sources and peers have them better.
func (s *alertSaver) load(merge func([]alert.Alert) alert.PutResult) {
	began, now := time.Now(), s.now()
	var loaded, kept, bad int
	var first error
	batch := make([]alert.Alert, 0, loadBatch)
	err := s.file.Alerts(func(r store.AlertRecord) error {
		a, err := readSaved(r, now)
		if err != nil {
			bad++
			first = cmp.Or(first, err)
			s.put(model.AlertHash(r.Hash))
			return nil
		}
		if a.Kept(now) {
			kept++
		}
		loaded++
		if batch = append(batch, a); len(batch) == loadBatch {
			merge(batch)
			batch = batch[:0]
		}
		return nil
	})
	merge(batch)
	s.metrics.loaded.Set(float64(loaded))
	switch {
	case err != nil:
		s.log.Error("saved alerts cannot be read; sources and peers have to give them again", "loaded", loaded, "err", err)
	case bad > 0:
		s.log.Error("some saved alerts cannot be read and are dropped; sources and peers have to give them again", "loaded", loaded, "dropped", bad, "err", first)
		s.wake()
	case loaded > 0:
		s.log.Info("alerts were loaded", "count", loaded, "sources_have_to_speak", kept, "took", time.Since(began))
	}
}

// saverMetrics say how the saving of alerts goes.
type saverMetrics struct {
	loaded, last  prometheus.Gauge
	saved, failed prometheus.Counter
}

func newSaverMetrics(s *alertSaver, reg prometheus.Registerer) saverMetrics {
	m := saverMetrics{
		loaded: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tocsin_saved_alerts_loaded", Help: "Alerts that were loaded from the local file at the start.",
		}),
		last: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tocsin_alerts_last_saved_timestamp_seconds", Help: "When alerts were last written to the local file.",
		}),
		saved: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tocsin_alerts_saved_total", Help: "Records of alerts that were written to the local file or dropped from it.",
		}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tocsin_alert_saves_failed_total", Help: "Writes of alerts to the local file that failed; they are tried again.",
		}),
	}
	if reg != nil {
		reg.MustRegister(m.loaded, m.last, m.saved, m.failed, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "tocsin_alerts_unsaved", Help: "Alerts that wait to be written to the local file.",
		}, func() float64 { return float64(s.pending()) }))
	}
	return m
}

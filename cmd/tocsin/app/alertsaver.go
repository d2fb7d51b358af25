package app

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/dispatcher/alert"
	"tocsin/fsm/model"
	"tocsin/store"
)

// alertSaver brings the alerts into the local file, from a goroutine of its own.
// It is told which alerts have changed and remembers their hashes only; what is
// written is what the store says of them at that moment. So a change costs a
// place in a set, the newest state is written however often it changes before,
// and a disk that hangs or is full holds up the file and nothing else (I15).
//
// What is written when: transitions within savePause, together with all that
// wait. Refreshes are not, unless a restart would make something else of them
// (alert.Drifted). That an alert's time has run out is no update, so the saver
// looks for it every sweepAlerts, and marks the record: a restart must know which
// alerts were over before. An alert that was collected leaves the file.
type alertSaver struct {
	file   alertFile
	alerts *alert.Store
	now    func() time.Time
	log    *slog.Logger
	kick   chan struct{}

	metrics saverMetrics

	mu sync.Mutex // guards the rest
	// bound is how many hashes may be in dirty; maxDirty but in tests.
	bound int
	// dirty are the alerts whose record is not what it should be.
	dirty map[model.AlertHash]struct{}
	// all: dirty was full; every alert has to be looked at.
	all bool
	// swept is up to when alerts were looked for whose time has run out.
	swept time.Time
	// failing: the last write has failed, and that was said.
	failing bool
}

// alertFile is what an alertSaver asks of the local file.
type alertFile interface {
	WriteAlerts(put []store.AlertRecord, drop []uint64) error
	Alerts(fn func(store.AlertRecord) error) error
}

const (
	// savePause is between two writes at least. It is also how long the first
	// change after a while waits for others.
	savePause = 150 * time.Millisecond
	// saveBusy is between two writes under load.
	saveBusy = 500 * time.Millisecond
	// saveBatch bounds the alerts of one transaction, so that other records
	// which wait for the file get in between soon.
	saveBatch = 4096
	// saveRetry is when what the disk did not take is tried again.
	saveRetry = 5 * time.Second
	// sweepAlerts is how often alerts are looked for whose time has run out.
	sweepAlerts = 5 * time.Second
	// maxDirty bounds the hashes in memory. Beyond, all alerts are written.
	maxDirty = 1 << 18
)

func newAlertSaver(file alertFile, alerts *alert.Store, now func() time.Time, log *slog.Logger, reg prometheus.Registerer) *alertSaver {
	s := &alertSaver{
		file: file, alerts: alerts, now: now, log: log, kick: make(chan struct{}, 1), bound: maxDirty,
		dirty: make(map[model.AlertHash]struct{}), swept: now(),
	}
	s.metrics = newSaverMetrics(s, reg)
	return s
}

// changed is told what a batch did. It is for alert.Store.Subscribe.
func (s *alertSaver) changed(changes []alert.Change, _ alert.Origin) {
	for i := range changes {
		if s.matters(&changes[i]) {
			s.mark(changes[i:])
			return
		}
	}
}

// matters reports whether the record of an alert has to be written for a change.
func (s *alertSaver) matters(c *alert.Change) bool {
	return c.Kind != alert.Refreshed || alert.Drifted(c.Old, c.New)
}

func (s *alertSaver) mark(changes []alert.Change) {
	s.mu.Lock()
	for i := range changes {
		if s.matters(&changes[i]) {
			s.put(changes[i].New.Hash)
		}
	}
	s.mu.Unlock()
	s.wake()
}

// put remembers an alert; s.mu is held.
func (s *alertSaver) put(h model.AlertHash) {
	if _, known := s.dirty[h]; !known && len(s.dirty) >= s.bound {
		s.all = true
		return
	}
	s.dirty[h] = struct{}{}
}

// collected is told which records have left the store. It is for alert.Store.Run.
func (s *alertSaver) collected(records []*alert.Record) {
	s.mu.Lock()
	for _, r := range records {
		s.put(r.Load().Hash)
	}
	s.mu.Unlock()
	s.wake()
}

func (s *alertSaver) wake() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// pending counts the alerts that are to be written.
func (s *alertSaver) pending() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all {
		return max(len(s.dirty), s.alerts.Len())
	}
	return len(s.dirty)
}

// run writes until ctx ends, and then what is left.
func (s *alertSaver) run(ctx context.Context) {
	sweep := time.NewTicker(sweepAlerts)
	defer sweep.Stop()
	defer s.flush()
	for {
		select {
		case <-ctx.Done():
			return
		case <-sweep.C:
			s.sweep()
			continue
		case <-s.kick:
		}
		for pause := savePause; pause > 0; {
			if !pauseFor(ctx, pause) {
				return
			}
			pause = s.write()
		}
	}
}

// pauseFor is false if ctx ended before.
func pauseFor(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// flush writes all that is left, until it is there or the disk refuses.
func (s *alertSaver) flush() {
	s.sweep()
	for wait := s.write(); wait > 0 && wait < saveRetry; wait = s.write() {
	}
}

// write brings the file up to date with one transaction, and says how long to
// wait before the next; 0 if nothing is left.
func (s *alertSaver) write() (wait time.Duration) {
	s.rescan()
	batch := s.take()
	if len(batch) == 0 {
		return 0
	}
	put, drop := s.records(batch)
	err := s.file.WriteAlerts(put, drop)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		for _, h := range batch {
			s.put(h)
		}
		s.failed(err)
		return saveRetry
	}
	s.saved(len(batch))
	switch {
	case len(s.dirty) >= saveBatch || s.all:
		return savePause
	case len(batch) >= saveBatch/4:
		return saveBusy
	default:
		return 0
	}
}

func (s *alertSaver) failed(err error) {
	s.metrics.failed.Inc()
	if !s.failing {
		s.failing = true
		s.log.Error("alerts cannot be saved; they are in memory and everything else goes on, and saving is tried again every 5 seconds", "unsaved", len(s.dirty), "err", err)
	}
}

func (s *alertSaver) saved(n int) {
	s.metrics.saved.Add(float64(n))
	s.metrics.last.Set(float64(s.now().UnixMilli()) / 1000)
	if s.failing {
		s.failing = false
		s.log.Info("alerts are saved again")
	}
}

// take is what one transaction takes of the dirty alerts.
func (s *alertSaver) take() []model.AlertHash {
	s.mu.Lock()
	defer s.mu.Unlock()
	batch := make([]model.AlertHash, 0, min(len(s.dirty), saveBatch))
	for h := range s.dirty {
		if len(batch) == saveBatch {
			break
		}
		batch = append(batch, h)
		delete(s.dirty, h)
	}
	return batch
}

// records are the alerts as they are now, and those that are no more.
func (s *alertSaver) records(batch []model.AlertHash) (put []store.AlertRecord, drop []uint64) {
	now := s.now()
	var room []byte
	for _, h := range batch {
		r, ok := s.alerts.Get(h)
		if !ok {
			drop = append(drop, uint64(h))
			continue
		}
		start := len(room)
		var kept bool
		if room, kept = appendSaved(room, r.Load(), now); !kept {
			drop = append(drop, uint64(h))
			continue
		}
		put = append(put, store.AlertRecord{Hash: uint64(h), Body: room[start:len(room):len(room)]})
	}
	return put, drop
}

// sweep finds the alerts whose time has run out since the last look.
func (s *alertSaver) sweep() {
	s.mu.Lock()
	from, now := s.swept, s.now()
	s.swept = now
	s.mu.Unlock()
	var over []model.AlertHash
	for r := range s.alerts.All() {
		if a := r.Load(); a.Lapsed(now) && !a.Lapsed(from) {
			over = append(over, a.Hash)
		}
	}
	if len(over) == 0 {
		return
	}
	s.mu.Lock()
	for _, h := range over {
		s.put(h)
	}
	s.mu.Unlock()
	s.wake()
}

// rescan looks at everything after there were too many changes to remember: at
// all alerts, and at all records of alerts that are no more.
func (s *alertSaver) rescan() {
	s.mu.Lock()
	all := s.all && len(s.dirty) < saveBatch
	if all {
		s.all = false
	}
	s.mu.Unlock()
	if !all {
		return
	}
	hashes := make([]model.AlertHash, 0, s.alerts.Len())
	for r := range s.alerts.All() {
		hashes = append(hashes, r.Load().Hash)
	}
	err := s.file.Alerts(func(r store.AlertRecord) error {
		if h := model.AlertHash(r.Hash); !s.has(h) {
			hashes = append(hashes, h)
		}
		return nil
	})
	if err != nil {
		s.log.Warn("saved alerts cannot be gone through; some that are over may stay in the file", "err", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range hashes {
		s.dirty[h] = struct{}{} // no more than there are alerts
	}
}

func (s *alertSaver) has(h model.AlertHash) bool {
	_, ok := s.alerts.Get(h)
	return ok
}

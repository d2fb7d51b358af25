package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"tocsin/fsm/model"
)

// overlayFile brings this node's overlays into the local file, from a goroutine
// of its own: a disk that hangs holds up the file and nothing else (I15). What a
// full disk does not take is tried again until it is there or not needed.
type overlayFile struct {
	local overlayStore // nil: nothing is kept
	log   *slog.Logger
	kick  chan struct{}

	mu   sync.Mutex // guards jobs
	jobs map[model.DeliveryKey]*overlayJob
}

// overlayStore is what overlayFile asks of the local file.
type overlayStore interface {
	PutOverlay(o model.Overlay) error
	DeleteOverlay(key model.DeliveryKey, mark model.OverlayMark) error
}

// overlayJob is what is to be done about the overlay of one key. There is at
// most one a key, so the jobs are bounded by the overlays.
type overlayJob struct {
	put  *model.Overlay     // the newest one, nil if it is there
	drop *model.OverlayMark // up to which one they are not needed any more
	done []chan error       // of those who wait for put
}

const (
	// keepTime is how long a message waits for its overlay to be kept.
	keepTime = time.Second
	// fileRetry is when what could not be written is tried again.
	fileRetry = 5 * time.Second
)

func newOverlayFile(local overlayStore, log *slog.Logger) *overlayFile {
	return &overlayFile{
		local: local, log: log, kick: make(chan struct{}, 1),
		jobs: make(map[model.DeliveryKey]*overlayJob),
	}
}

// keep has o written, and waits until it is synced, but not for longer than
// keepTime. Errors: ErrStorage, or what the file said.
func (f *overlayFile) keep(o model.Overlay) error {
	if f.local == nil {
		return nil
	}
	done := make(chan error, 1)
	f.put(o, done)
	t := time.NewTimer(keepTime)
	defer t.Stop()
	select {
	case err := <-done:
		return err
	case <-t.C:
		return fmt.Errorf("%w: keep overlay: the disk does not answer", ErrStorage)
	}
}

// put has o written some time.
func (f *overlayFile) put(o model.Overlay, done chan error) {
	if f.local == nil {
		return
	}
	f.mu.Lock()
	j := f.job(o.Key)
	if j.put == nil || !markOf(*j.put).Covers(o) {
		j.put = &o
	}
	if done != nil {
		j.done = append(j.done, done)
	}
	f.mu.Unlock()
	f.wake()
}

// drop has the overlay of a key that mark covers deleted some time.
func (f *overlayFile) drop(key model.DeliveryKey, mark model.OverlayMark) {
	if f.local == nil {
		return
	}
	f.mu.Lock()
	j := f.job(key)
	if j.put != nil && mark.Covers(*j.put) {
		j.put = nil
		tellAll(j.done, nil)
		j.done = nil
	}
	j.drop = &mark
	f.mu.Unlock()
	f.wake()
}

// job is the one of a key; f.mu is held.
func (f *overlayFile) job(key model.DeliveryKey) *overlayJob {
	j := f.jobs[key]
	if j == nil {
		j = &overlayJob{}
		f.jobs[key] = j
	}
	return j
}

func (f *overlayFile) wake() {
	select {
	case f.kick <- struct{}{}:
	default:
	}
}

// run does the jobs until ctx ends, and then those that are left once more.
func (f *overlayFile) run(ctx context.Context) {
	if f.local == nil {
		return
	}
	t := time.NewTicker(fileRetry)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			f.work()
			return
		case <-f.kick:
		case <-t.C:
		}
		f.work()
	}
}

// work does the jobs that there are; those that fail stay.
func (f *overlayFile) work() {
	f.mu.Lock()
	jobs := f.jobs
	f.jobs = make(map[model.DeliveryKey]*overlayJob)
	f.mu.Unlock()
	failed := 0
	for key, j := range jobs {
		if err := f.do(key, j); err != nil {
			failed++
			f.log.Debug("an overlay could not be brought into the local file; it is tried again", "key", key.String(), "err", err)
			f.putBack(key, j)
		}
	}
	if failed > 0 {
		f.log.Warn("overlays could not be brought into the local file; they are in memory, and tried again", "count", failed)
	}
}

func (f *overlayFile) do(key model.DeliveryKey, j *overlayJob) error {
	if j.put != nil {
		err := f.local.PutOverlay(*j.put)
		tellAll(j.done, err)
		j.done = nil
		if err != nil {
			return err
		}
		j.put = nil
	}
	if j.drop != nil {
		return f.local.DeleteOverlay(key, *j.drop)
	}
	return nil
}

// putBack keeps a job that failed, under what has come in for its key since.
func (f *overlayFile) putBack(key model.DeliveryKey, j *overlayJob) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.job(key)
	if now.put == nil && (now.drop == nil || j.put == nil || !now.drop.Covers(*j.put)) {
		now.put = j.put
	}
	if now.drop == nil {
		now.drop = j.drop
	}
}

func tellAll(waiting []chan error, err error) {
	for _, c := range waiting {
		c <- err
	}
}

package cluster

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tocsin/fsm/model"
)

// disk is a local file whose disk hangs or is full while it is told to.
type disk struct {
	mu   sync.Mutex // guards the rest
	hang chan struct{}
	full bool
	kept map[model.DeliveryKey]model.Overlay
}

var errFull = errors.New("full")

func (d *disk) work(do func()) error {
	d.mu.Lock()
	hang := d.hang
	d.mu.Unlock()
	if hang != nil {
		<-hang
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.full {
		return errFull
	}
	do()
	return nil
}

func (d *disk) PutOverlay(o model.Overlay) error {
	return d.work(func() { d.kept[o.Key] = o })
}

func (d *disk) DeleteOverlay(k model.DeliveryKey, m model.OverlayMark) error {
	return d.work(func() {
		if m.Covers(d.kept[k]) {
			delete(d.kept, k)
		}
	})
}

func (d *disk) set(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
}

func (d *disk) seq(k model.DeliveryKey) uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.kept[k].Seq
}

func withOverlayFile(t *testing.T, test func(f *overlayFile, d *disk)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := &disk{kept: make(map[model.DeliveryKey]model.Overlay)}
		f := newOverlayFile(d, slog.New(slog.NewTextHandler(t.Output(), nil)))
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { f.run(ctx) })
		test(f, d)
		cancel()
		wg.Wait()
	})
}

var overlayKey = model.DeliveryKey{Group: "{}", Receiver: "team", Integration: "webhook/1"}

func overlayOf(seq uint64) model.Overlay {
	return model.Overlay{Key: overlayKey, Origin: "a", Epoch: 1, Seq: seq}
}

// I15: a disk that hangs holds a message up for a second, and costs nothing
// that stays.
func TestHangingDiskHoldsNoMessageUp(t *testing.T) {
	withOverlayFile(t, func(f *overlayFile, d *disk) {
		hang := make(chan struct{})
		d.set(func() { d.hang = hang })
		for seq := range uint64(50) {
			began := time.Now()
			if err := f.keep(overlayOf(seq + 1)); !errors.Is(err, ErrStorage) {
				t.Fatalf("keeping on a disk that hangs: %v", err)
			}
			if took := time.Since(began); took != keepTime {
				t.Fatalf("a message was held up for %s", took)
			}
		}
		f.mu.Lock()
		jobs := len(f.jobs)
		f.mu.Unlock()
		if jobs > 1 {
			t.Errorf("%d jobs wait for one key", jobs)
		}
		d.set(func() { d.hang = nil })
		close(hang)
		synctest.Wait()
		if got := d.seq(overlayKey); got != 50 {
			t.Errorf("the file has overlay %d when the disk is back, want the newest", got)
		}
	})
}

func TestFullDiskIsTriedAgain(t *testing.T) {
	withOverlayFile(t, func(f *overlayFile, d *disk) {
		if err := f.keep(overlayOf(1)); err != nil {
			t.Fatal(err)
		}
		d.set(func() { d.full = true })
		if err := f.keep(overlayOf(2)); !errors.Is(err, errFull) {
			t.Fatalf("keeping on a full disk: %v", err)
		}
		d.set(func() { d.full = false })
		time.Sleep(fileRetry)
		synctest.Wait()
		if got := d.seq(overlayKey); got != 2 {
			t.Errorf("the file has overlay %d when there is room, want 2", got)
		}
		d.set(func() { d.full = true })
		f.drop(overlayKey, markOf(overlayOf(2)))
		synctest.Wait()
		d.set(func() { d.full = false })
		time.Sleep(fileRetry)
		synctest.Wait()
		if got := d.seq(overlayKey); got != 0 {
			t.Errorf("overlay %d is still in the file", got)
		}
	})
}

// What came in while an older one was being written is not lost by its failure.
func TestNewerOverlayStays(t *testing.T) {
	withOverlayFile(t, func(f *overlayFile, d *disk) {
		hang := make(chan struct{})
		d.set(func() { d.hang, d.full = hang, true })
		f.put(overlayOf(1), nil)
		synctest.Wait()
		f.put(overlayOf(2), nil)
		f.drop(overlayKey, markOf(overlayOf(1)))
		d.set(func() { d.hang = nil })
		close(hang)
		synctest.Wait()
		d.set(func() { d.full = false })
		time.Sleep(fileRetry)
		synctest.Wait()
		if got := d.seq(overlayKey); got != 2 {
			t.Errorf("the file has overlay %d, want 2", got)
		}
	})
}

package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tocsin/dispatcher/alert"
	"tocsin/store"
)

// fakeFile is a local file in memory, that can be full and can hang.
type fakeFile struct {
	mu      sync.Mutex
	records map[uint64][]byte
	writes  []time.Time // of those that succeeded
	most    int         // records in one write
	err     error
	hang    chan struct{}
}

func newFakeFile() *fakeFile { return &fakeFile{records: make(map[uint64][]byte)} }

func (f *fakeFile) WriteAlerts(put []store.AlertRecord, drop []uint64) error {
	f.mu.Lock()
	hang := f.hang
	f.mu.Unlock()
	if hang != nil {
		<-hang
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return f.err
	}
	for _, r := range put {
		f.records[r.Hash] = append([]byte(nil), r.Body...)
	}
	for _, h := range drop {
		delete(f.records, h)
	}
	f.writes, f.most = append(f.writes, time.Now()), max(f.most, len(put)+len(drop))
	return nil
}

func (f *fakeFile) Alerts(fn func(store.AlertRecord) error) error {
	f.mu.Lock()
	all := maps.Clone(f.records)
	f.mu.Unlock()
	for h, b := range all {
		if err := fn(store.AlertRecord{Hash: h, Body: b}); err != nil {
			return err
		}
	}
	return nil
}

func (f *fakeFile) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

// block has writes from now on wait until hang is closed.
func (f *fakeFile) block(hang chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hang = hang
}

func (f *fakeFile) has(a alert.Alert) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, ok := f.records[uint64(a.Hash)]
	return ok
}

func (f *fakeFile) count() (records, writes int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.records), len(f.writes)
}

// desk is a saver at work between a store and a file, in a bubble.
type desk struct {
	t      *testing.T
	file   *fakeFile
	alerts *alert.Store
	saver  *alertSaver
	said   *lines
	stop   func()
}

func newDesk(t *testing.T, file *fakeFile) *desk {
	t.Helper()
	d := &desk{t: t, file: file, alerts: alert.NewStore(alert.Options{}), said: &lines{}}
	d.saver = newAlertSaver(file, d.alerts, time.Now, slog.New(slog.NewTextHandler(d.said, nil)), nil)
	d.saver.load(func(batch []alert.Alert) alert.PutResult { return d.alerts.Merge(time.Now(), batch) })
	cancel := d.alerts.Subscribe(d.saver.changed)
	ctx, end := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.saver.run(ctx)
	}()
	d.stop = sync.OnceFunc(func() {
		cancel()
		end()
		<-done
	})
	t.Cleanup(d.stop)
	return d
}

// post puts an alert in that starts now and lasts.
func (d *desk) post(name string, lasts time.Duration) alert.Alert {
	now := time.Now()
	a := alert.Of(alert.NewLabels(map[string]string{"alertname": name}))
	a.StartsAt, a.UpdatedAt, a.EndsAt = now.Add(-time.Hour).UnixNano(), now.UnixNano(), now.Add(lasts).UnixNano()
	d.alerts.Put(now, []alert.Alert{a})
	return a
}

// lines counts what was logged.
type lines struct {
	mu sync.Mutex
	n  int
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n++
	return len(b), nil
}

func (l *lines) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.n
}

func TestSaverPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, newFakeFile())
		a := d.post("a", 4*time.Minute)
		time.Sleep(200 * time.Millisecond)
		if !d.file.has(a) {
			t.Fatal("a new alert is not saved within 200 ms")
		}
		// Refreshes as Prometheus sends them are not written at all.
		for range 20 {
			time.Sleep(30 * time.Second)
			d.post("a", 4*time.Minute)
		}
		if _, writes := d.file.count(); writes != 1 {
			t.Errorf("%d writes for an alert and its refreshes, want one", writes)
		}
		d.post("a", 8*time.Minute)
		time.Sleep(200 * time.Millisecond)
		if _, writes := d.file.count(); writes != 2 {
			t.Error("its source gives itself more time, and that is not saved")
		}
		// Under load there are few writes.
		_, began := d.file.count()
		for i := range 10_000 {
			d.post(fmt.Sprint(i), 4*time.Minute)
			time.Sleep(time.Millisecond)
		}
		time.Sleep(2 * time.Second)
		records, writes := d.file.count()
		if n := writes - began; n > 70 || records != 10_001 {
			t.Errorf("10,000 alerts in 10 s: %d writes, %d records", n, records)
		}
	})
}

// A disk that is full or hangs holds up nothing, is said once, and nothing is
// lost when it is there again.
func TestSaverBadDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, newFakeFile())
		d.file.fail(errors.New("disk full"))
		for i := range 100 {
			d.post(fmt.Sprint(i), time.Hour)
			time.Sleep(time.Second)
		}
		if n := d.saver.pending(); n != 100 || d.said.count() != 1 {
			t.Errorf("%d alerts wait, and that was said %d times", n, d.said.count())
		}
		d.file.fail(nil)
		time.Sleep(saveRetry)
		if records, _ := d.file.count(); records != 100 || d.saver.pending() != 0 || d.said.count() != 2 {
			t.Errorf("%d are saved, %d wait, %d lines", records, d.saver.pending(), d.said.count())
		}
		hang := make(chan struct{})
		d.file.block(hang)
		for i := range 100 {
			d.post(fmt.Sprint("more", i), time.Hour)
			time.Sleep(time.Second)
		}
		d.file.block(nil)
		close(hang)
		time.Sleep(saveRetry)
		if records, _ := d.file.count(); records != 200 {
			t.Errorf("%d are saved after the disk answered again", records)
		}
	})
}

func TestSaverFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, newFakeFile())
		for i := range 2*saveBatch + 1 {
			d.post(fmt.Sprint(i), time.Hour)
		}
		began := time.Now()
		d.stop()
		if records, _ := d.file.count(); records != 2*saveBatch+1 || time.Since(began) > time.Second {
			t.Errorf("%d are saved after %v at the end", records, time.Since(began))
		}
		if d.file.most > saveBatch { // nobody writes any more
			t.Errorf("one write has %d alerts", d.file.most)
		}
	})
}

// A disk that refuses at the end does not keep the process.
func TestSaverFlushFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, newFakeFile())
		d.file.fail(errors.New("disk full"))
		d.post("a", time.Hour)
		d.stop()
	})
}

// The set of what is to be written does not grow beyond its bound; what came
// after is found again.
func TestSaverBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := newFakeFile()
		file.records[42] = []byte{savedAlert} // of an alert that is no more, and cannot be read
		d := newDesk(t, file)
		const n = saveBatch + 5000
		d.saver.mu.Lock()
		d.saver.bound = saveBatch + 100
		d.saver.mu.Unlock()
		file.fail(errors.New("disk full"))
		for i := range n {
			d.post(fmt.Sprint(i), time.Hour)
		}
		time.Sleep(time.Second)
		d.saver.mu.Lock()
		if n := len(d.saver.dirty); n > d.saver.bound {
			t.Errorf("%d alerts are remembered", n)
		}
		d.saver.mu.Unlock()
		file.fail(nil)
		time.Sleep(saveRetry + 2*time.Second)
		if records, _ := file.count(); records != n || d.saver.pending() != 0 {
			t.Errorf("%d are saved, want %d; %d wait", records, n, d.saver.pending())
		}
	})
}

// What a restart makes of the records, and what leaves the file.
func TestSaverRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := newFakeFile()
		d := newDesk(t, file)
		over, said := d.post("over", 10*time.Second), d.post("said", time.Hour)
		lapses, lasts := d.post("lapses", time.Minute), d.post("lasts", time.Hour)
		time.Sleep(20 * time.Second)
		d.post("said", 0)
		time.Sleep(time.Second)
		d.stop()
		time.Sleep(10 * time.Minute)
		file.records[7] = []byte("not an alert")

		d = newDesk(t, file)
		now := time.Now()
		for _, c := range []struct {
			a              alert.Alert
			resolved, kept bool
		}{{over, true, false}, {said, true, false}, {lapses, false, true}, {lasts, false, false}} {
			r, ok := d.alerts.Get(c.a.Hash)
			if !ok {
				t.Fatalf("%s was not loaded", c.a.Name())
			}
			if a := r.Load(); a.Resolved(now) != c.resolved || a.Kept(now) != c.kept {
				t.Errorf("%s: resolved %v, kept %v", a.Name(), a.Resolved(now), a.Kept(now))
			}
		}
		d.saver.collected(d.alerts.GC(now))
		time.Sleep(time.Second)
		if n, _ := file.count(); n != 2 || file.has(over) || file.has(said) || !file.has(lapses) || !file.has(lasts) {
			t.Errorf("%d records are left", n)
		}
		// Kept in vain: at the next start it is over.
		time.Sleep(2 * time.Minute)
		d.stop()
		d = newDesk(t, file)
		if r, ok := d.alerts.Get(lapses.Hash); !ok || !r.Load().Resolved(time.Now()) {
			t.Error("what was kept in vain is kept once more")
		}
	})
}

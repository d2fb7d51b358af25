//go:build linux

package store_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"tocsin/fsm/model"
	"tocsin/store"
)

// alertsOf are the records that are kept, and checks their order.
func alertsOf(t *testing.T, l *store.Local) map[uint64]string {
	t.Helper()
	got, last := map[uint64]string{}, uint64(0)
	err := l.Alerts(func(r store.AlertRecord) error {
		if len(got) > 0 && r.Hash <= last {
			t.Errorf("%d comes after %d", r.Hash, last)
		}
		got[r.Hash], last = string(r.Body), r.Hash
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func alertRecord(hash uint64, body string) store.AlertRecord {
	return store.AlertRecord{Hash: hash, Body: []byte(body)}
}

func writeAlerts(t *testing.T, l *store.Local, put []store.AlertRecord, drop ...uint64) {
	t.Helper()
	if err := l.WriteAlerts(put, drop); err != nil {
		t.Fatal(err)
	}
}

func TestAlerts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "local.db")
	l := openLocal(t, path, time.Unix(1, 0))
	writeAlerts(t, l, []store.AlertRecord{alertRecord(1<<63, "c"), alertRecord(0, "a"), alertRecord(7, "b"), alertRecord(8, "gone")}, 8, 9)
	writeAlerts(t, l, []store.AlertRecord{alertRecord(7, "b2")})
	want := map[uint64]string{0: "a", 7: "b2", 1 << 63: "c"}
	if got := alertsOf(t, l); !maps.Equal(got, want) {
		t.Errorf("kept are %v, want %v", got, want)
	}
	stop := errors.New("stop")
	calls := 0
	if err := l.Alerts(func(store.AlertRecord) error { calls++; return stop }); !errors.Is(err, stop) || calls != 1 {
		t.Errorf("after %d calls: %v", calls, err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.WriteAlerts(nil, []uint64{7}); !errors.Is(err, store.ErrClosed) {
		t.Errorf("writing to a closed file: %v", err)
	}
	if err := l.Alerts(func(store.AlertRecord) error { return nil }); !errors.Is(err, store.ErrClosed) {
		t.Errorf("reading a closed file: %v", err)
	}
	l = openLocal(t, path, time.Unix(1, 0))
	writeAlerts(t, l, nil, 0)
	delete(want, 0)
	if got := alertsOf(t, l); !maps.Equal(got, want) {
		t.Errorf("kept after opening again are %v, want %v", got, want)
	}
}

func TestSends(t *testing.T) {
	path := filepath.Join(t.TempDir(), "local.db")
	l := openLocal(t, path, time.Unix(1, 0))
	key := model.DeliveryKey{Group: "a", Receiver: "r"}
	begun := model.Send{Key: key, Token: model.Token{1}, Phase: model.SendBegun}
	done := model.Send{
		Key: key, Token: model.Token{2}, Phase: model.SendDone,
		Settlement: model.Settlement{Key: key, Token: model.Token{2}, Firing: model.NewAlertSet(3, 4)},
	}
	for _, err := range []error{
		l.WriteSends([]model.Send{done, begun, {Key: key, Token: model.Token{3}}}, []model.Token{{3}, {4}}),
		l.WriteSends([]model.Send{begun}, nil),
		l.Close(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	l = openLocal(t, path, time.Unix(1, 0))
	got, err := l.Sends()
	if want := []model.Send{begun, done}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("kept are %+v, %v, want %+v", got, err, want)
	}
	if err := l.WriteSends(nil, []model.Token{begun.Token, done.Token}); err != nil {
		t.Fatal(err)
	}
	if got, err := l.Sends(); err != nil || len(got) != 0 {
		t.Errorf("after dropping all: %+v, %v", got, err)
	}
}

// A file of a program that knew nothing of alerts gets their buckets.
func TestOlderLocalFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "local.db")
	l := openLocal(t, path, time.Unix(1, 0))
	overlay := model.Overlay{Key: model.DeliveryKey{Group: "a"}, Origin: "n1", Epoch: 1, Seq: 1}
	if err := errors.Join(l.PutOverlay(overlay), l.Close()); err != nil {
		t.Fatal(err)
	}
	editBolt(t, path, func(tx *bbolt.Tx) error {
		return errors.Join(tx.DeleteBucket([]byte("alerts")), tx.DeleteBucket([]byte("sends")))
	})
	l = openLocal(t, path, time.Unix(1, 0))
	writeAlerts(t, l, []store.AlertRecord{alertRecord(1, "a")})
	if got := alertsOf(t, l); len(got) != 1 {
		t.Errorf("kept are %v", got)
	}
	if got, err := l.Sends(); err != nil || len(got) != 0 {
		t.Errorf("sends are %v, %v", got, err)
	}
	if got, err := l.Overlays(); err != nil || len(got) != 1 {
		t.Errorf("overlays are %v, %v", got, err)
	}
}

// Records that cannot be read are damage, and not somebody's alerts.
func TestDamagedLocalRecords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "local.db")
	if err := openLocal(t, path, time.Unix(1, 0)).Close(); err != nil {
		t.Fatal(err)
	}
	editBolt(t, path, func(tx *bbolt.Tx) error {
		return errors.Join(
			tx.Bucket([]byte("alerts")).Put([]byte("short"), []byte("x")),
			tx.Bucket([]byte("sends")).Put(make([]byte, 16), []byte{0xff}),
		)
	})
	l := openLocal(t, path, time.Unix(1, 0))
	if err := l.Alerts(func(store.AlertRecord) error { return nil }); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("an alert under a short key: %v", err)
	}
	if _, err := l.Sends(); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("a send that is not one: %v", err)
	}
}

// A full disk fails a write of alerts as a whole and nothing else.
func TestAlertsOnFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "local.db")
	d := &disk{t: t}
	l, err := store.OpenLocal(path, store.Options{OpenFile: func(name string, flag int, perm os.FileMode) (*os.File, error) {
		f, err := os.OpenFile(name, flag, perm)
		d.file = f
		return f, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if d.good, err = syscall.Dup(int(d.file.Fd())); err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(d.good)
	var many []store.AlertRecord
	for i := range uint64(500) {
		many = append(many, alertRecord(i, fmt.Sprint("alert ", i)))
	}
	writeAlerts(t, l, many)
	writeAlerts(t, l, many[:100]) // there is room in the file
	before := alertsOf(t, l)
	d.become("/dev/full", syscall.O_RDWR)
	for range 3 {
		if err := l.WriteAlerts([]store.AlertRecord{alertRecord(3, "new"), alertRecord(1000, "new")}, []uint64{4}); !errors.Is(err, store.ErrDiskFull) {
			t.Fatalf("a write on a full disk: %v", err)
		}
	}
	if !maps.Equal(alertsOf(t, l), before) {
		t.Error("a write that failed has changed something")
	}
	d.recover()
	writeAlerts(t, l, []store.AlertRecord{alertRecord(3, "new")}, 4)
	if got := alertsOf(t, l); got[3] != "new" || len(got) != 499 {
		t.Errorf("%d are kept after there was space again, the third is %q", len(got), got[3])
	}
}

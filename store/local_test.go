package store_test

import (
	"errors"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"tocsin/fsm/model"
	"tocsin/store"
)

func openLocal(t *testing.T, path string, now time.Time) *store.Local {
	t.Helper()
	o := fast
	o.Now = func() time.Time { return now }
	l, err := store.OpenLocal(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func TestEpochGrows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "local.db")
	now := time.Unix(1_000_000, 0)
	var last uint64
	for i, at := range []time.Time{now, now, now.Add(-time.Hour), time.Unix(-5, 0), now.Add(time.Hour)} {
		l := openLocal(t, path, at)
		if l.Epoch() <= last {
			t.Errorf("start %d has epoch %d after %d", i, l.Epoch(), last)
		}
		last = l.Epoch()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	// A lost file must not start over with epochs that were used.
	l := openLocal(t, filepath.Join(t.TempDir(), "local.db"), now.Add(2*time.Hour))
	if l.Epoch() <= last {
		t.Errorf("a new file has epoch %d after %d", l.Epoch(), last)
	}
}

func TestOverlays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "local.db")
	l := openLocal(t, path, time.Unix(1, 0))
	k1 := model.DeliveryKey{Group: "a", Receiver: "r"}
	k2 := model.DeliveryKey{Group: "b", Receiver: "r"}
	overlay := func(k model.DeliveryKey, origin model.NodeID, epoch, seq uint64) model.Overlay {
		return model.Overlay{
			Key: k, Origin: origin, Epoch: epoch, Seq: seq, BaseRev: 3, Must: model.NewAlertSet(1, 2),
			Data:     model.Data{{Key: "ts", Kind: model.DatumFloat, Float: 1.5}},
			Delivery: model.Delivery{ID: "d", Error: "e"},
		}
	}
	for _, o := range []model.Overlay{
		overlay(k2, "n1", 1, 1), overlay(k1, "n1", 1, 2), overlay(k1, "n1", 1, 5), overlay(k1, "n1", 1, 4), overlay(k1, "n2", 9, 1),
	} {
		if err := l.PutOverlay(o); err != nil {
			t.Fatal(err)
		}
	}
	want := []model.Overlay{overlay(k1, "n1", 1, 5), overlay(k1, "n2", 9, 1), overlay(k2, "n1", 1, 1)}
	check := func(when string) {
		t.Helper()
		if got, err := l.Overlays(); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", when, got, err)
		}
	}
	check("after putting")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.PutOverlay(want[0]); !errors.Is(err, store.ErrClosed) {
		t.Errorf("putting into a closed file: %v", err)
	}
	l = openLocal(t, path, time.Unix(1, 0))
	check("after opening again")
	if err := l.DeleteOverlay(k1, model.OverlayMark{Origin: "n1", Epoch: 1, Seq: 4}); err != nil {
		t.Fatal(err)
	}
	check("after deleting an older one")
	if err := l.DeleteOverlay(k1, model.OverlayMark{Origin: "n1", Epoch: 1, Seq: 5}); err != nil {
		t.Fatal(err)
	}
	want = want[1:]
	check("after deleting it")
	if err := l.DeleteOverlay(k1, model.OverlayMark{Origin: "n1", Epoch: 1, Seq: 5}); err != nil {
		t.Errorf("deleting twice: %v", err)
	}
	if err := l.DeleteOverlay(k2, model.OverlayMark{Origin: "n1", Epoch: 2}); err != nil {
		t.Fatal(err)
	}
	want = want[:1]
	check("after deleting by a later epoch")
}

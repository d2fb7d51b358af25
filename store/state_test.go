package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"tocsin/fsm/model"
	"tocsin/store"
)

func TestStateSurvivesClosing(t *testing.T) {
	path := statePath(t)
	s, err := store.OpenState(path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	sample(t, s, "c1", 42, 10)
	before := dump(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
	s = openState(t, path, fast)
	if after := dump(t, s); string(after) != string(before) {
		t.Error("the state changed by closing")
	}
	if got := entries(t, s); len(got) != 10 || !reflect.DeepEqual(got[3], entry(3)) {
		t.Errorf("entries came back as %+v", got)
	}
	if m := metaOf(t, s); m.Index != 42 || m.Hash != 0xfeed || m.Cluster != "c1" {
		t.Errorf("meta came back as %+v", m)
	}
}

func TestFilesAreForTheirOwnerOnly(t *testing.T) {
	path := statePath(t)
	openState(t, path, fast)
	for name, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", name, got, want)
		}
	}
}

func TestUpdateIsAllOrNothing(t *testing.T) {
	s := openState(t, statePath(t), fast)
	sample(t, s, "c1", 1, 3)
	before := dump(t, s)
	cause := errors.New("no")
	err := s.Update(func(tx *store.Tx) error {
		if err := tx.PutMeta(store.Meta{Index: 2}); err != nil {
			return err
		}
		if err := tx.DeleteEntry(entry(0).Key); err != nil {
			return err
		}
		return cause
	})
	if !errors.Is(err, cause) {
		t.Errorf("Update returned %v", err)
	}
	if string(dump(t, s)) != string(before) {
		t.Error("a failed update left something behind")
	}
}

func TestOrderOfRecords(t *testing.T) {
	s := openState(t, statePath(t), fast)
	update(t, s, func(tx *store.Tx) error {
		for seq := uint64(1); seq <= 300; seq++ {
			if err := tx.PutDelivery(&model.Delivery{Seq: seq}); err != nil {
				return err
			}
			if err := tx.PutConfig(&model.ConfigVersion{Rev: seq}); err != nil {
				return err
			}
		}
		return tx.DeleteDelivery(1)
	})
	for _, f := range []struct{ before, first uint64 }{{0, 300}, {1, 0}, {3, 2}, {256, 255}, {300, 299}, {301, 300}, {9999, 300}} {
		var got []uint64
		err := s.View(func(tx *store.Tx) error {
			for d, err := range tx.Deliveries(f.before) {
				if err != nil {
					return err
				}
				got = append(got, d.Seq)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, seq := range got {
			if seq != f.first-uint64(i) {
				t.Fatalf("before %d: row %d is %d", f.before, i, seq)
			}
		}
		if f.first > 0 && len(got) != int(f.first)-1 {
			t.Errorf("before %d: %d rows", f.before, len(got))
		}
	}
	err := s.View(func(tx *store.Tx) error {
		for c, err := range tx.Configs() {
			if err != nil || c.Rev != 300 {
				t.Errorf("the newest config is %v, %v", c, err)
			}
			break
		}
		d, err := tx.FirstDelivery()
		if err != nil || d.Seq != 2 {
			t.Errorf("the oldest row is %v, %v", d, err)
		}
		c, err := tx.Config(1000)
		if c != nil || err != nil {
			t.Errorf("a version that is not there is %v, %v", c, err)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A group's labels may be longer than bbolt's longest key.
func TestLongKeys(t *testing.T) {
	s := openState(t, statePath(t), fast)
	long := make([]byte, 100_000)
	for i := range long {
		long[i] = 'x'
	}
	a := &model.Entry{Key: model.DeliveryKey{Group: string(long), Receiver: "a"}}
	b := &model.Entry{Key: model.DeliveryKey{Group: string(long), Receiver: "b"}}
	update(t, s, func(tx *store.Tx) error { return errors.Join(tx.PutEntry(a), tx.PutEntry(b)) })
	update(t, s, func(tx *store.Tx) error { return tx.DeleteEntry(a.Key) })
	if got := entries(t, s); len(got) != 1 || got[0].Key != b.Key {
		t.Errorf("there are %d entries", len(got))
	}
}

func TestLocked(t *testing.T) {
	path := statePath(t)
	openState(t, path, fast)
	_, err := store.OpenState(path, store.Options{LockTimeout: 50 * time.Millisecond})
	if !errors.Is(err, store.ErrLocked) {
		t.Errorf("opening a file twice: %v", err)
	}
}

func TestClosed(t *testing.T) {
	s := openState(t, statePath(t), fast)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	nothing := func(*store.Tx) error { return nil }
	_, snapErr := s.Snapshot()
	for what, err := range map[string]error{
		"update": s.Update(nothing), "view": s.View(nothing), "snapshot": snapErr, "restore": s.Restore(nil, nil),
	} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s of a closed store: %v", what, err)
		}
	}
}

func TestSize(t *testing.T) {
	s := openState(t, statePath(t), fast)
	sample(t, s, "c1", 1, 2000)
	update(t, s, func(tx *store.Tx) error {
		for i := range 2000 {
			if err := tx.DeleteEntry(entry(i).Key); err != nil {
				return err
			}
		}
		return nil
	})
	used, free, err := s.Size()
	if err != nil || used < 100_000 || free < used/2 || free > used {
		t.Errorf("%d bytes, %d of them free, %v", used, free, err)
	}
}

func TestSetAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	now := time.Date(2026, 11, 21, 1, 2, 3, 0, time.FixedZone("", 3600))
	var names []string
	for _, text := range []string{"first", "second"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		name, err := store.SetAside(path, now)
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(name)
		if err != nil || string(b) != text {
			t.Errorf("%s holds %q, %v", name, b, err)
		}
		names = append(names, filepath.Base(name))
	}
	want := []string{"state.db.damaged-20261121T000203Z", "state.db.damaged-20261121T000203Z-2"}
	if !reflect.DeepEqual(names, want) {
		t.Errorf("set aside as %q", names)
	}
	if _, err := store.SetAside(path, now); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("setting nothing aside: %v", err)
	}
}

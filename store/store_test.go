package store_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"tocsin/fsm/model"
	"tocsin/store"
)

// fast leaves out fsync: these tests pull no plugs.
var fast = store.Options{NoSync: true}

func openState(t *testing.T, path string, o store.Options) *store.State {
	t.Helper()
	s, err := store.OpenState(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func statePath(t *testing.T) string { return filepath.Join(t.TempDir(), "data", "state.db") }

func update(t *testing.T, s *store.State, fn func(*store.Tx) error) {
	t.Helper()
	if err := s.Update(fn); err != nil {
		t.Fatal(err)
	}
}

// sample puts one of everything into the state, and n entries.
func sample(t *testing.T, s *store.State, cluster model.ClusterID, index uint64, n int) {
	t.Helper()
	update(t, s, func(tx *store.Tx) error {
		for i := range n {
			if err := tx.PutEntry(entry(i)); err != nil {
				return err
			}
		}
		for _, err := range []error{
			tx.PutConfig(&model.ConfigVersion{Rev: 1, YAML: []byte("route: {}")}),
			tx.PutConfig(&model.ConfigVersion{Rev: 2, YAML: []byte("route: {}\n")}),
			tx.PutSilence(&model.Silence{ID: "s1", Rev: 7, Comment: "quiet"}),
			tx.PutNode(model.Node{ID: "n1", Name: "one"}),
			tx.PutDelivery(&model.Delivery{Seq: 1, ID: "d1"}),
			tx.PutDelivery(&model.Delivery{Seq: 2, ID: "d2"}),
			tx.PutMeta(store.Meta{Cluster: cluster, Index: index, Term: 3, Hash: 0xfeed, HistorySeq: 2}),
		} {
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func entry(i int) *model.Entry {
	return &model.Entry{
		Key:  model.DeliveryKey{Group: fmt.Sprintf("{}:{i=%q}", fmt.Sprint(i)), Receiver: "team", Integration: "webhook"},
		Rev:  uint64(i + 1),
		Must: model.NewAlertSet(model.AlertHash(i), 1<<60),
	}
}

// dump is a snapshot of the state: equal states have equal ones.
func dump(t *testing.T, s *store.State) []byte {
	t.Helper()
	snap, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	n, err := snap.WriteTo(&b)
	if err != nil {
		t.Fatal(err)
	}
	if n != int64(b.Len()) {
		t.Fatalf("WriteTo says %d bytes, wrote %d", n, b.Len())
	}
	if err := snap.Release(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func metaOf(t *testing.T, s *store.State) store.Meta {
	t.Helper()
	var m store.Meta
	err := s.View(func(tx *store.Tx) (err error) {
		m, err = tx.Meta()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func entries(t *testing.T, s *store.State) []*model.Entry {
	t.Helper()
	var all []*model.Entry
	err := s.View(func(tx *store.Tx) error {
		for e, err := range tx.Entries() {
			if err != nil {
				return err
			}
			all = append(all, e)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(all, func(a, b *model.Entry) int { return a.Key.Compare(b.Key) })
	return all
}

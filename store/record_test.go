package store_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"go.etcd.io/bbolt"

	"tocsin/fsm/model"
	"tocsin/store"
)

func recordNames(t *testing.T, s *store.State) (names []string) {
	t.Helper()
	err := s.View(func(tx *store.Tx) error {
		for r, err := range tx.Records() {
			if err != nil {
				return err
			}
			names = append(names, r.Name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func schemaOf(t *testing.T, s *store.State) uint16 {
	t.Helper()
	h, err := store.ReadHeader(bytes.NewReader(dump(t, s)))
	if err != nil {
		t.Fatal(err)
	}
	return h.Schema
}

// A file from before there were records opens, and stays one that the program
// of then can open until there is a record in it.
func TestFileWithoutRecords(t *testing.T) {
	path := statePath(t)
	s, err := store.OpenState(path, fast)
	if err != nil {
		t.Fatal(err)
	}
	sample(t, s, "c1", 42, 3)
	before := dump(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	editBolt(t, path, func(tx *bbolt.Tx) error {
		if got := binary.BigEndian.Uint32(tx.Bucket([]byte("meta")).Get([]byte("schema"))); got != 1 {
			t.Errorf("the file has schema %d", got)
		}
		if err := tx.DeleteBucket([]byte("records")); err != nil {
			return err
		}
		return tx.DeleteBucket([]byte("audit"))
	})
	s = openState(t, path, fast)
	if !bytes.Equal(dump(t, s), before) {
		t.Error("the old file has another state")
	}
	if got := schemaOf(t, s); got != 1 {
		t.Errorf("without a record the schema is %d", got)
	}
	update(t, s, func(tx *store.Tx) error { return tx.PutRecord(&model.Record{Kind: 1, Name: "ca", Body: []byte("x")}) })
	if got := schemaOf(t, s); got != 2 {
		t.Errorf("with a record the schema is %d", got)
	}
}

// A restored file is as new as what is in it, so that its own snapshots are equal.
func TestRestoreRecords(t *testing.T) {
	s := openState(t, statePath(t), fast)
	sample(t, s, "c1", 42, 3)
	update(t, s, func(tx *store.Tx) error {
		for _, r := range []model.Record{{Kind: 2, Name: "b"}, {Kind: 1, Name: "z"}, {Kind: 2, Name: "a"}, {Kind: 2, Name: "gone"}} {
			if err := tx.PutRecord(&r); err != nil {
				return err
			}
		}
		for seq := uint64(1); seq <= 3; seq++ {
			if err := tx.PutAudit(&model.AuditRow{Seq: seq, Action: "a.b"}); err != nil {
				return err
			}
		}
		if err := tx.DeleteAudit(1); err != nil {
			return err
		}
		return tx.DeleteRecord(2, "gone")
	})
	other := openState(t, statePath(t), fast)
	if err := other.Restore(bytes.NewReader(dump(t, s)), nil); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(dump(t, other), dump(t, s)) {
		t.Error("the restored state is another")
	}
	if got := recordNames(t, other); len(got) != 3 || got[0] != "z" || got[1] != "a" || got[2] != "b" {
		t.Errorf("records are %v", got)
	}
	err := other.View(func(tx *store.Tx) error {
		var seqs []uint64
		for a, err := range tx.Audit(0) {
			if err != nil {
				return err
			}
			seqs = append(seqs, a.Seq)
		}
		if len(seqs) != 2 || seqs[0] != 3 || tx.FirstAudit() != 2 {
			t.Errorf("rows are %v, the first is %d", seqs, tx.FirstAudit())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

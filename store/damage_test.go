package store_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"tocsin/fsm/model"
	"tocsin/store"
)

// closedState is the bytes of a state file with something in it.
func closedState(t *testing.T) []byte {
	t.Helper()
	path := statePath(t)
	s, err := store.OpenState(path, fast)
	if err != nil {
		t.Fatal(err)
	}
	sample(t, s, "c1", 42, 3000)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// openBytes opens a state file of these bytes and closes it again.
func openBytes(t *testing.T, b []byte) error {
	t.Helper()
	path := filepath.Join(t.TempDir(), "state.db")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := store.OpenState(path, fast)
	if err != nil {
		// Whoever meets a damaged file sets it aside and starts over in the same
		// process: nothing may hold it any more.
		if s, again := store.OpenState(path, fast); errors.Is(again, store.ErrLocked) {
			t.Errorf("the damaged file is still locked: %v, %v", s, again)
		}
		return err
	}
	return s.Close()
}

func TestCutOffFile(t *testing.T) {
	whole := closedState(t)
	if err := openBytes(t, whole); err != nil {
		t.Fatalf("the whole file: %v", err)
	}
	used := len(bytes.TrimRight(whole, "\x00"))
	for _, n := range []int{1, 100, 4096, 4097, 8192, 3 * 4096, 4 * 4096, used / 4, used / 2, used - 9000, used - 4096} {
		err := openBytes(t, whole[:n])
		if !errors.Is(err, store.ErrDamaged) {
			t.Errorf("cut off at %d of %d bytes: %v", n, used, err)
		}
	}
}

func TestForeignFile(t *testing.T) {
	junk := make([]byte, 64<<10)
	for i := range junk {
		junk[i] = byte(i * 7)
	}
	if err := openBytes(t, junk); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("junk: %v", err)
	}
	path := filepath.Join(t.TempDir(), "local.db")
	l, err := store.OpenLocal(path, fast)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := store.OpenState(path, fast); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("a local file opened as the state: %v", err)
	}
	editBolt(t, path, func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte("meta")) })
	if _, err := store.OpenState(path, fast); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("another program's file: %v", err)
	}
}

func TestNewerSchema(t *testing.T) {
	path := statePath(t)
	s, err := store.OpenState(path, fast)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	editBolt(t, path, func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("meta")).Put([]byte("schema"), binary.BigEndian.AppendUint32(nil, store.Schema+1))
	})
	if _, err := store.OpenState(path, fast); !errors.Is(err, store.ErrNewerSchema) {
		t.Errorf("a file of a newer schema: %v", err)
	}
}

// Whatever happens to a file, opening it and reading all of it must not take
// the program down, and what is taken for good must be readable.
func TestRandomDamage(t *testing.T) {
	whole := closedState(t)
	used := len(bytes.TrimRight(whole, "\x00"))
	rng := rand.New(rand.NewPCG(1, 2))
	damaged := 0
	for range 150 {
		b := bytes.Clone(whole)
		// bbolt has no checksums on its pages, so damage inside a value is seen
		// only by who decodes it. Headers and pointers are at the page's start.
		for range 1 + rng.IntN(4) {
			page := rng.IntN(used/4096) * 4096
			b[page+rng.IntN(64)] ^= byte(1 + rng.IntN(255))
		}
		path := filepath.Join(t.TempDir(), "state.db")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := store.OpenState(path, fast)
		if err != nil {
			if !errors.Is(err, store.ErrDamaged) && !errors.Is(err, store.ErrNewerSchema) {
				t.Errorf("damage is not called so: %v", err)
			}
			damaged++
			continue
		}
		_ = s.View(func(tx *store.Tx) error {
			for _, err := range tx.Entries() {
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if damaged < 30 {
		t.Errorf("only %d of 150 damaged files were seen as such", damaged)
	}
}

func TestUnreadableRecord(t *testing.T) {
	path := statePath(t)
	s, err := store.OpenState(path, fast)
	if err != nil {
		t.Fatal(err)
	}
	sample(t, s, "c1", 42, 1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	editBolt(t, path, func(tx *bbolt.Tx) error {
		return errors.Join(
			tx.Bucket([]byte("silences")).Put([]byte("s1"), []byte{0xff}),
			tx.Bucket([]byte("state")).Put([]byte("state"), []byte("junk")),
		)
	})
	s = openState(t, path, fast)
	err = s.View(func(tx *store.Tx) error {
		_, err := tx.Meta()
		return err
	})
	if !errors.Is(err, store.ErrDamaged) {
		t.Errorf("junk for meta: %v", err)
	}
	err = s.View(func(tx *store.Tx) error {
		for _, err := range tx.Silences() {
			if err != nil {
				return err
			}
		}
		return nil
	})
	if !errors.Is(err, store.ErrDamaged) || !errors.Is(err, model.ErrWire) {
		t.Errorf("junk for a silence: %v", err)
	}
}

func TestVerify(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "raft.db")
	if err := store.Verify(path, fast); err != nil {
		t.Errorf("no file: %v", err)
	}
	for _, noFreelist := range []bool{false, true} {
		// Somebody else's file, with and without a list of its free pages.
		db, err := bbolt.Open(path, 0o600, &bbolt.Options{NoSync: true, NoFreelistSync: noFreelist})
		if err != nil {
			t.Fatal(err)
		}
		err = db.Update(func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists([]byte("logs"))
			for i := 0; i < 2000 && err == nil; i++ {
				err = b.Put(binary.BigEndian.AppendUint64(nil, uint64(i)), make([]byte, 100))
			}
			return err
		})
		if err := errors.Join(err, db.Sync()); err != nil {
			t.Fatal(err)
		}
		if err := store.Verify(path, store.Options{LockTimeout: 30 * time.Millisecond}); !errors.Is(err, store.ErrLocked) {
			t.Errorf("a file that is open: %v", err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Verify(path, fast); err != nil {
			t.Errorf("a good file: %v", err)
		}
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
			t.Errorf("verifying changed the file: %v", err)
		}
	}
	if err := os.Truncate(path, 40_000); err != nil {
		t.Fatal(err)
	}
	if err := store.Verify(path, fast); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("a file that is cut off: %v", err)
	}
}

func editBolt(t *testing.T, path string, fn func(*bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(fn), db.Close()); err != nil {
		t.Fatal(err)
	}
}

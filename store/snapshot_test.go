package store_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	"tocsin/fsm/model"
	"tocsin/store"
)

func TestSnapshotHeader(t *testing.T) {
	s := openState(t, statePath(t), fast)
	sample(t, s, "c1", 42, 5)
	b := dump(t, s)
	h, err := store.ReadHeader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	want := store.Header{Format: 1, Schema: 1, Cluster: "c1", Index: 42, Term: 3, Length: h.Length}
	if h != want {
		t.Errorf("header is %+v", h)
	}
	const fixed, sum = 8 + 6 + 2 + 24, 32
	if h.Length != uint64(len(b)-fixed-sum) {
		t.Errorf("length is %d of %d bytes", h.Length, len(b))
	}
}

// A snapshot is the state at its index, whatever is written while it is held and
// read. It can be written twice.
func TestSnapshotHolds(t *testing.T) {
	s := openState(t, statePath(t), fast)
	sample(t, s, "c1", 42, 500)
	want := dump(t, s)
	snap, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	update(t, s, func(tx *store.Tx) error {
		for i := range 500 {
			if err := tx.DeleteEntry(entry(i).Key); err != nil {
				return err
			}
		}
		return tx.PutMeta(store.Meta{Cluster: "c1", Index: 43})
	})
	// And after a restore took the file away under it.
	if err := s.Restore(bytes.NewReader(dump(t, s)), nil); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		var got bytes.Buffer
		if _, err := snap.WriteTo(&got); err != nil || !bytes.Equal(got.Bytes(), want) {
			t.Errorf("the snapshot changed: %v", err)
		}
	}
	if snap.Meta().Index != 42 || metaOf(t, s).Index != 43 {
		t.Errorf("snapshot at %d, state at %d", snap.Meta().Index, metaOf(t, s).Index)
	}
	for range 2 {
		if err := snap.Release(); err != nil {
			t.Error(err)
		}
	}
	if _, err := snap.WriteTo(io.Discard); !errors.Is(err, store.ErrClosed) {
		t.Errorf("writing a released snapshot: %v", err)
	}
}

func TestRestore(t *testing.T) {
	from := openState(t, statePath(t), fast)
	sample(t, from, "c1", 42, 20_000)
	snap := dump(t, from)
	for _, f := range []struct {
		name    string
		prepare func(*store.State)
	}{
		{"into an empty state", func(*store.State) {}},
		{"into the same cluster", func(s *store.State) { sample(t, s, "c1", 7, 100) }},
	} {
		t.Run(f.name, func(t *testing.T) {
			path := statePath(t)
			to, err := store.OpenState(path, fast)
			if err != nil {
				t.Fatal(err)
			}
			f.prepare(to)
			looked := false
			err = to.Restore(iotest.HalfReader(bytes.NewReader(snap)), func(tx *store.Tx) error {
				m, err := tx.Meta()
				looked = m.Index == 42
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if !looked {
				t.Error("the new state was not shown before it took over")
			}
			if !bytes.Equal(dump(t, to), snap) {
				t.Error("what was restored is not what was held")
			}
			update(t, to, func(tx *store.Tx) error { return tx.PutEntry(entry(99_999)) })
			if err := to.Close(); err != nil {
				t.Fatal(err)
			}
			only(t, path)
			to = openState(t, path, fast)
			if got := len(entries(t, to)); got != 20_001 {
				t.Errorf("%d entries after opening it again", got)
			}
		})
	}
}

// only says that nothing lies beside the file.
func only(t *testing.T, path string) {
	t.Helper()
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.Name() != filepath.Base(path) {
			t.Errorf("%s was left behind", f.Name())
		}
	}
}

func TestFailedRestoreLeavesTheOldState(t *testing.T) {
	from := openState(t, statePath(t), fast)
	sample(t, from, "c1", 42, 300)
	good := dump(t, from)
	edit := func(change func(b []byte)) []byte {
		b := bytes.Clone(good)
		change(b)
		return b
	}
	other := openState(t, statePath(t), fast)
	sample(t, other, "c2", 42, 3)
	no := errors.New("no")
	broken := errors.New("broken pipe")
	fine := func(*store.Tx) error { return nil }
	for _, f := range []struct {
		name  string
		r     io.Reader
		check func(*store.Tx) error
		want  error
	}{
		{"nothing", bytes.NewReader(nil), fine, store.ErrNotSnapshot},
		{"another magic", bytes.NewReader(edit(func(b []byte) { b[0] = 'X' })), fine, store.ErrNotSnapshot},
		{"a newer format", bytes.NewReader(edit(func(b []byte) { binary.BigEndian.PutUint16(b[8:], 9) })), fine, store.ErrNewerSchema},
		{"a newer schema", bytes.NewReader(edit(func(b []byte) { binary.BigEndian.PutUint16(b[10:], 9) })), fine, store.ErrNewerSchema},
		{"no schema", bytes.NewReader(edit(func(b []byte) { binary.BigEndian.PutUint16(b[10:], 0) })), fine, store.ErrDamaged},
		{"another cluster", bytes.NewReader(dump(t, other)), fine, store.ErrOtherCluster},
		{"a header of another index", bytes.NewReader(edit(func(b []byte) { b[23]++ })), fine, store.ErrDamaged},
		{"a header cut off", bytes.NewReader(good[:20]), fine, store.ErrDamaged},
		{"half of it", bytes.NewReader(good[:len(good)/2]), fine, store.ErrDamaged},
		{"no checksum", bytes.NewReader(good[:len(good)-32]), fine, store.ErrDamaged},
		{"a flipped bit", bytes.NewReader(edit(func(b []byte) { b[len(b)/2] ^= 1 })), fine, store.ErrDamaged},
		{"another checksum", bytes.NewReader(edit(func(b []byte) { b[len(b)-1] ^= 1 })), fine, store.ErrDamaged},
		{"a length too long", bytes.NewReader(edit(func(b []byte) { b[32]++ })), fine, store.ErrDamaged},
		{"a connection that breaks", io.MultiReader(bytes.NewReader(good[:5000]), iotest.ErrReader(broken)), fine, broken},
		{"a check that says no", bytes.NewReader(good), func(*store.Tx) error { return no }, no},
	} {
		t.Run(f.name, func(t *testing.T) {
			path := statePath(t)
			s := openState(t, path, fast)
			sample(t, s, "c1", 7, 10)
			before := dump(t, s)
			if err := s.Restore(f.r, f.check); !errors.Is(err, f.want) {
				t.Errorf("restore returned %v, want %v", err, f.want)
			}
			if !bytes.Equal(dump(t, s), before) {
				t.Error("the old state is not what it was")
			}
			only(t, path)
			update(t, s, func(tx *store.Tx) error { return tx.PutMeta(store.Meta{Cluster: "c1", Index: 8}) })
		})
	}
}

// A restore that cannot open what it put in place puts the old file back.
func TestRestoreUndone(t *testing.T) {
	from := openState(t, statePath(t), fast)
	sample(t, from, "c1", 42, 300)
	path := statePath(t)
	opens := 0
	o := fast
	cause := errors.New("too many open files")
	o.OpenFile = func(name string, flag int, perm os.FileMode) (*os.File, error) {
		if opens++; name == path && opens > 1 {
			return nil, cause
		}
		return os.OpenFile(name, flag, perm)
	}
	s := openState(t, path, o)
	sample(t, s, "c1", 7, 10)
	before := dump(t, s)
	if err := s.Restore(bytes.NewReader(dump(t, from)), nil); !errors.Is(err, cause) {
		t.Errorf("restore returned %v", err)
	}
	if !bytes.Equal(dump(t, s), before) {
		t.Error("the old state is not served on")
	}
	update(t, s, func(tx *store.Tx) error { return tx.PutEntry(entry(1000)) })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	only(t, path)
	s = openState(t, path, fast)
	if got := len(entries(t, s)); got != 11 {
		t.Errorf("%d entries in the file that was put back", got)
	}
}

// A crash may come at any step of a restore.
func TestInterruptedRestore(t *testing.T) {
	path := statePath(t)
	s, err := store.OpenState(path, fast)
	if err != nil {
		t.Fatal(err)
	}
	sample(t, s, "c1", 7, 10)
	before := dump(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	write := func(name string) {
		if err := os.WriteFile(name, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []struct {
		name string
		left func()
	}{
		{"before the first rename", func() { write(path + ".restoring") }},
		{"between the renames", func() {
			write(path + ".restoring")
			if err := os.Rename(path, path+".previous"); err != nil {
				t.Fatal(err)
			}
		}},
		{"after the second rename", func() { write(path + ".previous") }},
	} {
		t.Run(f.name, func(t *testing.T) {
			f.left()
			s := openState(t, path, fast)
			if !bytes.Equal(dump(t, s), before) {
				t.Error("the state is not what it was")
			}
			only(t, path)
		})
	}
}

// Equal states are equal bytes, whatever happened in the files before.
func TestSnapshotsOfEqualStatesAreEqual(t *testing.T) {
	a := openState(t, statePath(t), fast)
	sample(t, a, "c1", 42, 200)
	b := openState(t, statePath(t), fast)
	for i := 999; i >= 0; i-- {
		update(t, b, func(tx *store.Tx) error { return tx.PutEntry(entry(i)) })
	}
	update(t, b, func(tx *store.Tx) error {
		for i := 200; i < 1000; i++ {
			if err := tx.DeleteEntry(entry(i).Key); err != nil {
				return err
			}
		}
		return tx.PutSilence(&model.Silence{ID: "s1"})
	})
	sample(t, b, "c1", 42, 0)
	if !bytes.Equal(dump(t, a), dump(t, b)) {
		t.Error("equal states make different snapshots")
	}
}

func FuzzRestore(f *testing.F) {
	dir := f.TempDir()
	from, err := store.OpenState(filepath.Join(dir, "from.db"), fast)
	if err != nil {
		f.Fatal(err)
	}
	if err := from.Update(func(tx *store.Tx) error {
		return errors.Join(tx.PutEntry(entry(1)), tx.PutMeta(store.Meta{Cluster: "c1", Index: 5}))
	}); err != nil {
		f.Fatal(err)
	}
	snap, err := from.Snapshot()
	if err != nil {
		f.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := snap.WriteTo(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte("TOCSNAP\x00"))
	to, err := store.OpenState(filepath.Join(dir, "to.db"), fast)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		err := to.Restore(bytes.NewReader(in), nil)
		if err == nil && !bytes.Equal(in, b.Bytes()) {
			t.Error("restored something that nobody wrote")
		}
	})
}

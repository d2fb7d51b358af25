//go:build linux

package store_test

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"tocsin/fsm/model"
	"tocsin/store"
)

// disk is a state file whose disk can be made to fail: the file under the open
// descriptor is exchanged, so bbolt meets the real error of a real write.
type disk struct {
	t    *testing.T
	file *os.File
	good int
}

func openOnDisk(t *testing.T, path string) (*store.State, *disk) {
	t.Helper()
	d := &disk{t: t}
	s := openState(t, path, store.Options{OpenFile: func(name string, flag int, perm os.FileMode) (*os.File, error) {
		f, err := os.OpenFile(name, flag, perm)
		d.file = f
		return f, err
	}})
	good, err := syscall.Dup(int(d.file.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	d.good = good
	t.Cleanup(func() {
		if err := syscall.Close(good); err != nil {
			t.Error(err)
		}
	})
	return s, d
}

// become puts the file of a name in the place of the disk.
func (d *disk) become(name string, flag int) {
	d.t.Helper()
	fd, err := syscall.Open(name, flag|syscall.O_CLOEXEC, 0)
	if err != nil {
		d.t.Fatal(err)
	}
	if err := errors.Join(syscall.Dup3(fd, int(d.file.Fd()), syscall.O_CLOEXEC), syscall.Close(fd)); err != nil {
		d.t.Fatal(err)
	}
}

func (d *disk) recover() {
	d.t.Helper()
	if err := syscall.Dup3(d.good, int(d.file.Fd()), syscall.O_CLOEXEC); err != nil {
		d.t.Fatal(err)
	}
}

// A full disk fails the write and nothing else: the store reads on, and writes
// as soon as there is space.
func TestDiskFull(t *testing.T) {
	path := statePath(t)
	s, d := openOnDisk(t, path)
	sample(t, s, "c1", 42, 2000)
	// Make room inside the file, so that the write fails and not the growing.
	update(t, s, func(tx *store.Tx) error {
		for i := range 1000 {
			if err := tx.DeleteEntry(entry(i).Key); err != nil {
				return err
			}
		}
		return nil
	})
	update(t, s, func(tx *store.Tx) error { return tx.PutNode(model.Node{ID: "n2"}) })
	before := dump(t, s)
	write := func(tx *store.Tx) error { return tx.PutEntry(entry(7)) }
	d.become("/dev/full", syscall.O_RDWR)
	for range 3 {
		if err := s.Update(write); !errors.Is(err, store.ErrDiskFull) {
			t.Fatalf("an update on a full disk: %v", err)
		}
	}
	if string(dump(t, s)) != string(before) {
		t.Error("the state is not what it was before the disk was full")
	}
	d.recover()
	update(t, s, write)
	if got := len(entries(t, s)); got != 1001 {
		t.Errorf("%d entries after there was space again", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openState(t, path, fast)
	if got := len(entries(t, s)); got != 1001 {
		t.Errorf("%d entries after opening it again", got)
	}
}

// A disk that takes no writes at all is not a full one.
func TestDiskReadOnly(t *testing.T) {
	path := statePath(t)
	s, d := openOnDisk(t, path)
	sample(t, s, "c1", 42, 10)
	update(t, s, func(tx *store.Tx) error { return tx.DeleteEntry(entry(1).Key) })
	d.become(path, syscall.O_RDONLY)
	err := s.Update(func(tx *store.Tx) error { return tx.PutEntry(entry(7)) })
	if err == nil || errors.Is(err, store.ErrDiskFull) {
		t.Errorf("an update of a read-only file: %v", err)
	}
	d.recover()
	update(t, s, func(tx *store.Tx) error { return tx.PutEntry(entry(7)) })
}

//go:build linux

package fsm_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"tocsin/fsm"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
	"tocsin/store"
)

// A batch whose commit fails leaves the view as it was, and comes in whole when
// the disk is well again.
func TestFailedCommit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	var file *os.File
	state, err := store.OpenState(path, store.Options{OpenFile: func(name string, flag int, perm os.FileMode) (*os.File, error) {
		f, err := os.OpenFile(name, flag, perm)
		file = f
		return f, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := fsm.Open(fsm.Options{State: state})
	if err != nil {
		t.Fatal(err)
	}
	r := &replica{t: t, Machine: m, state: state}
	t.Cleanup(r.close)
	r.do(1, command.PutNode{Node: model.Node{ID: "n1"}})
	r.do(1, command.PutNode{Node: model.Node{ID: "n1", Name: "x"}})
	before, index := r.dump(), r.View().Index()
	told := 0
	defer r.Observe(func(fsm.Change) { told++ })()
	changed, cancel := r.Watch(theKey)
	defer cancel()

	good, err := syscall.Dup(int(file.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	full, err := syscall.Open("/dev/full", syscall.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Dup3(full, int(file.Fd()), syscall.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	batch := []fsm.LogEntry{logged(t, index+1, 1, command.Claim{ClaimRequest: model.ClaimRequest{
		Key: theKey, Token: token("t"), Node: "n1", Firing: alerts("a"),
	}})}
	if _, err := r.ApplyBatch(batch); !errors.Is(err, store.ErrDiskFull) {
		t.Errorf("applying on a full disk: %v", err)
	}
	if r.View().Index() != index || r.View().ClaimCount() != 0 || !bytes.Equal(r.dump(), before) {
		t.Error("the view or the file moved although the commit failed")
	}
	if told != 0 {
		t.Error("an observer was told of it")
	}
	select {
	case <-changed:
		t.Error("a watcher was told of it")
	default:
	}
	if err := errors.Join(syscall.Dup3(good, int(file.Fd()), syscall.O_CLOEXEC), syscall.Close(good), syscall.Close(full)); err != nil {
		t.Fatal(err)
	}
	if res := r.apply(batch...); res[0][0].Code != command.CodeOK || r.View().ClaimCount() != 1 || told != 1 {
		t.Errorf("applying it again: %+v, %d changes", res, told)
	}
	<-changed
}

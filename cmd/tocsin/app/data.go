package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"tocsin/fsm"
	"tocsin/store"
)

// The files of the data folder. An Alertmanager's silences and nflog may lie
// beside them; see takeover.
const (
	stateFile = "state.db"
	localFile = "local.db"
)

// closeFile bounds closing a file.
const closeFile = 5 * time.Second

// openData opens the data folder's files and the state machine over them.
func (n *Node) openData() error {
	dir := n.opts.Settings.DataDir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make --storage.path: %w", err)
	}
	if err := n.openState(filepath.Join(dir, stateFile)); err != nil {
		return err
	}
	return n.openLocal(filepath.Join(dir, localFile))
}

func (n *Node) openState(path string) error {
	state, err := recovered(n, path, func() (*store.State, error) {
		return store.OpenState(path, store.Options{Now: n.opts.Now})
	})
	if err != nil {
		return err
	}
	n.state = state
	n.closers.push(stateFile, closeFile, func(context.Context) error { return state.Close() })

	n.machine, err = fsm.Open(fsm.Options{State: state, Logger: n.opts.Logger, Registerer: n.opts.Registerer})
	if err != nil {
		return fmt.Errorf("read the state in %s: %w", path, err)
	}
	n.closers.push("state machine", closeFile, func(context.Context) error { return n.machine.Close() })
	return nil
}

func (n *Node) openLocal(path string) error {
	local, err := recovered(n, path, func() (*store.Local, error) {
		return store.OpenLocal(path, store.Options{Now: n.opts.Now})
	})
	if err != nil {
		return err
	}
	n.local = local
	n.closers.push(localFile, closeFile, func(context.Context) error { return local.Close() })
	return nil
}

// recovered opens a file; a damaged one is set aside and made anew, so that the
// node can get its content from its peers or its snapshots.
func recovered[F any](n *Node, path string, open func() (F, error)) (F, error) {
	f, err := open()
	if !errors.Is(err, store.ErrDamaged) {
		return f, explainOpen(path, err)
	}
	aside, aerr := store.SetAside(path, n.opts.Now())
	if aerr != nil {
		return f, fmt.Errorf("set the damaged file %s aside: %w", path, aerr)
	}
	n.opts.Logger.Error("a file is damaged and was set aside; the node goes on with a new one and takes what was in it from its peers or its own snapshots",
		"file", path, "set_aside_as", aside, "err", err)
	f, err = open()
	return f, explainOpen(path, err)
}

// explainOpen says what to do about a file that does not open.
func explainOpen(path string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrNewerSchema):
		return fmt.Errorf("open %s: %w: run that version, or give another --storage.path", path, err)
	case errors.Is(err, store.ErrLocked):
		return fmt.Errorf("open %s: %w: stop the other node, or give another --storage.path", path, err)
	}
	return fmt.Errorf("open %s: %w", path, err)
}

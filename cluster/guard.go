package cluster

import (
	"errors"
	"fmt"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
)

// guard stands between Raft and its file: every write is timed, and the first
// that fails takes the node out of Raft (I15). Raft by itself would go on as a
// follower that acknowledges nothing, or panic where it keeps its term.
type guard struct {
	file   *raftboltdb.BoltStore
	dog    *watchdog
	faults DiskFaults
	fail   func(error) // returns after the node can no longer be heard
}

var (
	_ raft.LogStore    = (*guard)(nil)
	_ raft.StableStore = (*guard)(nil)
)

func (g *guard) write(what string, f func() error) error {
	done := g.dog.watch(what)
	defer done()
	var err error
	if g.faults != nil {
		err = g.faults.BeforeLogWrite()
	}
	if err == nil {
		err = f()
	}
	if err != nil {
		err = fmt.Errorf("%w: %s: %w", ErrStorage, what, err)
		g.fail(err)
	}
	return err
}

// FirstIndex is the index of the oldest entry, 0 if there is none.
func (g *guard) FirstIndex() (uint64, error) { return g.file.FirstIndex() }

// LastIndex is the index of the newest entry, 0 if there is none.
func (g *guard) LastIndex() (uint64, error) { return g.file.LastIndex() }

// GetLog reads an entry.
func (g *guard) GetLog(index uint64, log *raft.Log) error { return g.file.GetLog(index, log) }

// StoreLog appends an entry.
func (g *guard) StoreLog(log *raft.Log) error { return g.StoreLogs([]*raft.Log{log}) }

// StoreLogs appends entries.
func (g *guard) StoreLogs(logs []*raft.Log) error {
	return g.write("append to the raft log", func() error { return g.file.StoreLogs(logs) })
}

// DeleteRange drops entries.
func (g *guard) DeleteRange(from, to uint64) error {
	return g.write("truncate the raft log", func() error { return g.file.DeleteRange(from, to) })
}

// Set keeps a value.
func (g *guard) Set(key, val []byte) error {
	return g.write("keep the raft vote", func() error { return g.file.Set(key, val) })
}

// Get reads a value.
func (g *guard) Get(key []byte) ([]byte, error) { return g.file.Get(key) }

// SetUint64 keeps a number. Raft panics if it cannot keep its term. But fail has
// silenced this instance before it returns, so nothing that it does with a term
// that is not on disk can be heard, and it is told that all is well until it is
// shut down.
func (g *guard) SetUint64(key []byte, val uint64) error {
	err := g.write("keep the raft term", func() error { return g.file.SetUint64(key, val) })
	if err != nil && string(key) == "CurrentTerm" {
		return nil
	}
	return err
}

// GetUint64 reads a number.
func (g *guard) GetUint64(key []byte) (uint64, error) { return g.file.GetUint64(key) }

// probe writes and reads back, to see whether the disk is usable.
func (g *guard) probe() error {
	key := []byte("TocsinProbe")
	last, err := g.file.GetUint64(key)
	if err != nil && !errors.Is(err, raftboltdb.ErrKeyNotFound) {
		return fmt.Errorf("%w: read the raft file: %w", ErrStorage, err)
	}
	return g.write("probe the raft file", func() error { return g.file.SetUint64(key, last+1) })
}

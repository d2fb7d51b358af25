package cluster

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/raft"

	"tocsin/fsm"
	"tocsin/fsm/command"
)

// adapter shows Raft the state machine. After its first failure it does nothing
// any more and answers every entry with that error: such an entry is committed
// but not applied here, so its outcome is unknown until the next instance of
// Raft has applied it.
type adapter struct {
	machine *fsm.Machine
	dog     *watchdog
	faults  DiskFaults
	fail    func(error) // returns after the node can no longer be heard

	mu     sync.Mutex // serialises changes of machine, guards the rest
	failed error

	// stuck is the last index of the batch that failed or has not come back: it
	// is read while a disk that hangs holds mu.
	stuck atomic.Uint64
}

var _ raft.BatchingFSM = (*adapter)(nil)

// Apply is a batch of one.
func (a *adapter) Apply(log *raft.Log) any { return a.ApplyBatch([]*raft.Log{log})[0] }

// ApplyBatch has the machine apply logs. The answer to each is its results, or
// an error.
func (a *adapter) ApplyBatch(logs []*raft.Log) []any {
	batch := make([]fsm.LogEntry, len(logs))
	for i, l := range logs {
		batch[i] = fsm.LogEntry{Index: l.Index, Term: l.Term}
		if l.Type == raft.LogCommand {
			batch[i].Data = l.Data
		}
	}
	results, err := a.apply(batch)
	out := make([]any, len(logs))
	for i := range logs {
		switch {
		case err != nil:
			out[i] = err
		default:
			out[i] = results[i]
		}
	}
	return out
}

func (a *adapter) apply(batch []fsm.LogEntry) ([][]command.Result, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.failed != nil {
		return nil, a.failed
	}
	a.stuck.Store(batch[len(batch)-1].Index)
	done := a.dog.watch("apply to the state file")
	defer done()
	a.stuck.Store(batch[len(batch)-1].Index)
	var err error
	var results [][]command.Result
	if a.faults != nil {
		err = a.faults.BeforeApply()
	}
	if err == nil {
		results, err = a.machine.ApplyBatch(batch)
	}
	if err != nil {
		a.failed = fmt.Errorf("%w: apply entries %d to %d: %w", ErrStorage, batch[0].Index, batch[len(batch)-1].Index, err)
		a.fail(a.failed)
		return nil, a.failed
	}
	a.stuck.Store(0)
	return results, nil
}

// witness moves the machine's index to that of a snapshot, which counts entries
// that never reach the machine. Otherwise every start after a snapshot would
// look as if the state file were behind it.
func (a *adapter) witness(index, term uint64) {
	_, _ = a.apply([]fsm.LogEntry{{Index: index, Term: term}})
}

// stuckAt is the index that has to be applied before the disk counts as healthy
// again, 0 if nothing hangs or failed.
func (a *adapter) stuckAt() uint64 { return a.stuck.Load() }

// Snapshot holds the state; Raft calls it between two batches.
func (a *adapter) Snapshot() (raft.FSMSnapshot, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.failed != nil {
		return nil, a.failed
	}
	s, err := a.machine.Snapshot()
	if err != nil {
		return nil, fmt.Errorf("hold the state: %w", err)
	}
	return heldState{s, a}, nil
}

// Restore replaces the state by a snapshot of a leader, or of this node's own.
func (a *adapter) Restore(r io.ReadCloser) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.failed != nil {
		return a.failed
	}
	if err := a.machine.Restore(r); err != nil {
		return fmt.Errorf("restore the state: %w", err)
	}
	return nil
}

// heldState is a snapshot on its way into a file.
type heldState struct {
	s *fsm.Snapshot
	a *adapter
}

// Persist writes it out.
func (h heldState) Persist(sink raft.SnapshotSink) error {
	if _, err := h.s.WriteTo(sink); err != nil {
		_ = sink.Cancel()
		return fmt.Errorf("write snapshot: %w", err)
	}
	if err := sink.Close(); err != nil {
		return fmt.Errorf("complete snapshot: %w", err)
	}
	if at, ok := sink.(*indexedSink); ok {
		h.a.witness(at.index, at.term)
	}
	return nil
}

// Release lets it go.
func (h heldState) Release() { h.s.Release() }

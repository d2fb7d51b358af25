package fsm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/fsm/command"
	"tocsin/fsm/model"
	"tocsin/store"
)

// ErrClosed says that the machine was closed.
var ErrClosed = errors.New("the state machine is closed")

// Options of a Machine.
type Options struct {
	// State is the open state file. The machine is its only writer; Close does
	// not close it.
	State *store.State
	// Logger may be nil: then nothing is logged.
	Logger *slog.Logger
	// Registerer may be nil: then there are no metrics.
	Registerer prometheus.Registerer
}

// Machine is the replicated state machine: it applies the log to the state file
// and to a view in memory. Its methods may be called from any goroutine.
type Machine struct {
	state   *store.State
	logger  *slog.Logger
	metrics *metrics
	watch   watch

	view atomic.Pointer[View]

	// apply is held by who changes the state. It comes before the locks of the
	// store and of watch.
	apply sync.Mutex
	// doubtful: a commit failed, so the file may be ahead of the view. Guarded
	// by apply.
	doubtful bool

	closed atomic.Bool
}

// LogEntry is one entry of the log. Data nil is a no-op or a change of the Raft
// configuration: it only moves the index.
type LogEntry struct {
	Index, Term uint64
	Data        []byte
}

// Open makes a machine of what is in the state file.
//
// Errors: store.ErrDamaged, store.ErrClosed, command.ErrTooNew if the cluster's
// minimum version is beyond this program.
func Open(o Options) (*Machine, error) {
	m := &Machine{state: o.State, logger: o.Logger}
	if m.logger == nil {
		m.logger = slog.New(slog.DiscardHandler)
	}
	v, err := m.read()
	if err != nil {
		return nil, fmt.Errorf("open the state machine: %w", err)
	}
	m.view.Store(v)
	m.watch.open()
	if m.metrics, err = newMetrics(m, o.Registerer); err != nil {
		return nil, fmt.Errorf("open the state machine: %w", err)
	}
	m.logger.Info("state machine opened", "index", v.index, "cluster", string(v.cluster),
		"entries", v.EntryCount(), "silences", v.SilenceCount(), "nodes", v.nodes.Len())
	return m, nil
}

// View is the state as of the last applied batch. It needs no lock.
func (m *Machine) View() *View { return m.view.Load() }

// ApplyBatch applies entries of the log in one transaction: all of them, or none
// with an error. An entry that is not newer than the state is skipped, and its
// commands answer CodeSkipped. There is one slice of results for each entry, in
// it one result for each command; one CodeInvalid for an entry that no program
// could read.
//
// Any error means that this node must stop applying: its disk failed, or the
// entry needs a newer program (command.ErrTooNew). The view stays as it was. A
// failed commit may be in the file all the same; the next ApplyBatch finds out.
func (m *Machine) ApplyBatch(batch []LogEntry) ([][]command.Result, error) {
	entries, err := decode(batch)
	if err != nil {
		return nil, err
	}
	m.apply.Lock()
	defer m.apply.Unlock()
	if err := m.settleDoubt(); err != nil {
		return nil, err
	}
	before := m.view.Load()
	if !slices.ContainsFunc(entries, func(e decoded) bool { return e.Index > before.index }) {
		return applyAll(&stage{v: before}, entries), nil
	}
	done := m.metrics.batch(len(entries))
	var results [][]command.Result
	var change Change
	v := before.clone()
	err = m.state.Update(func(tx *store.Tx) (err error) {
		s := &stage{v: v, tx: tx}
		results = applyAll(s, entries)
		change, err = s.finish()
		return err
	})
	if err != nil {
		m.doubtful = true
		return nil, fmt.Errorf("apply up to log entry %d: %w", batch[len(batch)-1].Index, err)
	}
	m.publish(v, change)
	done(entries, results)
	return results, nil
}

func applyAll(s *stage, entries []decoded) [][]command.Result {
	results := make([][]command.Result, len(entries))
	for i := range entries {
		if entries[i].Index <= s.v.index {
			results[i] = entries[i].skipped()
		} else {
			results[i] = s.applyEntry(&entries[i])
		}
	}
	return results
}

// settleDoubt makes sure that the view is that of the file.
func (m *Machine) settleDoubt() error {
	if m.closed.Load() {
		return ErrClosed
	}
	if !m.doubtful {
		return nil
	}
	v, err := m.read()
	if err != nil {
		return fmt.Errorf("read the state after a failed commit: %w", err)
	}
	m.doubtful = false
	if before := m.view.Load(); v.index != before.index {
		m.logger.Warn("a commit that had failed is in the file", "index", v.index, "was", before.index)
		m.publish(v, everything(before, v))
	}
	return nil
}

func (m *Machine) read() (v *View, err error) {
	err = m.state.View(func(tx *store.Tx) error {
		v, err = loadKnown(tx)
		return err
	})
	return v, err
}

// loadKnown loads a state that this program may go on with.
func loadKnown(tx *store.Tx) (*View, error) {
	v, err := load(tx)
	if err == nil && v.minVersion > command.Version {
		err = fmt.Errorf("the cluster's minimum version is %d: %w", v.minVersion, command.ErrTooNew)
	}
	return v, err
}

// publish shows a view to readers first and tells those who wait then.
func (m *Machine) publish(v *View, c Change) {
	m.view.Store(v)
	m.watch.tell(c)
}

// everything says that all may have changed between two views.
func everything(before, after *View) Change {
	c := Change{Index: after.index, Config: true, Silences: true, Nodes: true, Records: true, Restored: true}
	for _, v := range []*View{before, after} {
		for e := range v.Entries() {
			c.Keys = append(c.Keys, e.Key)
		}
	}
	slices.SortFunc(c.Keys, model.DeliveryKey.Compare)
	c.Keys = slices.Compact(c.Keys)
	return c
}

// WaitApplied waits until the state has applied index.
//
// Errors: that of ctx, ErrClosed.
func (m *Machine) WaitApplied(ctx context.Context, index uint64) error {
	for {
		moved, err := m.watch.moved()
		switch {
		case m.View().Index() >= index:
			return nil
		case err != nil:
			return fmt.Errorf("wait for log entry %d: %w", index, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for log entry %d: %w", index, context.Cause(ctx))
		case <-moved:
		}
	}
}

// Snapshot is the state held at one index, until it is released.
type Snapshot struct{ held *store.Snapshot }

// Snapshot holds the state as it is, for writing it out while the machine goes
// on. Index and data are of one transaction.
func (m *Machine) Snapshot() (*Snapshot, error) {
	held, err := m.state.Snapshot()
	if err != nil {
		return nil, err
	}
	return &Snapshot{held}, nil
}

// Index is the log index that is held, Term its term.
func (s *Snapshot) Index() uint64 { return s.held.Meta().Index }

// Term is the term of the entry at Index.
func (s *Snapshot) Term() uint64 { return s.held.Meta().Term }

// WriteTo streams it. Equal states are equal bytes on every node.
func (s *Snapshot) WriteTo(w io.Writer) (int64, error) { return s.held.WriteTo(w) }

// Release lets it go. It may be called more than once.
func (s *Snapshot) Release() {
	// Ending a read transaction fails only if it has ended.
	_ = s.held.Release()
}

// Restore replaces the state by a snapshot. It wakes everybody who waits. On an
// error the old state stays and is served on.
//
// Errors: those of store.State.Restore, command.ErrTooNew, ErrClosed.
func (m *Machine) Restore(r io.Reader) error {
	m.apply.Lock()
	defer m.apply.Unlock()
	if m.closed.Load() {
		return ErrClosed
	}
	var v *View
	err := m.state.Restore(r, func(tx *store.Tx) (err error) {
		v, err = loadKnown(tx)
		return err
	})
	if err != nil {
		return err
	}
	m.doubtful = false
	m.publish(v, everything(m.view.Load(), v))
	m.metrics.restored()
	m.logger.Info("state restored from a snapshot", "index", v.index, "cluster", string(v.cluster))
	return nil
}

// Close ends all waiting: WaitApplied returns ErrClosed, and so does every later
// ApplyBatch. It does not wait for one that is under way, for its disk may hang.
// Views stay readable, and the state file stays open. Closing twice does nothing.
func (m *Machine) Close() error {
	if !m.closed.Swap(true) {
		m.watch.close()
		m.metrics.unregister()
	}
	return nil
}

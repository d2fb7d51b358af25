package fsm

import (
	"context"
	"io"
	"log/slog"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/fsm/command"
	"tocsin/fsm/model"
	"tocsin/store"
)

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

// Machine is the replicated state machine.
type Machine struct {
	view atomic.Pointer[View]
}

// LogEntry is one entry of the log. Data nil is a no-op or a change of the Raft
// configuration: it only moves the index.
type LogEntry struct {
	Index, Term uint64
	Data        []byte
}

// Change says what a batch, or a restore, changed.
type Change struct {
	// Index is the applied index after it.
	Index uint64
	// Config, Silences and Nodes say which of them changed.
	Config, Silences, Nodes bool
	// Keys are the ledger entries that changed, ascending.
	Keys []model.DeliveryKey
	// Restored: a snapshot took the place of everything. All of the above are
	// set, and Keys are those of before and after.
	Restored bool
}

// Open makes a machine of what is in the state file.
func Open(o Options) (*Machine, error) { panic("BUG: not written yet") }

// View is the state as of the last applied batch.
func (m *Machine) View() *View { return m.view.Load() }

// ApplyBatch applies entries of the log, all or none.
func (m *Machine) ApplyBatch(batch []LogEntry) ([][]command.Result, error) {
	panic("BUG: not written yet")
}

// WaitApplied waits until the state has applied index.
func (m *Machine) WaitApplied(ctx context.Context, index uint64) error {
	panic("BUG: not written yet")
}

// Observe calls fn after each change is visible in View, in order, from the
// goroutine that applies: fn must not block.
func (m *Machine) Observe(fn func(Change)) (cancel func()) { panic("BUG: not written yet") }

// Watch returns a channel that is closed at the next change of the key's entry.
// To miss nothing, watch first and read the entry then. Call cancel when done.
func (m *Machine) Watch(key model.DeliveryKey) (changed <-chan struct{}, cancel func()) {
	panic("BUG: not written yet")
}

// Snapshot holds the state as it is for writing it out.
func (m *Machine) Snapshot() (*Snapshot, error) { panic("BUG: not written yet") }

// Snapshot is the state held at one index.
type Snapshot struct{ index uint64 }

// Index is the log index that it holds.
func (s *Snapshot) Index() uint64 { return s.index }

// WriteTo streams it.
func (s *Snapshot) WriteTo(w io.Writer) (int64, error) { panic("BUG: not written yet") }

// Release lets it go. It may be called more than once.
func (s *Snapshot) Release() { panic("BUG: not written yet") }

// Restore replaces the state by a snapshot. On an error the old state stays.
func (m *Machine) Restore(r io.Reader) error { panic("BUG: not written yet") }

// HistoryQuery picks rows of the delivery history. An empty field picks all.
type HistoryQuery struct {
	Group, Receiver, Integration string
	// Before picks rows with a smaller Seq: the last row of the page before.
	Before uint64
	// Limit bounds the rows; 0 = DefaultHistoryLimit.
	Limit int
}

// DefaultHistoryLimit is the Limit of a HistoryQuery that has none.
const DefaultHistoryLimit = 100

// History reads rows of the delivery history, newest first.
func (m *Machine) History(q HistoryQuery) ([]model.Delivery, error) {
	panic("BUG: not written yet")
}

// ConfigHistory reads the last versions of the configuration, newest first; at
// most limit of them, 0 = all that are kept.
func (m *Machine) ConfigHistory(limit int) ([]*model.ConfigVersion, error) {
	panic("BUG: not written yet")
}

// Close ends all waiting. The state file stays open.
func (m *Machine) Close() error { panic("BUG: not written yet") }

package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"

	"tocsin/cluster/mux"
)

// Raft's numbers, with the reasons where they are not the library's own.
const (
	// maxAppendEntries is also the size of a batch for the state machine.
	maxAppendEntries = 64
	// trailingLogs must never be small: below 10240 a node that rejoins can
	// restore the same snapshot for ever (hashicorp/raft issue 697).
	trailingLogs = 20480
	// Snapshots only compact the log and help others catch up; the state file
	// itself is durable.
	snapshotThreshold = 32768
	snapshotInterval  = 5 * time.Minute
	snapshotsRetained = 2
	logCacheSize      = 512
	raftIOTimeout     = 10 * time.Second
	// idleTime is how long the end of an instance waits for its futures.
	idleTime = 3 * time.Second
	// One request at a time to a follower, which turns Raft's pipeline off. In
	// the pipeline of v1.7.3 the sender and the reader of answers wait for each
	// other for ever when a follower rejects a request while another is under
	// way: that follower gets nothing any more, though heartbeats go on, and
	// Raft never shuts down. Nothing is lost: what queues up is batched.
	rpcsInFlight = 1
	// A follower learns that an entry is committed with the next request, which
	// comes after one to two of these. Its own callers wait for that.
	commitTimeout = 20 * time.Millisecond
)

// engine is one instance of Raft on this node's files. It is built anew when
// the disk has failed or hung.
type engine struct {
	id      raft.ServerID
	raft    *raft.Raft
	trans   *patient
	file    *raftboltdb.BoltStore
	disk    *guard
	state   *adapter
	stream  *streamLayer
	leading chan bool // leadership gained and lost
	failed  chan struct{}

	mu      sync.Mutex // guards the rest
	cause   error
	closing bool
	waiting int           // futures that were not answered yet
	idle    chan struct{} // closed when closing and waiting is 0
}

// openEngine opens the raft folder and starts Raft on it.
func (n *Node) openEngine() (*engine, error) {
	file, err := raftboltdb.New(raftboltdb.Options{Path: n.raftFile(), MsgpackUseNewTimeFormat: true})
	if err != nil {
		return nil, fmt.Errorf("%w: open the raft log: %w", ErrStorage, err)
	}
	e := &engine{
		id:      raft.ServerID(n.id),
		file:    file,
		leading: make(chan bool, 10),
		failed:  make(chan struct{}),
		idle:    make(chan struct{}),
	}
	dog := &watchdog{limit: n.opts.Timing.Stall, bark: e.fail}
	e.disk = &guard{file: file, dog: dog, faults: n.opts.Disk, fail: e.fail}
	e.state = &adapter{machine: n.opts.Machine, dog: dog, faults: n.opts.Disk, fail: e.fail}
	accept := newWelcomed(n.mux.Protocol(mux.ProtocolRaft), n.welcome, n.log)
	e.stream = newStreamLayer(accept, n.connectTo, n.raftAddress)
	if err := e.start(n); err != nil {
		return nil, errors.Join(err, e.stream.Close(), file.Close())
	}
	return e, nil
}

func (e *engine) start(n *Node) error {
	if err := e.disk.probe(); err != nil {
		return err
	}
	files, err := raft.NewFileSnapshotStoreWithLogger(n.raftDir(), snapshotsRetained, n.raftLog)
	if err != nil {
		return fmt.Errorf("%w: open the snapshots: %w", ErrStorage, err)
	}
	logs, err := raft.NewLogCache(logCacheSize, e.disk)
	if err != nil {
		return fmt.Errorf("make log cache: %w", err)
	}
	cfg := n.raftConfig(e.leading)
	if cfg.NoSnapshotRestoreOnStart, err = covers(n, files); err != nil {
		return err
	}
	e.trans = newPatient(e.stream.ctx, raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
		ServerAddressProvider:   addressBook{n},
		Logger:                  raftLogger(n.log, true),
		Stream:                  e.stream,
		MaxPool:                 3,
		MaxRPCsInFlight:         rpcsInFlight,
		Timeout:                 raftIOTimeout,
		MsgpackUseNewTimeFormat: true,
	}))
	e.raft, err = raft.NewRaft(cfg, e.state, logs, e.disk, &snapshots{files}, e.trans)
	if err != nil {
		return errors.Join(fmt.Errorf("%w: start raft: %w", ErrStorage, err), e.trans.Close())
	}
	e.trans.raft.Store(e.raft)
	return nil
}

func (n *Node) raftConfig(leading chan<- bool) *raft.Config {
	cfg := raft.DefaultConfig()
	cfg.LocalID = raft.ServerID(n.id)
	cfg.HeartbeatTimeout = n.opts.Timing.Heartbeat
	cfg.ElectionTimeout = n.opts.Timing.Election
	cfg.LeaderLeaseTimeout = n.opts.Timing.LeaderLease
	cfg.CommitTimeout = commitTimeout
	cfg.MaxAppendEntries = maxAppendEntries
	cfg.BatchApplyCh = true
	cfg.ShutdownOnRemove = false // a removed node must go on paging, and say so
	cfg.TrailingLogs = trailingLogs
	cfg.SnapshotThreshold = snapshotThreshold
	cfg.SnapshotInterval = snapshotInterval
	cfg.NoLegacyTelemetry = true
	cfg.NotifyCh = leading
	cfg.Logger = n.raftLog
	return cfg
}

// covers reports whether the state file is at least as new as the newest
// snapshot, so that Raft need not restore it.
func covers(n *Node, files raft.SnapshotStore) (bool, error) {
	list, err := files.List()
	if err != nil {
		return false, fmt.Errorf("%w: list the snapshots: %w", ErrStorage, err)
	}
	return len(list) == 0 || n.opts.Machine.View().Index() >= list[0].Index, nil
}

// hasten has this node stand for election now, where it need not wait for the
// heartbeats of a leader because there can be none.
func (e *engine) hasten() {
	if e.raft.State() != raft.Follower {
		return
	}
	req := &raft.TimeoutNowRequest{RPCHeader: raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte(e.id)}}
	_ = e.trans.TimeoutNow(e.id, e.trans.LocalAddr(), req, &raft.TimeoutNowResponse{})
}

// fail silences this instance and then says so. The first cause counts.
func (e *engine) fail(cause error) {
	e.stream.silence()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.cause == nil {
		e.cause = cause
		close(e.failed)
	}
}

// failure is why the instance failed, nil if it has not.
func (e *engine) failure() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.cause
}

// await waits for a future, ctx or the failure of this instance, whatever comes
// first: Raft forgets futures when it is shut down, and answers none while its
// disk hangs. make is only called if the instance is not closing.
func (e *engine) await(ctx context.Context, make func() raft.Future) error {
	if !e.enlist() {
		return fmt.Errorf("%w: %w", errNotLeading, ErrStorage)
	}
	answer := newAnswer()
	go func() {
		defer e.delist()
		answer <- make().Error()
	}()
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-e.failed:
		return e.failure()
	}
}

func newAnswer() chan error { return make(chan error, 1) }

func (e *engine) enlist() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closing || e.cause != nil {
		return false
	}
	e.waiting++
	return true
}

func (e *engine) delist() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.waiting--
	if e.closing && e.waiting == 0 {
		close(e.idle)
	}
}

// close shuts this instance down and returns when all of it has ended, which
// takes as long as a write that hangs. Futures are waited for first: cut off
// from the others, a leader steps down and answers all of them, while those
// that Raft still has when it shuts down are never answered.
func (e *engine) close() error {
	e.stream.silence()
	e.mu.Lock()
	e.closing = true
	if e.waiting == 0 {
		close(e.idle)
	}
	e.mu.Unlock()
	select {
	case <-e.idle:
	case <-time.After(idleTime):
	}
	err := e.raft.Shutdown().Error()
	return errors.Join(err, e.stream.Close(), e.file.Close())
}

// configuration is Raft's newest, committed or not, and its index.
func (e *engine) configuration() (raft.Configuration, uint64) {
	f := e.raft.GetConfiguration()
	if f.Error() != nil {
		return raft.Configuration{}, 0
	}
	return f.Configuration(), f.Index()
}

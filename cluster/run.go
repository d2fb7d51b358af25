package cluster

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"tocsin/cluster/mux"
	"tocsin/cluster/rpc"
)

// Times of the way down.
const (
	leaveTime = 3 * time.Second
	// stuckTime is how long a disk that hangs can hold up the end of Run.
	stuckTime = 10 * time.Second
	// readyAlone is when a member without a leader counts as ready.
	readyAlone = 5 * time.Second
	// tick is how often the quorum is looked at.
	tick = 100 * time.Millisecond
)

// Run takes part in the cluster until ctx ends, then hands leadership over,
// says good-bye and stops everything. It returns when all has ended. Errors:
// ErrClosed if it was run before, ErrStorage if a write still hangs.
func (n *Node) Run(ctx context.Context) error {
	if !n.started.CompareAndSwap(false, true) || n.ctx.Err() != nil {
		return ErrClosed
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(n.ctx, cancel)()
	var wg sync.WaitGroup
	server := &rpc.Server{Handler: n.handle, Logger: n.log}
	questions := newWelcomed(n.mux.Protocol(mux.ProtocolRPC), n.welcome, n.log)
	wg.Go(func() { server.Serve(n.ctx, questions) })
	wg.Go(func() {
		if err := n.mux.Run(n.ctx); err != nil {
			n.log.Error("listening for other nodes failed", "err", err)
		}
	})
	if n.gossip != nil {
		wg.Go(func() { n.gossip.Run(n.ctx) })
		wg.Go(func() { n.runEvents(n.ctx) })
	}
	kept := make(chan struct{})
	go func() { defer close(kept); n.runIdentity(n.ctx) }()
	stopObserving := n.opts.Machine.Observe(n.overlays.observe)
	if n.trust != nil {
		defer n.opts.Machine.Observe(n.observeRecords)()
		wg.Go(func() { n.runTrust(n.ctx) })
		if !n.trust.External() {
			wg.Go(func() { n.runEnrol(n.ctx) })
		}
	}
	wg.Go(func() { n.runTick(n.ctx) })
	wg.Go(func() { n.overlays.run(n.ctx) })
	wg.Go(func() { n.runUpkeep(n.ctx) })
	wg.Go(func() { n.runLook(n.ctx) })
	wg.Go(func() { n.runBehind(n.ctx) })
	err := n.supervise(ctx)
	if n.gossip != nil && n.ctx.Err() == nil {
		if leaveErr := n.gossip.Leave(leaveTime); leaveErr != nil {
			n.log.Debug("the others were not told of the end", "err", leaveErr)
		}
		n.sayBereft()
	}
	stopObserving()
	err = errors.Join(err, n.Close())
	wg.Wait()
	select {
	case <-kept:
	case <-time.After(stuckTime): // its disk hangs
	}
	return err
}

// supervise keeps an instance of Raft running, and builds it anew after the disk
// has failed.
func (n *Node) supervise(ctx context.Context) error {
	for ctx.Err() == nil {
		e, err := n.openEngine()
		if err != nil {
			n.storageFailed(err, 0)
			sleep(ctx, n.opts.Timing.Reopen)
			continue
		}
		n.engine.Store(e)
		n.serve(ctx, e)
		if cause := e.failure(); cause != nil {
			n.storageFailed(cause, e.state.stuckAt())
		}
		n.engine.Store(nil)
		n.lookAtQuorum()
		if err := n.closeEngine(ctx, e); err != nil {
			return err
		}
		if ctx.Err() == nil {
			sleep(ctx, n.opts.Timing.Reopen)
		}
	}
	return nil
}

// closeEngine waits until a failed instance has ended; once the node is to stop,
// no longer than stuckTime.
func (n *Node) closeEngine(ctx context.Context, e *engine) error {
	done := make(chan error, 1)
	go func() { done <- e.close() }()
	select {
	case err := <-done:
		return n.closedWith(err)
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return n.closedWith(err)
	case <-time.After(stuckTime):
		return fmt.Errorf("%w: a write still hangs, so the raft files were not closed", ErrStorage)
	}
}

func (n *Node) closedWith(err error) error {
	if err != nil {
		n.log.Warn("closing raft", "err", err)
	}
	return nil
}

// serve lives with one instance of Raft until it fails or ctx ends.
func (n *Node) serve(ctx context.Context, e *engine) {
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() { n.runLeadership(life, e) })
	wg.Go(func() { n.awaitHealthy(life) })
	wg.Go(func() { n.seek(life, e) })
	wg.Go(func() { n.awaitReady(life, e) })
	select {
	case <-e.failed:
	case <-ctx.Done():
		if n.ctx.Err() == nil {
			n.Drain()
			n.handOver(e)
		}
	}
}

// awaitReady closes ready once the node may speak for the cluster.
func (n *Node) awaitReady(ctx context.Context, e *engine) {
	alone := time.Time{}
	for {
		n.adoptCluster()
		cfg, _ := e.configuration()
		if memberOf(cfg, e.id) {
			n.becomeMember()
			if alone.IsZero() {
				alone = time.Now().Add(readyAlone)
			}
			// Its record comes first: who is not in the state may claim nothing.
			if n.caughtUp(ctx) && n.putRecord(ctx) {
				break
			}
			if n.clusterID() != "" && time.Now().After(alone) {
				n.log.Warn("this node is a member, but finds no leader; it goes on with the state that it has")
				break
			}
		}
		if !sleep(ctx, tick/2) {
			return
		}
	}
	n.lookAtQuorum()
	n.readyOnce.Do(func() { close(n.ready) })
}

// caughtUp reports whether this node's state has all that the leader's had a
// moment ago.
func (n *Node) caughtUp(ctx context.Context) bool {
	if n.lead.Load() != nil {
		return n.clusterID() != ""
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	b, err := n.askLeader(ctx, kindIndex, nil)
	if err != nil {
		return false
	}
	index, used := binary.Uvarint(b)
	return used > 0 && n.opts.Machine.WaitApplied(ctx, index) == nil && n.clusterID() != ""
}

// runEvents follows gossip.
func (n *Node) runEvents(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.gossip.Events():
			n.lookAtQuorum()
		}
	}
}

// runTick looks at the quorum at short intervals.
func (n *Node) runTick(ctx context.Context) {
	last := ""
	for sleep(ctx, tick) {
		n.adoptCluster()
		n.lookAtQuorum()
		n.tellState()
		_, at := n.leader()
		if last != "" && at != last {
			// What waits for the old leader's answer may wait in vain; the new
			// one can be asked now.
			n.client.Forget(last)
		}
		last = at
	}
}

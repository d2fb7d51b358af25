package cluster

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

// leadership is what this node does while it leads, and only then.
type leadership struct {
	n      *Node
	e      *engine
	lessor *lessor
	// unled is how long nobody had led before, as far as it counts for claims.
	unled  time.Duration
	ctx    context.Context // ends with the leadership
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// leaderTries is how often a new leader tries to get through to a majority
// before it lets another one try.
const leaderTries = 3

// unledPart tenths of the ClaimTTL at the most are taken off the time of claims for
// an election, which makes the sum of both one that I12 allows. It is safe by a
// margin: a holder sends for one ClaimTTL after its last renewal, no older leader
// renews for longer than its own lease, a fifth of that, and 1.6 of it remain.
const unledPart = 4

// gcInterval is how often the leader has old things dropped.
const gcInterval = time.Minute

// runLeadership follows Raft's word on who leads, until ctx ends.
func (n *Node) runLeadership(ctx context.Context, e *engine) {
	var l *leadership
	stop := func() {
		if l != nil {
			l.stop()
			l = nil
		}
	}
	defer stop()
	for {
		select {
		case <-ctx.Done():
			return
		case leads := <-e.leading:
			// Lost and gained again comes as two words in a row: what the
			// leader knew is stale then, too.
			stop()
			if leads {
				l = n.startLeading(ctx, e)
			}
		}
	}
}

func (n *Node) startLeading(ctx context.Context, e *engine) *leadership {
	l := &leadership{n: n, e: e}
	l.ctx, l.cancel = context.WithCancel(ctx)
	l.lessor = newLessor(n.opts.Machine, 2*n.opts.Timing.ClaimTTL, l.expire)
	l.unled = min(time.Since(e.raft.LastContact()), n.opts.Timing.ClaimTTL*unledPart/10)
	l.wg.Go(l.run)
	n.log.Info("this node leads the cluster", "node", n.id, "term", e.raft.CurrentTerm())
	return l
}

func (l *leadership) stop() {
	l.n.lead.CompareAndSwap(l, nil)
	l.cancel()
	l.wg.Wait()
	l.n.log.Info("this node does not lead the cluster any more", "node", l.n.id)
}

func (l *leadership) run() {
	// Observing begins before the barrier, so that no claim that is granted
	// meanwhile goes without a timer.
	stop := l.n.opts.Machine.Observe(l.lessor.observe)
	defer stop()
	for err := l.establish(); err != nil; err = l.establish() {
		if l.ctx.Err() != nil {
			return
		}
		// If there is nobody else, the next try may work.
		l.n.log.Warn("cannot lead yet; letting another node try", "err", err)
		_ = l.e.await(l.ctx, func() raft.Future { return l.n.abdicate(l.e, "") })
		sleep(l.ctx, time.Second)
	}
	l.lessor.armAll(l.unled)
	l.n.lead.Store(l)
	defer l.n.lead.CompareAndSwap(l, nil)
	if l.ctx.Err() != nil {
		return
	}
	var wg sync.WaitGroup
	wg.Go(func() { l.lessor.run(l.ctx) })
	wg.Go(l.runPromote)
	wg.Go(l.runGC)
	wg.Go(l.runVersions)
	wg.Go(l.runCleanup)
	wg.Go(l.runBalance)
	wg.Go(l.runKeys)
	wg.Go(l.settleRemovals)
	wg.Wait()
}

// establish waits until this node's state has everything that was committed
// before its term, and founds the cluster if it is new.
func (l *leadership) establish() error {
	var err error
	for range leaderTries {
		err = l.e.await(l.ctx, func() raft.Future { return l.e.raft.Barrier(enqueueTime) })
		if err == nil || l.ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("reach a majority: %w", err)
	}
	if l.n.opts.Machine.View().Cluster() != "" {
		return l.foundTrust()
	}
	found := []command.Command{command.FoundCluster{ID: l.n.foundingID()}}
	if common := l.n.commonVersion(); common > 0 {
		found = append(found, command.SetMinVersion{Version: common})
	}
	_, err = l.propose(l.ctx, found...)
	if err != nil {
		return fmt.Errorf("found the cluster: %w", err)
	}
	l.n.log.Info("a new cluster is founded", "cluster", l.n.opts.Machine.View().Cluster())
	return l.foundTrust()
}

// propose proposes through this node's own Raft only, so that a word of the
// leader of a term that is over cannot get into a later one by being forwarded.
func (l *leadership) propose(ctx context.Context, cmds ...command.Command) ([]command.Result, error) {
	p, err := newProposal(cmds)
	if err != nil {
		return nil, err
	}
	r, err := l.n.toRaft.submit(ctx, p)
	return r.results, err
}

// expire logs the end of claims, until it is logged or the leadership ends.
func (l *leadership) expire(ctx context.Context, ended []model.Expiry) {
	cmds := make([]command.Command, len(ended))
	for i, x := range ended {
		cmds[i] = command.Expire{Expiry: x}
		l.n.log.Warn("claim ran out: its holder was not heard of",
			"group_key", x.Key.Group, "receiver", x.Key.Receiver, "integration", x.Key.Integration, "token", x.Token)
	}
	for ctx.Err() == nil {
		_, err := l.propose(ctx, cmds...)
		if err == nil {
			l.n.metrics.expired.Add(float64(len(ended)))
			return
		}
		sleep(ctx, 100*time.Millisecond)
	}
}

// runGC has old things dropped.
func (l *leadership) runGC() {
	for sleep(l.ctx, gcInterval) {
		now := l.n.Now()
		before := model.Millis(now.Add(-l.n.opts.Retention).UnixMilli())
		gc := command.GC{SilencesBefore: before, EntriesBefore: before, HistoryBefore: before, HistoryMax: historyMax}
		if _, err := l.propose(l.ctx, gc); err != nil && l.ctx.Err() == nil {
			l.n.log.Warn("dropping old state failed; the next try is in a minute", "err", err)
		}
	}
}

// historyMax bounds the rows of the delivery history, whatever their age.
const historyMax = 1_000_000

// sleep waits for d or the end of ctx, and reports whether ctx still lives.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

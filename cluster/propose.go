package cluster

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/hashicorp/raft"

	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

// enqueueTime bounds how long Raft may take to accept a proposal.
const enqueueTime = time.Second

// Propose has the cluster apply cmds, in order and without others in between,
// and returns one result each, after this node's own state machine has applied
// them. Any node takes it; the leader does it. Commands are idempotent by their
// token or ID, which the caller picks, so an unknown outcome is proposed again
// until ctx ends (Timing.Hold, if ctx has no deadline).
//
// A node that has been without a quorum for longer than Timing.Hold does not
// wait: it tries once.
//
// Errors: *NoQuorumError (nothing applied), ErrOutcomeUnknown, ErrBehind (with
// results), ErrBusy, ErrTooLarge, ErrTooNew, ErrClosed, and those of the commands' wire
// form. That a command was turned down is in its result, not in the error.
func (n *Node) Propose(ctx context.Context, cmds ...command.Command) ([]command.Result, error) {
	if len(cmds) == 0 {
		return nil, nil
	}
	cmds, err := n.fit(cmds)
	if err != nil {
		return nil, fmt.Errorf("propose: %w", err)
	}
	p, err := newProposal(cmds)
	if errors.Is(err, command.ErrLimit) {
		return nil, fmt.Errorf("%w: %w", ErrTooLarge, err)
	}
	if err != nil {
		return nil, fmt.Errorf("propose: %w", err)
	}
	ctx, cancel := n.hold(ctx)
	defer cancel()
	r, err := n.pursue(ctx, p)
	if err != nil {
		return nil, err
	}
	if err := n.opts.Machine.WaitApplied(ctx, r.index); err != nil {
		return r.results, fmt.Errorf("%w: entry %d: %w", ErrBehind, r.index, err)
	}
	return r.results, nil
}

// hold gives ctx a deadline if it has none, and ends it with the node.
func (n *Node) hold(ctx context.Context) (context.Context, context.CancelFunc) {
	var cancel context.CancelFunc
	if _, ok := ctx.Deadline(); ok {
		ctx, cancel = context.WithCancel(ctx)
	} else {
		ctx, cancel = context.WithTimeout(ctx, n.opts.Timing.Hold)
	}
	stop := context.AfterFunc(n.ctx, cancel)
	return ctx, func() { stop(); cancel() }
}

// pursue tries until the outcome is known.
func (n *Node) pursue(ctx context.Context, p proposal) (reply, error) {
	doubt := false
	for try := 0; ; try++ {
		r, err := n.attempt(ctx, p)
		o := outcomeOf(err)
		n.metrics.outcome(o)
		switch {
		case o == applied:
			return r, nil
		case o == unknown:
			doubt = true
			if r, ok := n.lookUp(p.cmds); ok {
				return r, nil
			}
		case o == hopeless && !doubt:
			return reply{}, err
		}
		if !n.again(ctx, try, doubt) {
			return reply{}, n.giveUp(doubt, err)
		}
	}
}

// attempt proposes once, here or at the leader.
func (n *Node) attempt(ctx context.Context, p proposal) (reply, error) {
	if n.ctx.Err() != nil {
		return reply{}, ErrClosed
	}
	if e := n.engine.Load(); e != nil && e.raft.State() == raft.Leader {
		return n.toRaft.submit(ctx, p)
	}
	return n.toLeader.submit(ctx, p)
}

// again waits a moment before the next attempt and reports whether there is to
// be one. In doubt it goes on without a quorum, too.
func (n *Node) again(ctx context.Context, try int, doubt bool) bool {
	if !doubt && n.quorum.lostFor() > n.opts.Timing.Hold {
		return false
	}
	pause := min(10*time.Millisecond<<min(try, 4), 100*time.Millisecond)
	t := time.NewTimer(pause/2 + rand.N(pause))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (n *Node) giveUp(doubt bool, err error) error {
	switch {
	case doubt:
		return fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
	case n.ctx.Err() != nil:
		return ErrClosed
	default:
		return n.noQuorum(err)
	}
}

// noQuorum is what a client is told when nothing could be applied.
func (n *Node) noQuorum(cause error) error {
	e := &NoQuorumError{Cause: cause, RetryAfter: max(time.Second, 2*n.opts.Timing.Election)}
	e.Leader, _ = n.leader()
	if m, ok := n.member(e.Leader); ok {
		e.LeaderAPI = m.API
	}
	return e
}

// lookUp looks for the commands' tokens in the applied state. It only knows
// where the answer can be told from the state alone; for all else the command
// is proposed again, which answers the same.
func (n *Node) lookUp(cmds []command.Command) (reply, bool) {
	view := n.opts.Machine.View()
	r := reply{index: view.Index()}
	for _, c := range cmds {
		claim, ok := c.(command.Claim)
		if !ok {
			return reply{}, false
		}
		e, ok := view.Entry(claim.Key)
		if !ok || e.Claim == nil || e.Claim.Token != claim.Token {
			return reply{}, false
		}
		r.results = append(r.results, command.Result{
			Code:  command.CodeOK,
			Rev:   e.Rev,
			Index: e.Claim.GrantedIndex,
			Grant: model.Grant{Rev: e.Rev, Index: e.Claim.GrantedIndex},
		})
	}
	return r, true
}

// putIntoLog is how the lane to Raft sends: this node leads, or thinks so.
func (n *Node) putIntoLog(ctx context.Context, cmds []command.Command) (reply, error) {
	e := n.engine.Load()
	if e == nil || e.raft.State() != raft.Leader {
		return reply{}, errNotLeading
	}
	data, err := encodeForLog(model.Millis(n.Now().UnixMilli()), n.id, cmds)
	if err != nil {
		return reply{}, fmt.Errorf("%w: %w", ErrTooLarge, err)
	}
	var f raft.ApplyFuture
	err = e.await(ctx, func() raft.Future {
		f = e.raft.Apply(data, enqueueTime)
		return f
	})
	if err != nil {
		return reply{}, fmt.Errorf("apply: %w", err)
	}
	switch r := f.Response().(type) {
	case []command.Result:
		return reply{results: r, index: f.Index()}, nil
	case error:
		return reply{}, r // committed, and applied here later: unknown
	default:
		return reply{}, fmt.Errorf("BUG: answer of type %T", r)
	}
}

// forward is how the lane to the leader sends.
func (n *Node) forward(ctx context.Context, cmds []command.Command) (reply, error) {
	body, err := encodeForLog(0, n.id, cmds)
	if err != nil {
		return reply{}, fmt.Errorf("%w: %w", ErrTooLarge, err)
	}
	b, err := n.askLeader(ctx, kindPropose, body)
	if err != nil {
		return reply{}, err
	}
	return decodeReply(b)
}

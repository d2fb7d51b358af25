package cluster

import (
	"context"
	"errors"
	"fmt"

	"tocsin/cluster/rpc"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

// Entry is the ledger's entry of key in this node's own state.
func (n *Node) Entry(key model.DeliveryKey) (*model.Entry, bool) {
	n.metrics.lookups.Inc()
	return n.opts.Machine.View().Entry(key)
}

// Watch signals at the next change of key's entry. cancel must be called.
func (n *Node) Watch(key model.DeliveryKey) (<-chan struct{}, func()) {
	return n.opts.Machine.Watch(key)
}

// Claim asks for the right to send. The grant is told after this node's own
// state machine has applied it. Errors are Propose's.
func (n *Node) Claim(ctx context.Context, req model.ClaimRequest) (model.Grant, error) {
	r, err := n.one(ctx, command.Claim{ClaimRequest: req})
	if err != nil {
		return model.Grant{}, err
	}
	switch r.Code {
	case command.CodeOK, command.CodeDenied:
		return r.Grant, nil
	default:
		return model.Grant{}, fmt.Errorf("claim %v: %w", req.Key, rejection(r))
	}
}

// Settle reports what was sent. Errors are Propose's, and ErrRejected.
func (n *Node) Settle(ctx context.Context, s model.Settlement) error {
	return n.mustDo(ctx, "settle", s.Key, command.Settle{Settlement: s})
}

// Release gives a claim back unsent. Errors are Propose's, and ErrRejected.
func (n *Node) Release(ctx context.Context, r model.Release) error {
	return n.mustDo(ctx, "release", r.Key, command.Release{Release: r})
}

func (n *Node) mustDo(ctx context.Context, verb string, key model.DeliveryKey, c command.Command) error {
	r, err := n.one(ctx, c)
	if err == nil && !r.Done() {
		err = rejection(r)
	}
	if err != nil {
		return fmt.Errorf("%s %v: %w", verb, key, err)
	}
	return nil
}

func (n *Node) one(ctx context.Context, c command.Command) (command.Result, error) {
	rs, err := n.Propose(ctx, c)
	if err != nil {
		return command.Result{}, err
	}
	return rs[0], nil
}

func rejection(r command.Result) error {
	return fmt.Errorf("%w: %v: %s", ErrRejected, r.Code, r.Detail)
}

// Renew gives a live claim its full time again, in the leader's memory only. It
// tries until ctx ends (Timing.Hold, if ctx has no deadline). Errors:
// ErrClaimNotLive, *NoQuorumError.
func (n *Node) Renew(ctx context.Context, key model.DeliveryKey, token model.Token) error {
	ctx, cancel := n.hold(ctx)
	defer cancel()
	for try := 0; ; try++ {
		err := n.renewOnce(ctx, key, token)
		if err == nil || errors.Is(err, ErrClaimNotLive) {
			return err
		}
		if !n.again(ctx, try, false) {
			return n.noQuorum(err)
		}
	}
}

func (n *Node) renewOnce(ctx context.Context, key model.DeliveryKey, token model.Token) error {
	if l := n.lead.Load(); l != nil {
		return l.lessor.renew(key, token)
	}
	_, err := n.askLeader(ctx, kindRenew, model.Encode(renewal{key, token}))
	var refusal *rpc.Refusal
	if errors.As(err, &refusal) && refusal.Verdict == rpc.VerdictRefused {
		return fmt.Errorf("renew %v: %w", key, ErrClaimNotLive)
	}
	return err
}

// renewal is the question of kindRenew.
type renewal struct {
	key   model.DeliveryKey
	token model.Token
}

// WriteWire writes it as a message.
func (r renewal) WriteWire(w *model.WireWriter) {
	w.Message(1, r.key.WriteWire)
	w.Token(2, r.token)
}

// ReadWire reads what WriteWire wrote.
func (r *renewal) ReadWire(rd *model.WireReader) {
	for rd.Next() {
		switch rd.Field() {
		case 1:
			rd.Message(r.key.ReadWire)
		case 2:
			r.token = rd.Token()
		default:
			rd.Unknown()
		}
	}
}

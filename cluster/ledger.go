package cluster

import (
	"context"

	"tocsin/fsm/model"
)

// Entry is the ledger's entry of key in this node's own state.
func (n *Node) Entry(key model.DeliveryKey) (*model.Entry, bool) { return nil, false }

// Watch signals at the next change of key's entry. cancel must be called.
func (n *Node) Watch(key model.DeliveryKey) (<-chan struct{}, func()) { return nil, func() {} }

// Claim asks for the right to send. The grant is told after this node's own
// state machine has applied it. Errors are Propose's.
func (n *Node) Claim(ctx context.Context, req model.ClaimRequest) (model.Grant, error) {
	return model.Grant{}, &NoQuorumError{}
}

// Renew gives a live claim its full time again, in the leader's memory only.
// Errors: ErrClaimNotLive, *NoQuorumError.
func (n *Node) Renew(ctx context.Context, key model.DeliveryKey, token model.Token) error {
	return &NoQuorumError{}
}

// Settle reports what was sent. Errors are Propose's, and ErrRejected.
func (n *Node) Settle(ctx context.Context, s model.Settlement) error { return &NoQuorumError{} }

// Release gives a claim back unsent. Errors are Propose's, and ErrRejected.
func (n *Node) Release(ctx context.Context, r model.Release) error { return &NoQuorumError{} }

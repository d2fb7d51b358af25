package cluster

import (
	"context"

	"tocsin/fsm/command"
)

// Propose has the cluster apply cmds, in order and without others in between,
// and returns one result each, after this node's own state machine has applied
// them. Any node takes it; the leader does it. Commands are idempotent by their
// token or ID, which the caller picks, so an unknown outcome is proposed again
// until ctx ends (Timing.Hold, if ctx has no deadline).
//
// Errors: *NoQuorumError (nothing applied), ErrOutcomeUnknown, ErrBehind (with
// results), ErrBusy, ErrTooLarge, ErrClosed. That a command was turned down is
// in its result, not in the error.
func (n *Node) Propose(ctx context.Context, cmds ...command.Command) ([]command.Result, error) {
	return nil, &NoQuorumError{}
}

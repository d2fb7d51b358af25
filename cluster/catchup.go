package cluster

import (
	"context"
	"encoding/binary"
	"errors"

	"github.com/hashicorp/raft"
)

// CatchUp waits until this node's state has all that was acknowledged anywhere
// before the call. Equal indexes are equal states (I5), so what this node then
// has is what the leader had. Errors: *NoQuorumError, that of ctx.
func (n *Node) CatchUp(ctx context.Context) error {
	ctx, cancel := n.hold(ctx)
	defer cancel()
	for try := 0; ; try++ {
		err := n.catchUpOnce(ctx)
		if err == nil {
			return nil
		}
		if !n.again(ctx, try, false) {
			return n.noQuorum(err)
		}
	}
}

func (n *Node) catchUpOnce(ctx context.Context) error {
	if l := n.lead.Load(); l != nil {
		// A leader that was overtaken does not know it yet: it asks.
		return l.e.await(ctx, func() raft.Future { return l.e.raft.VerifyLeader() })
	}
	b, err := n.askLeader(ctx, kindIndex, nil)
	if err != nil {
		return err
	}
	index, used := binary.Uvarint(b)
	if used <= 0 {
		return errors.New("malformed answer of the leader")
	}
	return n.opts.Machine.WaitApplied(ctx, index)
}

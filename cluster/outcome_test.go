package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/hashicorp/raft"

	"tocsin/cluster"
	"tocsin/cluster/rpc"
)

func TestOutcomes(t *testing.T) {
	refused := func(v rpc.Verdict) error { return &rpc.Refusal{Verdict: v, Text: "x"} }
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, "applied"},
		{raft.ErrNotLeader, "not_applied"},
		{raft.ErrLeadershipTransferInProgress, "not_applied"},
		{raft.ErrEnqueueTimeout, "not_applied"},
		{raft.ErrAbortedByRestore, "not_applied"},
		{cluster.ErrNotLeading, "not_applied"},
		{cluster.ErrNobodyLeads, "not_applied"},
		{rpc.ErrNotSent, "not_applied"},
		{fmt.Errorf("%w: %w", rpc.ErrNotSent, context.DeadlineExceeded), "not_applied"},
		{refused(rpc.VerdictNotLeader), "not_applied"},
		{refused(rpc.VerdictBusy), "not_applied"},

		{raft.ErrLeadershipLost, "unknown"},
		{raft.ErrRaftShutdown, "unknown"},
		{rpc.ErrNoAnswer, "unknown"},
		{fmt.Errorf("%w: %w", rpc.ErrNoAnswer, io.EOF), "unknown"},
		{refused(rpc.VerdictUnknown), "unknown"},
		{context.DeadlineExceeded, "unknown"},
		{context.Canceled, "unknown"},
		{cluster.ErrStorage, "unknown"}, // the sync may have got through
		{cluster.ErrRaftSilenced, "unknown"},
		{errors.New("write /raft/raft.db: no space left on device"), "unknown"},

		{cluster.ErrBusy, "hopeless"},
		{cluster.ErrTooLarge, "hopeless"},
		{cluster.ErrClosed, "hopeless"},
		{refused(rpc.VerdictRefused), "hopeless"},
	} {
		for _, err := range []error{c.err, wrapped(c.err)} {
			if got := cluster.OutcomeOf(err); got != c.want {
				t.Errorf("%v is %s, want %s", err, got, c.want)
			}
		}
	}
}

func wrapped(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("apply: %w", err)
}

// TestVerdictKeepsTheOutcome sends an outcome through the leader's answer to
// the node that asked. It may become more careful on the way, never less.
func TestVerdictKeepsTheOutcome(t *testing.T) {
	for _, err := range []error{
		raft.ErrNotLeader, raft.ErrEnqueueTimeout, raft.ErrLeadershipLost, raft.ErrRaftShutdown,
		context.DeadlineExceeded, cluster.ErrStorage, cluster.ErrTooLarge, io.ErrUnexpectedEOF,
	} {
		here, there := cluster.OutcomeOf(err), cluster.OutcomeOf(cluster.VerdictOf(err))
		if here != there {
			t.Errorf("%v: %s on the leader, %s at the node that asked", err, here, there)
		}
	}
	// A full queue on the leader may have room later.
	if got := cluster.OutcomeOf(cluster.VerdictOf(cluster.ErrBusy)); got != "not_applied" {
		t.Errorf("a busy leader is %s at the node that asked, want not_applied", got)
	}
}

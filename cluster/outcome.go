package cluster

import (
	"errors"

	"github.com/hashicorp/raft"

	"tocsin/cluster/rpc"
)

// outcome says what is known of a proposal after an attempt.
type outcome uint8

const (
	// applied: the results are the state machine's.
	applied outcome = iota
	// notApplied: the cluster has not applied it and will not by itself, so
	// it may be tried again without a second look.
	notApplied
	// unknown: it may have been applied, or may still be.
	unknown
	// hopeless: not applied, and trying again will not help.
	hopeless
)

// String is a word for metrics.
func (o outcome) String() string {
	return [...]string{"applied", "not_applied", "unknown", "hopeless"}[o]
}

// errNotLeading says that this node does not lead, so nothing was proposed.
var errNotLeading = errors.New("this node does not lead")

// errNobodyLeads says that no leader is known, so nothing was proposed.
var errNobodyLeads = errors.New("no leader known")

// The errors after which nothing can have been applied. Each is only given where
// the proposal did not get into a log: Raft's ErrEnqueueTimeout only if its queue
// never took it, ErrNotLeader and ErrLeadershipTransferInProgress only before it
// is appended.
var certainlyNot = []error{
	raft.ErrNotLeader, raft.ErrLeadershipTransferInProgress, raft.ErrEnqueueTimeout, raft.ErrAbortedByRestore,
	rpc.ErrNotSent, errNotLeading, errNobodyLeads,
}

// The errors that trying again cannot cure, and that are given before anything
// is proposed.
var neverWill = []error{ErrBusy, ErrTooLarge, ErrClosed}

// outcomeOf is the one place that decides what an error means. What it does not
// know is unknown: a lost leadership, a shutdown of Raft (which answers so for
// committed entries too), a failed write of the log (the sync may have got
// through), a connection that broke, time that ran out.
func outcomeOf(err error) outcome {
	if err == nil {
		return applied
	}
	for _, e := range neverWill {
		if errors.Is(err, e) {
			return hopeless
		}
	}
	// An unknown outcome on the other side is unknown here, whatever it wraps.
	var refusal *rpc.Refusal
	if errors.As(err, &refusal) {
		switch refusal.Verdict {
		case rpc.VerdictNotLeader, rpc.VerdictBusy:
			return notApplied
		case rpc.VerdictRefused:
			return hopeless
		default:
			return unknown
		}
	}
	for _, e := range certainlyNot {
		if errors.Is(err, e) {
			return notApplied
		}
	}
	return unknown
}

// verdictOf is how the leader tells another node what became of a forwarded
// proposal.
func verdictOf(err error) *rpc.Refusal {
	switch outcomeOf(err) {
	case notApplied:
		return &rpc.Refusal{Verdict: rpc.VerdictNotLeader}
	case hopeless:
		if errors.Is(err, ErrBusy) || errors.Is(err, ErrClosed) {
			return &rpc.Refusal{Verdict: rpc.VerdictBusy, Text: err.Error()}
		}
		return &rpc.Refusal{Verdict: rpc.VerdictRefused, Text: err.Error()}
	default:
		return &rpc.Refusal{Verdict: rpc.VerdictUnknown, Text: err.Error()}
	}
}

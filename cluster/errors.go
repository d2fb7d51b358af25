package cluster

import (
	"errors"
	"fmt"
	"time"

	"tocsin/fsm/model"
)

var (
	// ErrNoQuorum says that nothing was applied because no leader could be
	// reached in time. The error is a *NoQuorumError.
	ErrNoQuorum = errors.New("no quorum")
	// ErrOutcomeUnknown says that time ran out while it was not known whether
	// the commands were or will be applied. Proposing the same commands again
	// is safe.
	ErrOutcomeUnknown = errors.New("outcome unknown")
	// ErrBehind says that the commands were applied by the cluster, but this
	// node's state has not got there in time. The results come with it.
	ErrBehind = errors.New("applied, but this node is behind")
	// ErrBusy says that nothing was applied because the queue is full.
	ErrBusy = errors.New("proposal queue is full")
	// ErrTooLarge says that one proposal is larger than a Raft entry may be.
	ErrTooLarge = errors.New("proposal too large")
	// ErrOtherCluster says that data or a node of another cluster was met.
	ErrOtherCluster = errors.New("belongs to another cluster")
	// ErrOtherNode says that another node listens where one was looked for: its
	// machine lost its disk, perhaps.
	ErrOtherNode = errors.New("another node has its address")
	// ErrClaimNotLive says that the claim to renew has ended.
	ErrClaimNotLive = errors.New("claim is not live")
	// ErrRejected says that the state machine turned a command down.
	ErrRejected = errors.New("rejected by the state machine")
	// ErrLastVoter says that the last voter cannot be removed.
	ErrLastVoter = errors.New("the last voter cannot be removed")
	// ErrUnknownPeer says that no such node is in the Raft configuration.
	ErrUnknownPeer = errors.New("no such node in the cluster")
	// ErrAmbiguous says that several nodes have the name that was given.
	ErrAmbiguous = errors.New("several nodes have that name; give an ID")
	// ErrRefused says that another node would not do what it was asked.
	ErrRefused = errors.New("refused")
	// ErrClosed says that the node is stopping or has stopped.
	ErrClosed = errors.New("node is closed")
	// ErrStorage says that this node's disk failed or hangs, so that it takes
	// no part in Raft for now.
	ErrStorage = errors.New("storage failed")
)

// NoQuorumError is ErrNoQuorum with what a client can do about it.
type NoQuorumError struct {
	// Leader is the last known leader, "" if none. LeaderAPI is its API
	// address, if known.
	Leader    model.NodeID
	LeaderAPI string
	// RetryAfter is when trying again makes sense, at least a second.
	RetryAfter time.Duration
	// Cause is the last error met, may be nil.
	Cause error
}

// Error says who leads, as far as is known.
func (e *NoQuorumError) Error() string {
	who := "no leader known"
	if e.Leader != "" {
		who = fmt.Sprintf("last known leader %s", e.Leader)
	}
	if e.Cause == nil {
		return fmt.Sprintf("%v: %s", ErrNoQuorum, who)
	}
	return fmt.Sprintf("%v: %s: %v", ErrNoQuorum, who, e.Cause)
}

// Is makes errors.Is(err, ErrNoQuorum) hold.
func (e *NoQuorumError) Is(target error) bool { return target == ErrNoQuorum }

// Unwrap is the last error met.
func (e *NoQuorumError) Unwrap() error { return e.Cause }

package app

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"

	"tocsin/cluster"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
	"tocsin/httpapi/refusal"
)

// errConflict is a write that lost against another one.
var errConflict = refusal.ErrConflict

// resultError is what the state machine said of a command, as the API says it.
func resultError(r command.Result) error {
	switch r.Code {
	case command.CodeOK:
		return nil
	case command.CodeConflict:
		return detailed(refusal.ErrConflict, r.Detail)
	case command.CodeNotFound:
		return detailed(refusal.ErrNotFound, r.Detail)
	case command.CodeLimit:
		return detailed(refusal.ErrLimit, r.Detail)
	default:
		return detailed(refusal.ErrInvalid, r.Detail)
	}
}

// detailed is a reason with the state machine's own words for it, if it has any.
func detailed(reason error, detail string) error {
	return &refusal.Denied{Reason: reason, Text: detail}
}

// refused is a cluster's error of a write as the API says it: without a quorum
// nothing was written, and the client is told when to come back.
func refused(err error) error {
	if err == nil {
		return nil
	}
	var none *cluster.NoQuorumError
	switch {
	case errors.As(err, &none):
		leader := none.LeaderAPI
		if leader == "" {
			leader = string(none.Leader)
		}
		return &refusal.Refusal{Leader: leader, RetryAfter: none.RetryAfter, Cause: err}
	case errors.Is(err, cluster.ErrOutcomeUnknown), errors.Is(err, cluster.ErrBehind), errors.Is(err, context.DeadlineExceeded):
		return &refusal.Refusal{Unknown: true, Cause: err}
	case errors.Is(err, cluster.ErrBusy):
		return &refusal.Refusal{Why: "too many writes are waiting on this node: try again", Cause: err}
	case errors.Is(err, cluster.ErrClosed):
		return &refusal.Refusal{Why: "this node is stopping: ask another one", Cause: err}
	case errors.Is(err, cluster.ErrStorage):
		return &refusal.Refusal{Why: "this node's disk failed, so it takes no part in the cluster for now: ask another one", Cause: err}
	case errors.Is(err, cluster.ErrUnknownPeer):
		return detailed(refusal.ErrNotFound, "there is no such node in the cluster")
	case errors.Is(err, cluster.ErrLastVoter):
		return detailed(refusal.ErrInvalid, "the last voter cannot be removed: there would be no cluster left")
	case errors.Is(err, cluster.ErrTooLarge), errors.Is(err, cluster.ErrRefused), errors.Is(err, cluster.ErrAmbiguous), errors.Is(err, cluster.ErrTooNew):
		return detailed(refusal.ErrInvalid, err.Error())
	}
	return err
}

// newToken names a proposal.
func newToken() model.Token {
	var t model.Token
	rand.Read(t[:]) // never fails
	return t
}

// seedToken names the proposal of a cluster's first configuration.
func seedToken(id model.ClusterID) model.Token {
	sum := sha256.Sum256([]byte("first configuration of " + id))
	return model.Token(sum[:16])
}

package pki

import (
	"fmt"
	"slices"
	"time"

	"tocsin/fsm/model"
)

// Admission is what a cluster keeps of a join token: enough to let nodes in with
// it, and not the token itself. It is a value; its methods return the next one.
type Admission struct {
	Key     []byte    `json:"key"`
	Created time.Time `json:"created"`
	// Expires is zero if the token does not end by itself.
	Expires time.Time `json:"expires,omitzero"`
	// Uses is how many nodes may join with it; 0: any number.
	Uses int   `json:"uses,omitempty"`
	Used []Use `json:"used,omitempty"`
	// By is who made it, for people.
	By string `json:"by,omitempty"`
}

// Use is one node that has joined.
type Use struct {
	Node model.NodeID `json:"node"`
	At   time.Time    `json:"at"`
}

// maxUsed bounds the uses that are remembered of a token without a limit.
const maxUsed = 256

// AdmissionOf is what to keep of a token.
func AdmissionOf(t Token, uses int, by string, now time.Time) Admission {
	key := t.Key()
	return Admission{Key: key[:], Created: now.UTC().Truncate(time.Second), Expires: t.Expires, Uses: uses, By: by}
}

// Admit takes down that a node joins with the token, or says why it may not:
// ErrWrongToken, ErrTokenExpired, ErrTokenUsed. A node that has joined with it
// may come again: its answer may have been lost. proven says whether it has
// proven that it knows the token.
func (a Admission) Admit(node model.NodeID, proven bool, now time.Time) (Admission, error) {
	switch {
	case !proven:
		return a, fmt.Errorf("%w: the node does not know its secret", ErrWrongToken)
	case a.Expired(now):
		return a, fmt.Errorf("%w: it ended on %s; the clock here says %s", ErrTokenExpired, stamp(a.Expires), stamp(now))
	case slices.ContainsFunc(a.Used, func(u Use) bool { return u.Node == node }):
		return a, nil
	case a.Uses > 0 && len(a.Used) >= a.Uses:
		last := a.Used[len(a.Used)-1]
		return a, fmt.Errorf("%w: %d of %d times, last by node %s on %s", ErrTokenUsed, len(a.Used), a.Uses, last.Node, stamp(last.At))
	}
	a.Used = append(slices.Clone(a.Used), Use{Node: node, At: now.UTC().Truncate(time.Second)})
	if a.Uses == 0 && len(a.Used) > maxUsed {
		a.Used = a.Used[len(a.Used)-maxUsed:]
	}
	return a, nil
}

// Expired reports whether the token's time is over.
func (a Admission) Expired(now time.Time) bool { return !a.Expires.IsZero() && now.After(a.Expires) }

// TokenKey is what proofs are held against. Error: ErrMalformed.
func (a Admission) TokenKey() (TokenKey, error) {
	if len(a.Key) != len(TokenKey{}) {
		return TokenKey{}, fmt.Errorf("%w record of a join token", ErrMalformed)
	}
	return TokenKey(a.Key), nil
}

// Encode is the form that is kept.
func (a Admission) Encode() []byte { return encode(a) }

// ParseAdmission reads what Encode wrote. Error: ErrMalformed.
func ParseAdmission(b []byte) (Admission, error) {
	var a Admission
	return a, decode(b, &a, "record of a join token")
}

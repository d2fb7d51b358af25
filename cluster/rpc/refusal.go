package rpc

import (
	"errors"
	"fmt"
)

// Verdict is how a handler answered. The numbers are part of the wire format.
type Verdict uint8

// The verdicts.
const (
	// VerdictOK: done; the body is the answer.
	VerdictOK Verdict = iota
	// VerdictNotLeader: nothing was done. The body says where the leader is,
	// as far as that node knows.
	VerdictNotLeader
	// VerdictUnknown: it may have been done.
	VerdictUnknown
	// VerdictRefused: nothing was done and asking again will not help. The
	// body says why.
	VerdictRefused
	// VerdictBusy: nothing was done; asking later may help.
	VerdictBusy
)

// Refusal is an answer other than VerdictOK, from the other side.
type Refusal struct {
	Verdict Verdict
	// Text is the reason, or for VerdictNotLeader the leader's address.
	Text string
}

// Error says what the other side said.
func (r *Refusal) Error() string {
	switch r.Verdict {
	case VerdictNotLeader:
		if r.Text == "" {
			return "peer is not the leader and knows none"
		}
		return "peer is not the leader; it names " + r.Text
	case VerdictUnknown:
		return "peer does not know the outcome: " + r.Text
	case VerdictBusy:
		return "peer is busy: " + r.Text
	default:
		return "peer refused: " + r.Text
	}
}

var (
	// ErrNotSent says that the other side cannot have seen the question.
	ErrNotSent = errors.New("question was not sent")
	// ErrNoAnswer says that the question was or may have been seen, and no
	// answer came.
	ErrNoAnswer = errors.New("no answer")
)

func notSent(err error) error { return fmt.Errorf("%w: %w", ErrNotSent, err) }

func noAnswer(err error) error { return fmt.Errorf("%w: %w", ErrNoAnswer, err) }

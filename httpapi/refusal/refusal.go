package refusal

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
)

// Refusal is the error of a write that the cluster did not take. It is a value
// to be made once and never changed.
type Refusal struct {
	// Leader is the name or address of the node that leads, as far as this
	// node knows; empty if it knows of none.
	Leader string
	// RetryAfter is when a repetition may succeed; 0 means DefaultRetryAfter.
	RetryAfter time.Duration
	// Why replaces the sentence about the quorum where something else is the
	// reason, such as this node's disk. It is shown to clients.
	Why string
	// Unknown: the write may or may not take effect later. Otherwise it is
	// certain that it did not.
	Unknown bool
	// Cause is for the log; may be nil. It is not shown to clients.
	Cause error
}

// DefaultRetryAfter is about the time of an election.
const DefaultRetryAfter = 2 * time.Second

// From finds the Refusal in err's chain.
func From(err error) (*Refusal, bool) {
	var r *Refusal
	ok := errors.As(err, &r)
	return r, ok
}

// Error is the sentence for clients. It holds no secrets and no cause.
func (r *Refusal) Error() string {
	if r.Unknown {
		return "the outcome is unknown: the cluster did not confirm the write in time, and it may still take effect; look before you repeat it"
	}
	if r.Why != "" {
		return r.Why
	}
	if r.Leader == "" {
		return "no quorum: nobody leads the cluster, so nothing can be written; alerts are still taken and notified"
	}
	return fmt.Sprintf("no quorum: %s leads as far as this node knows, but it did not confirm the write, so nothing was written; alerts are still taken and notified", r.Leader)
}

// Unwrap gives the cause.
func (r *Refusal) Unwrap() error { return r.Cause }

// Header is the value of Retry-After: whole seconds, at least 1.
func (r *Refusal) Header() string {
	wait := r.RetryAfter
	if wait <= 0 {
		wait = DefaultRetryAfter
	}
	return strconv.Itoa(max(1, int(math.Ceil(wait.Seconds()))))
}

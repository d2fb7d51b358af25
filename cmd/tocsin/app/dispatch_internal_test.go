package app

import (
	"context"
	"fmt"
	"testing"

	"tocsin/cluster"
)

// Only what no repetition would change is an answer; all else may be silence.
func TestFinalErrors(t *testing.T) {
	for err, want := range map[error]bool{
		fmt.Errorf("settle k: %w", fmt.Errorf("%w: not found: no such claim", cluster.ErrRejected)): true,
		fmt.Errorf("%w: 2 MiB", cluster.ErrTooLarge):                                                true,
		&cluster.NoQuorumError{}:            false,
		cluster.ErrOutcomeUnknown:           false,
		cluster.ErrBusy:                     false,
		context.DeadlineExceeded:            false,
		fmt.Errorf("%w", cluster.ErrClosed): false,
	} {
		if got := final(err); got != want {
			t.Errorf("%v: %v", err, got)
		}
	}
}

package dispatcher_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"tocsin/dispatcher"
	"tocsin/fsm/model"
)

var errBehind = errors.New("applied, but this node is behind")

// late is a ledger whose answers come before this node's own state has them.
type late struct {
	*seat
	behind atomic.Bool
}

func (l *late) Claim(ctx context.Context, req model.ClaimRequest) (model.Grant, error) {
	g, err := l.seat.Claim(ctx, req)
	if l.behind.Load() && err == nil {
		return model.Grant{}, errBehind
	}
	return g, err
}

func (l *late) Release(ctx context.Context, r model.Release) error {
	if err := l.seat.Release(ctx, r); err != nil || !l.behind.Load() {
		return err
	}
	return errBehind
}

// A node whose own state is late does not take that for silence: it gives the
// claim back, and another one sends.
func TestBehindIsNoSilence(t *testing.T) {
	var first *late
	inBubble(t, 2, simple("1s", "1m", "4h"), func(r *rig) {
		first.behind.Store(true)
		r.fire("a")
		r.until(50 * sec)
		if got := r.tellings(); len(got) != 1 || got[0].node != "n1" || got[0].at > 4*sec || got[0].degraded {
			t.Errorf("told %v", got)
		}
		if r.nodes[0].Degraded() || r.ledger.tally().expiries != 0 {
			t.Errorf("degraded %v, %d claims expired", r.nodes[0].Degraded(), r.ledger.tally().expiries)
		}
	}, func(o *dispatcher.Options) {
		o.Behind = func(err error) bool { return errors.Is(err, errBehind) }
		if first == nil {
			first = &late{seat: o.Ledger.(*seat)}
			o.Ledger = first
		}
	})
}

// A node that is out of Raft, but hears that the others have a quorum and compares
// alerts with them, leaves telling to them; where it does not compare, or does not
// hear it any more, it tells.
func TestQuorumElsewhere(t *testing.T) {
	for _, inStep := range []bool{true, false} {
		inBubble(t, 1, simple("1s", "10s", "4h"), func(r *rig) {
			n := r.nodes[0]
			n.seat.mu.Lock()
			n.seat.voters, n.seat.reachable, n.seat.elsewhere = 3, 3, true
			n.seat.mu.Unlock()
			n.lose()
			n.fire("a")
			r.until(2 * time.Minute)
			if inStep {
				r.wants()
				n.seat.mu.Lock()
				n.seat.elsewhere = false
				n.seat.mu.Unlock()
				r.until(2*time.Minute + 20*sec)
			}
			if got := r.tellings(); len(got) != 1 {
				t.Errorf("in step %v: told %v", inStep, got)
			}
		}, func(o *dispatcher.Options) { o.InStep = func() bool { return inStep } })
	}
}

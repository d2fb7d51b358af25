package dispatcher

import (
	"context"
	"errors"
	"sync"
	"time"
)

// The times of a claim: how long it is good for without being renewed, and how
// often that is done. The leader waits twice the term before it gives the key to
// somebody else (I9).
const (
	leaseTerm   = 5 * time.Second
	leaseRenew  = 1500 * time.Millisecond
	renewAnswer = time.Second
)

// errLeaseOver is why a send was given up.
var errLeaseOver = errors.New("the claim's time is over")

// lease is the time in which a claim lets its holder send. What has gone of it
// is the larger of what the monotonic and the wall clock say: the first may
// stand still while a machine sleeps, the second may be set.
type lease struct {
	wallClock func() time.Time

	mu         sync.Mutex // guards what follows
	mono, wall time.Time
}

// newLease begins now, which must be before the claim is proposed.
func newLease(wall func() time.Time) *lease {
	l := &lease{wallClock: wall}
	l.restart(l.clocks())
	return l
}

func (l *lease) clocks() (mono, wall time.Time) { return time.Now(), l.wallClock().Round(0) }

func (l *lease) restart(mono, wall time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mono, l.wall = mono, wall
}

// left is how much of the term remains; not positive when it is over.
func (l *lease) left() time.Duration {
	mono, wall := l.clocks()
	l.mu.Lock()
	defer l.mu.Unlock()
	return leaseTerm - max(mono.Sub(l.mono), wall.Sub(l.wall))
}

// covers reports whether the lease was good at a moment of the past, or is now if
// that is zero: it has not ended since it was last begun or renewed.
func (l *lease) covers(at time.Time) bool {
	mono, wall := l.clocks()
	if !at.IsZero() {
		age := max(0, mono.Sub(at))
		mono, wall = mono.Add(-age), wall.Add(-age)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(mono.Sub(l.mono), wall.Sub(l.wall)) < leaseTerm
}

// keep renews the lease until ctx ends, and ends ctx when the lease does.
func (l *lease) keep(ctx context.Context, end context.CancelCauseFunc, renew func(context.Context) error) {
	last := time.Now()
	for {
		left := l.left()
		if left <= 0 {
			end(errLeaseOver)
			return
		}
		timer := time.NewTimer(min(left, leaseRenew-time.Since(last)))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		if time.Since(last) < leaseRenew || l.left() <= 0 {
			continue
		}
		mono, wall := l.clocks()
		last = mono
		try, cancel := context.WithTimeout(ctx, min(renewAnswer, l.left()))
		if renew(try) == nil {
			l.restart(mono, wall)
		}
		cancel()
	}
}

package access

import (
	"sync"
	"time"
)

// Bounds of failures from one address.
const (
	// failureBurst is how many are answered in words at once, one more each
	// failureEvery.
	failureBurst = 10
	failureEvery = 6 * time.Second
	// maxAddresses bounds what is remembered; beyond it, addresses share.
	maxAddresses = 4096
)

// throttle counts failures by address. It only ever refuses what has failed: who
// has a token that is known is never kept waiting by somebody behind the same
// address who has none.
type throttle struct {
	now func() time.Time

	mu  sync.Mutex
	all map[string]bucket // guarded by mu
}

type bucket struct {
	left float64
	at   time.Time
}

func newThrottle(now func() time.Time) *throttle {
	return &throttle{now: now, all: map[string]bucket{}}
}

// take counts a failure and reports whether there were few enough.
func (t *throttle) take(address string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	b, ok := t.all[address]
	if !ok && len(t.all) >= maxAddresses {
		t.forget(now)
		if len(t.all) >= maxAddresses {
			address = ""
			b, ok = t.all[address]
		}
	}
	if !ok {
		b = bucket{failureBurst, now}
	}
	b.left = min(failureBurst, b.left+now.Sub(b.at).Seconds()/failureEvery.Seconds())
	b.at = now
	allowed := b.left >= 1
	if allowed {
		b.left--
	}
	t.all[address] = b
	return allowed
}

// forget drops those who may do all again.
func (t *throttle) forget(now time.Time) {
	for a, b := range t.all {
		if now.Sub(b.at) >= failureBurst*failureEvery {
			delete(t.all, a)
		}
	}
}

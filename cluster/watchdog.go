package cluster

import (
	"fmt"
	"sync"
	"time"
)

// watchdog notices writes that take too long. A disk that hangs does not
// otherwise cost a leader its place: heartbeats go on from goroutines of their
// own, and no follower looks for a new one (I15).
type watchdog struct {
	limit time.Duration
	bark  func(error) // called at most once, from a timer's goroutine

	mu     sync.Mutex // guards the rest
	barked bool
}

// watch begins to time a call; done must be called when it returned.
func (w *watchdog) watch(what string) (done func()) {
	t := time.AfterFunc(w.limit, func() {
		w.mu.Lock()
		first := !w.barked
		w.barked = true
		w.mu.Unlock()
		if first {
			w.bark(fmt.Errorf("%w: %s has not returned for %v", ErrStorage, what, w.limit))
		}
	})
	return func() { t.Stop() }
}

package clustertest

import (
	"sync"
	"time"
)

// deadline is a point in time that may move while somebody waits for it.
type deadline struct {
	mu    sync.Mutex
	at    time.Time
	moved chan struct{}
}

func newDeadline() *deadline { return &deadline{moved: make(chan struct{})} }

func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = t
	close(d.moved)
	d.moved = make(chan struct{})
}

func (d *deadline) get() (time.Time, <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.at, d.moved
}

// wait returns when there is reason to look again: after pause (0 = never), or
// when one of the channels is closed, or the deadline moved. It reports false
// if the deadline has passed.
func (d *deadline) wait(pause time.Duration, a, b <-chan struct{}) bool {
	at, moved := d.get()
	var over, again <-chan time.Time
	if !at.IsZero() {
		left := time.Until(at)
		if left <= 0 {
			return false
		}
		t := time.NewTimer(left)
		defer t.Stop()
		over = t.C
	}
	if pause > 0 {
		t := time.NewTimer(pause)
		defer t.Stop()
		again = t.C
	}
	select {
	case <-over:
		return false
	case <-again:
	case <-a:
	case <-b:
	case <-moved:
	}
	return true
}

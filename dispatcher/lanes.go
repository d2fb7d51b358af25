package dispatcher

import (
	"context"
	"sync"
)

// lanes bounds how many deliveries are under way, in all and for one
// integration, so that a receiver that hangs cannot keep the others from being
// told. Who finds no room waits in line; the line is bounded by the number of
// deliveries, each being in it at most once.
type lanes struct {
	total, share int

	mu    sync.Mutex
	busy  int
	per   map[string]int
	queue []*lane
}

// lane is the right of one delivery to be under way, or its place in the line.
type lane struct {
	name  string
	ready chan struct{}
}

func newLanes(total int) *lanes {
	return &lanes{total: total, share: max(1, total/4), per: make(map[string]int)}
}

// enter waits for room. It returns nil if ctx ends before.
func (l *lanes) enter(ctx context.Context, name string) *lane {
	n := &lane{name: name, ready: make(chan struct{})}
	l.mu.Lock()
	if l.fits(name) {
		l.take(n)
	} else {
		l.queue = append(l.queue, n)
	}
	l.mu.Unlock()
	select {
	case <-n.ready:
		return n
	case <-ctx.Done():
		l.quit(n)
		return nil
	}
}

// leave gives the room back.
func (l *lanes) leave(n *lane) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy--
	if l.per[n.name]--; l.per[n.name] == 0 {
		delete(l.per, n.name)
	}
	l.admit()
}

// quit takes n out of the line, or gives its room back if it got it meanwhile.
func (l *lanes) quit(n *lane) {
	l.mu.Lock()
	for i, m := range l.queue {
		if m == n {
			l.queue = append(l.queue[:i], l.queue[i+1:]...)
			l.mu.Unlock()
			return
		}
	}
	l.mu.Unlock()
	l.leave(n)
}

func (l *lanes) fits(name string) bool { return l.busy < l.total && l.per[name] < l.share }

func (l *lanes) take(n *lane) {
	l.busy++
	l.per[n.name]++
	close(n.ready)
}

// admit lets in the first in line that fits. One place came free, so at most
// one does.
func (l *lanes) admit() {
	for i, n := range l.queue {
		if l.fits(n.name) {
			l.queue = append(l.queue[:i], l.queue[i+1:]...)
			l.take(n)
			return
		}
	}
}

// inside counts those under way.
func (l *lanes) inside() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.busy
}

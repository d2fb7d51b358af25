package gossip

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// ErrMessageTooLarge says that a message does not fit a packet.
var ErrMessageTooLarge = errors.New("message does not fit a gossip packet")

// maxQueued bounds the messages that wait to be spread.
const maxQueued = 4096

// A message is sent retransmit times for each node, up to manyNodes of them. That
// is more often than memberlist sends its own, for which it reckons with nodes
// that pass on what they hear: here only the origin speaks, and a ping that
// happens to go to the same node twice counts as well.
const (
	retransmit = 4
	manyNodes  = 16
)

// Spread queues b, which is not copied, to be told to all nodes with the next
// packets. A message takes the place of a queued one of the same name. When too
// many wait, the one that was sent most often is dropped and counted.
func (g *Gossip) Spread(name string, b []byte) error {
	if len(b) > MaxMessage {
		return fmt.Errorf("spread %s, %d bytes: %w", name, len(b), ErrMessageTooLarge)
	}
	if dropped := g.queue.put(name, b); dropped {
		g.metrics.pruned.Inc()
	}
	return nil
}

// queue holds the messages to be spread. memberlist's own loses some: see
// tellAgain.
type queue struct {
	nodes func() int

	mu    sync.Mutex // guards the rest
	next  uint64
	items map[string]*message
}

// message is a queued broadcast.
type message struct {
	name  string
	body  []byte
	sent  int
	order uint64
}

func newQueue(nodes func() int) *queue {
	return &queue{nodes: nodes, items: make(map[string]*message)}
}

// put queues a message and reports whether another had to go.
func (q *queue) put(name string, body []byte) (dropped bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.next++
	q.items[name] = &message{name: name, body: body, order: q.next}
	if len(q.items) <= maxQueued {
		return false
	}
	all := q.sorted()
	delete(q.items, all[len(all)-1].name)
	return true
}

// take picks the messages for one packet of limit bytes, of which each message
// costs overhead more than its own: those first that were sent least often.
func (q *queue) take(overhead, limit int) [][]byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) == 0 {
		return nil
	}
	often := retransmit * max(1, min(q.nodes(), manyNodes))
	var out [][]byte
	for _, m := range q.sorted() {
		need := len(m.body) + overhead
		if need > limit {
			continue
		}
		limit -= need
		out = append(out, m.body)
		if m.sent++; m.sent >= often {
			delete(q.items, m.name)
		}
	}
	return out
}

// sorted is what is queued, the least sent and then the oldest first. q.mu is
// held.
func (q *queue) sorted() []*message {
	all := make([]*message, 0, len(q.items))
	for _, m := range q.items {
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b *message) int {
		return cmp.Or(cmp.Compare(a.sent, b.sent), cmp.Compare(a.order, b.order))
	})
	return all
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items)
}

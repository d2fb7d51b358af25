package gossip

import (
	"errors"
	"fmt"

	"github.com/hashicorp/memberlist"
)

// ErrMessageTooLarge says that a message does not fit a packet.
var ErrMessageTooLarge = errors.New("message does not fit a gossip packet")

// Spread queues b, which is not copied, to be told to all nodes with the next
// packets. A message takes the place of a queued one of the same name. When
// too many wait, the oldest are dropped and counted.
func (g *Gossip) Spread(name string, b []byte) error {
	if len(b) > MaxMessage {
		return fmt.Errorf("spread %s, %d bytes: %w", name, len(b), ErrMessageTooLarge)
	}
	g.queue.QueueBroadcast(&message{name: name, body: b})
	g.prune()
	return nil
}

func (g *Gossip) prune() {
	if over := g.queue.NumQueued() - maxQueued; over > 0 {
		g.metrics.pruned.Add(float64(over))
		g.queue.Prune(maxQueued)
	}
}

// message is a queued broadcast.
type message struct {
	name string
	body []byte
}

var _ memberlist.NamedBroadcast = (*message)(nil)

// Name makes a newer message take this one's place.
func (m *message) Name() string { return m.name }

// Invalidates is not asked for named messages.
func (m *message) Invalidates(memberlist.Broadcast) bool { return false }

// Message is what is sent.
func (m *message) Message() []byte { return m.body }

// Finished is told when it was sent often enough or dropped.
func (m *message) Finished() {}

package gossip

import (
	"cmp"
	"slices"
	"time"

	"github.com/hashicorp/memberlist"

	"tocsin/fsm/model"
)

// Members are the nodes that gossip sees or has lost within the reconnect
// timeout, this one included, ordered by ID. Nodes of another cluster are left
// out, also those that were met before this node knew its own.
func (g *Gossip) Members() []Member {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := make([]Member, 0, len(g.members))
	for _, m := range g.members {
		if !g.foreign(m.Meta) {
			out = append(out, *m)
		}
	}
	slices.SortFunc(out, func(a, b Member) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// Member is the node of that ID, as Members has it.
func (g *Gossip) Member(id model.NodeID) (Member, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	m := g.members[id]
	if m == nil || g.foreign(m.Meta) {
		return Member{}, false
	}
	return *m, true
}

// foreign reports whether m certainly is of another cluster. g.mu is held.
func (g *Gossip) foreign(m Meta) bool {
	return m.Cluster != "" && g.meta.Cluster != "" && m.Cluster != g.meta.Cluster
}

// seen takes down that a node is alive, with what it tells of itself.
func (g *Gossip) seen(n *memberlist.Node) {
	meta, err := DecodeMeta(n.Meta)
	if err != nil {
		return // refused by NotifyAlive already
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	m := g.members[meta.ID]
	if m == nil || !m.Alive {
		m = &Member{Since: time.Now()}
		g.members[meta.ID] = m
	}
	m.Meta, m.Address, m.Alive, m.Told = meta, hostPort(n), true, time.Now()
	m.Self = meta.ID == g.meta.ID
	g.tell(*m)
}

// acked takes down that a node has answered a ping.
func (g *Gossip) acked(n *memberlist.Node) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if m := g.members[model.NodeID(n.Name)]; m != nil {
		m.Acked = time.Now()
	}
}

// Pings pings a node, count times at once over udp, and reports whether one ping
// was answered within the probe timeout.
func (g *Gossip) Pings(id model.NodeID, count int) bool {
	m, ok := g.Member(id)
	if !ok || m.Address == "" {
		return false
	}
	to := udpAddress(m.Address)
	answers := make(chan bool, count)
	for range count {
		go func() {
			_, err := g.list.Ping(string(id), to)
			answers <- err == nil
		}()
	}
	answered := false
	for range count {
		answered = <-answers || answered
	}
	if answered {
		g.acked(&memberlist.Node{Name: string(id)})
	}
	return answered
}

// udpAddress is an IP:port as a net.Addr.
type udpAddress string

// Network is udp.
func (udpAddress) Network() string { return "udp" }

// String is IP:port.
func (a udpAddress) String() string { return string(a) }

// lost takes down that a node died or left.
func (g *Gossip) lost(n *memberlist.Node) {
	g.mu.Lock()
	defer g.mu.Unlock()
	m := g.members[model.NodeID(n.Name)]
	if m == nil {
		return
	}
	m.Alive, m.Since = false, time.Now()
	g.tell(*m)
}

// tell queues an event, or drops it. g.mu is held.
func (g *Gossip) tell(m Member) {
	select {
	case g.events <- Event{m}:
	default:
		g.metrics.eventsDropped.Inc()
	}
}

// forget drops the nodes that have been lost for too long.
func (g *Gossip) forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for id, m := range g.members {
		if !m.Alive && time.Since(m.Since) > g.opts.Timing.ReconnectTimeout {
			delete(g.members, id)
			g.metrics.forget(m.label())
		}
	}
}

func (g *Gossip) aliveCount() int { return max(1, g.count(true)) }

func (g *Gossip) count(alive bool) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 0
	for _, m := range g.members {
		if m.Alive == alive && !g.foreign(m.Meta) {
			n++
		}
	}
	return n
}

package gossip

import (
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/memberlist"

	"tocsin/fsm/model"
)

// errForeign makes memberlist ignore a node.
var errForeign = errors.New("node of another cluster")

// delegate is what memberlist calls. It must not block, and most of it is
// called with memberlist's own lock held, so it never calls memberlist.
type delegate struct{ g *Gossip }

var (
	_ memberlist.Delegate         = (*delegate)(nil)
	_ memberlist.EventDelegate    = (*delegate)(nil)
	_ memberlist.AliveDelegate    = (*delegate)(nil)
	_ memberlist.ConflictDelegate = (*delegate)(nil)
	_ memberlist.PingDelegate     = (*delegate)(nil)
)

// NodeMeta is what this node tells of itself.
func (d *delegate) NodeMeta(int) []byte {
	d.g.mu.Lock()
	defer d.g.mu.Unlock()
	return d.g.encoded
}

// NotifyMsg takes a message that another node spread.
func (d *delegate) NotifyMsg(b []byte) {
	d.g.metrics.received(typeUpdate, len(b))
	if d.g.opts.Receive != nil {
		d.g.opts.Receive(b)
	}
}

// GetBroadcasts are the messages that go with the next packet.
func (d *delegate) GetBroadcasts(overhead, limit int) [][]byte {
	out := d.g.queue.take(overhead, limit)
	for _, b := range out {
		d.g.metrics.sent(typeUpdate, len(b))
	}
	return out
}

// LocalState is what another node is told at length.
func (d *delegate) LocalState(bool) []byte {
	if d.g.opts.State == nil {
		return nil
	}
	b := d.g.opts.State()
	if len(b) > MaxState {
		d.g.opts.Logger.Warn("state is too large for a full exchange", "bytes", len(b), "limit", MaxState)
		return nil
	}
	d.g.metrics.sent(typeFull, len(b))
	return b
}

// MergeRemoteState takes what another node told at length.
func (d *delegate) MergeRemoteState(b []byte, _ bool) {
	d.g.metrics.received(typeFull, len(b))
	if d.g.opts.Merge != nil && len(b) > 0 {
		d.g.opts.Merge(b)
	}
}

// NotifyJoin takes down a node that appeared.
func (d *delegate) NotifyJoin(n *memberlist.Node) {
	d.g.metrics.joined.Inc()
	d.g.seen(n)
}

// NotifyLeave takes down a node that died or left.
func (d *delegate) NotifyLeave(n *memberlist.Node) {
	d.g.metrics.left.Inc()
	d.g.lost(n)
}

// NotifyUpdate takes down that a node's facts changed.
func (d *delegate) NotifyUpdate(n *memberlist.Node) {
	d.g.metrics.updated.Inc()
	d.g.seen(n)
}

// NotifyAlive refuses nodes of another cluster.
func (d *delegate) NotifyAlive(n *memberlist.Node) error {
	meta, err := DecodeMeta(n.Meta)
	if err != nil {
		return fmt.Errorf("node %s at %s: %w", n.Name, hostPort(n), err)
	}
	if d.g.refuse(meta, hostPort(n)) {
		return errForeign
	}
	d.g.metrics.alive.WithLabelValues(meta.label()).Inc()
	return nil
}

// refuse reports whether the node is of another cluster, and says so once.
func (g *Gossip) refuse(meta Meta, address string) bool {
	g.mu.Lock()
	foreign := meta.ID != g.meta.ID && g.foreign(meta)
	key := string(meta.Cluster) + "/" + string(meta.ID)
	_, said := g.refused[key]
	if foreign && !said && len(g.refused) < maxEvents {
		g.refused[key] = struct{}{}
	}
	own := g.meta.Cluster
	g.mu.Unlock()
	if foreign && !said {
		g.opts.Logger.Error("refused a node of another cluster; give each cluster its own --cluster.label",
			"node", meta.ID, "name", meta.Name, "address", address, "its_cluster", meta.Cluster, "our_cluster", own)
	}
	return foreign
}

// NotifyConflict says that two nodes use one ID.
func (d *delegate) NotifyConflict(existing, other *memberlist.Node) {
	d.g.metrics.conflicts.Inc()
	d.g.opts.Logger.Error("two nodes have the same ID; was a data folder copied?",
		"node", existing.Name, "address", hostPort(existing), "other_address", hostPort(other))
}

// AckPayload goes with the answer to a ping.
func (d *delegate) AckPayload() []byte { return nil }

// NotifyPingComplete takes down how long a ping took.
func (d *delegate) NotifyPingComplete(n *memberlist.Node, rtt time.Duration, _ []byte) {
	if m, ok := d.g.Member(model.NodeID(n.Name)); ok {
		d.g.metrics.pings.WithLabelValues(m.label()).Observe(rtt.Seconds())
	}
	d.g.acked(n)
}

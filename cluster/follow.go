package cluster

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"tocsin/fsm"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

// How a member follows the authorities, the gossip keys and the removed nodes in
// the replicated state.

// followAlways is how often a node looks whether its certificate is due, the
// state changed or not.
const followAlways = time.Minute

// followTrust brings this node in line with its state.
func (n *Node) followTrust() {
	if n.trust == nil {
		return
	}
	n.trust.SetRemoved(n.removedNodes())
	if !n.trust.External() {
		if a, _, ok := n.authorities(); ok {
			ring, _ := n.gossipRing()
			if _, err := n.trust.Follow(a, ring); err != nil {
				n.log.Error("this node's certificate cannot be kept up; it will be tried again", "err", err)
			}
		}
	}
	n.useGossipKeys()
}

// observeRecords is told of changes of the state.
func (n *Node) observeRecords(c fsm.Change) {
	if !c.Records {
		return
	}
	select {
	case n.trustDirty <- struct{}{}:
	default:
	}
}

// runTrust follows the state until ctx ends.
func (n *Node) runTrust(ctx context.Context) {
	wait := followAlways
	for {
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-n.trustDirty:
		case <-t.C:
		}
		t.Stop()
		n.followTrust()
		wait = followAlways
		if n.hangUpOnRemoved() {
			wait = hangUpDelay
		}
	}
}

// removedNodes are the nodes that were removed, as the state has them.
func (n *Node) removedNodes() map[model.NodeID]bool {
	out := make(map[model.NodeID]bool)
	for id := range n.removals() {
		out[id] = true
	}
	return out
}

// removals are the removed nodes and when each was removed.
func (n *Node) removals() map[model.NodeID]time.Time {
	var out map[model.NodeID]time.Time
	if r, ok := n.opts.Machine.View().Record(model.RecordPKI, recordRemoved); ok {
		if err := json.Unmarshal(r.Body, &out); err != nil {
			n.log.Error("the list of removed nodes cannot be read", "err", err)
		}
	}
	return out
}

func (n *Node) isRemoved(id model.NodeID) bool {
	_, ok := n.removals()[id]
	return ok
}

// maxRemovals bounds the removed nodes that are remembered, so that their record
// stays within model.MaxRecordBytes whatever the IDs: the newest are. Time alone
// makes none of them forgotten: a removed node that still runs has the
// authority's key, and renews its certificate as the members do.
const maxRemovals = 256

// setRemoved has the cluster take down that a node was removed, or that it is
// welcome again.
func (l *leadership) setRemoved(ctx context.Context, id model.NodeID, removed bool) error {
	n := l.n
	if n.trust == nil {
		return nil
	}
	list := n.removals()
	if _, is := list[id]; is == removed {
		return nil
	}
	next := maps.Clone(list)
	if next == nil {
		next = make(map[model.NodeID]time.Time)
	}
	delete(next, id)
	if removed {
		forgetRemovals(next, maxRemovals-1)
		next[id] = n.Now().UTC().Truncate(time.Second)
	}
	body, err := json.Marshal(next)
	if err != nil {
		return err
	}
	// The leader alone changes it, one change at a time.
	_, err = l.propose(ctx, command.PutRecord{Record: model.RecordPKI, Name: recordRemoved, BaseRev: model.AnyRev, Body: body})
	return err
}

// forgetRemovals leaves at most keep nodes in a list: those removed last.
func forgetRemovals(list map[model.NodeID]time.Time, keep int) {
	if len(list) <= keep {
		return
	}
	oldest := slices.SortedFunc(maps.Keys(list), func(a, b model.NodeID) int {
		return cmp.Or(list[a].Compare(list[b]), cmp.Compare(a, b))
	})
	for _, id := range oldest[:len(list)-keep] {
		delete(list, id)
	}
}

// greeted are the connections whose other side is known.
type greeted struct {
	mu sync.Mutex // guards of
	of map[net.Conn]model.NodeID
}

// knownConn takes itself off the list when it is closed.
type knownConn struct {
	net.Conn
	list *greeted
}

// add makes c known as one of a node.
func (g *greeted) add(c net.Conn, id model.NodeID) net.Conn {
	k := &knownConn{Conn: c, list: g}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.of == nil {
		g.of = make(map[net.Conn]model.NodeID)
	}
	g.of[k] = id
	return k
}

// Close closes the connection.
func (k *knownConn) Close() error {
	k.list.mu.Lock()
	delete(k.list.of, k)
	k.list.mu.Unlock()
	return k.Conn.Close()
}

// hangUpDelay gives a removed node a moment to hear of it.
const hangUpDelay = time.Second

// hangUpOnRemoved closes the connections with nodes that were removed a moment
// ago, and reports whether it is too early for some.
func (n *Node) hangUpOnRemoved() (again bool) {
	var gone []net.Conn
	removals, now := n.removals(), n.Now()
	n.greeted.mu.Lock()
	for c, id := range n.greeted.of {
		at, is := removals[id]
		switch {
		case is && now.Sub(at) >= hangUpDelay:
			gone = append(gone, c)
		case is:
			again = true
		}
	}
	n.greeted.mu.Unlock()
	for _, c := range gone {
		if err := c.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			n.log.Debug("close a connection with a removed node", "err", err)
		}
	}
	return again
}

package gossip

import (
	"context"
	"slices"
	"sync"
	"time"
)

// lonelyInterval is how often a node that sees nobody looks for its peers, and
// every node that misses one in its first eagerTime: two nodes that were both met
// by a third may not hear of each other from it (see tellAgain). After that the
// reconnect interval counts.
const (
	lonelyInterval = time.Second
	eagerTime      = time.Minute
)

// maxDials bounds the joins that run at a time, so that dead peers, which cost
// a connect timeout each, do not hold up the living.
const maxDials = 8

func (g *Gossip) runJoin(ctx context.Context) {
	begun := time.Now()
	for ctx.Err() == nil {
		missing := g.joinMissing(ctx)
		g.forget()
		wait := g.opts.Timing.ReconnectInterval
		if g.count(true) <= 1 || missing && time.Since(begun) < eagerTime {
			wait = min(wait, lonelyInterval)
		}
		select {
		case <-ctx.Done():
		case <-g.look:
		case <-time.After(wait):
		}
	}
}

// joinMissing joins the peers of the flags, resolved anew, and the nodes that
// were lost, as far as they are not alive, and reports whether there were any.
func (g *Gossip) joinMissing(ctx context.Context) (missing bool) {
	alive, lost := g.addresses()
	initial := resolvePeers(ctx, &g.opts)
	g.mu.Lock()
	for _, m := range g.members {
		if m.Alive && !m.Self {
			g.met = nil // it tells of the rest
		}
	}
	lost = append(lost, g.met...)
	g.mu.Unlock()
	var wg sync.WaitGroup
	slots := make(chan struct{}, maxDials)
	join := func(address string, reconnect bool) {
		if slices.Contains(alive, address) || ctx.Err() != nil {
			return
		}
		alive = append(alive, address)
		missing = true
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			g.join(address, reconnect)
		})
	}
	for _, a := range initial {
		join(a, false)
	}
	for _, a := range lost {
		join(a, true)
	}
	wg.Wait()
	g.mu.Lock()
	g.joined = g.joined || ctx.Err() == nil
	g.mu.Unlock()
	return missing
}

func (g *Gossip) join(address string, reconnect bool) {
	_, err := g.list.Join([]string{address})
	g.metrics.joinTried(reconnect, err)
	if err != nil {
		g.opts.Logger.Debug("peer was not reached", "address", address, "err", err)
		if contains(err.Error(), undecrypted) {
			g.lines.isTime("", true)
		}
	}
}

// addresses are those that need not be joined, this node's own among them, and
// those of lost nodes.
func (g *Gossip) addresses() (alive, lost []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	alive = []string{g.address}
	for _, m := range g.members {
		switch {
		case g.foreign(m.Meta):
		case m.Alive:
			alive = append(alive, m.Address)
		default:
			lost = append(lost, m.Address)
		}
	}
	return alive, lost
}

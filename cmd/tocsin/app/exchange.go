package app

import (
	"context"
	"errors"
	"time"

	"tocsin/cluster/exchange"
	"tocsin/cluster/rpc"
)

// stopExchange bounds telling the peers of the last alerts.
const stopExchange = 3 * time.Second

// openExchange gives the other nodes the alerts of this one, and takes theirs.
func (n *Node) openExchange() {
	port := &alertPort{alerts: n.alerts, merge: n.dispatch.Merge, now: n.cluster.Now}
	n.exchange = exchange.New(exchange.Options{
		Self:       string(n.cluster.ID()),
		Store:      port,
		Peers:      n.exchangePeers,
		Expected:   len(n.opts.Settings.Cluster.Peers) > 0,
		Before:     n.swapOverlays,
		Dial:       n.cluster.DialExchange,
		Listener:   n.cluster.ExchangeListener(),
		Now:        n.cluster.Now,
		Logger:     n.cluster.Named(n.opts.Logger),
		Registerer: n.opts.Registerer,
	})
	cancel := port.listen(n.exchange)
	n.background("alert exchange", stopExchange, n.exchange.Run)
	n.closers.push("alert exchange's ear", closeFile, func(context.Context) error {
		cancel()
		return nil
	})
}

func (n *Node) exchangePeers() []exchange.Peer {
	peers := n.cluster.ExchangePeers()
	out := make([]exchange.Peer, len(peers))
	for i, p := range peers {
		out[i] = exchange.Peer{ID: string(p.ID), Address: p.Address}
	}
	return out
}

// swapOverlays is what comes before the alerts where a cut is over: an alert
// that a node told alone must not get to nodes that do not know that it did, or
// they tell it again before its overlay is in the ledger. A node that is too old
// for it says so, and is not waited for.
func (n *Node) swapOverlays(ctx context.Context, p exchange.Peer) error {
	err := n.cluster.SwapOverlays(ctx, p.Address)
	if refusal := (*rpc.Refusal)(nil); errors.As(err, &refusal) {
		return nil
	}
	return err
}

// inStep waits until this node's alerts are those of the others, as far as that
// can be had, and then has it take its turns. It is false if ctx ended before.
func (n *Node) inStep(ctx context.Context) bool {
	select {
	case <-n.exchange.Synced():
		n.cluster.TakeTurns()
		return true
	case <-ctx.Done():
		return false
	}
}

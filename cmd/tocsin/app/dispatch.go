package app

import (
	"context"
	"errors"
	"iter"
	"time"

	"tocsin/cluster"
	"tocsin/dispatcher"
	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/silence"
	"tocsin/fsm/model"
)

// stopDispatcher is how long sends under way get to finish.
const stopDispatcher = 5 * time.Second

// final reports whether an error of the ledger is an answer that no repetition
// would change.
func final(err error) bool {
	return errors.Is(err, cluster.ErrRejected) || errors.Is(err, cluster.ErrTooLarge)
}

// DegradedSince is since when the node has sent without a quorum; zero if it does
// not.
func (n *Node) DegradedSince() time.Time { return n.dispatch.DegradedSince() }

// openDispatcher makes the alerts' memory and what sends notifications.
func (n *Node) openDispatcher() error {
	s := &n.opts.Settings
	n.alerts = alert.NewStore(alert.Options{
		PerAlertnameLimit: s.Alerts.PerNameLimit,
		GCInterval:        s.Alerts.GCInterval,
		Registerer:        n.opts.Registerer,
		NamesInMetrics:    n.opts.Features.EnableAlertNamesInMetrics(),
		Now:               n.cluster.Now,
	})
	sent := openOutbox(n.local, n.opts.Logger, n.opts.Registerer)
	n.background("outbox", closeFile, func(ctx context.Context) error {
		sent.run(ctx)
		return nil
	})
	n.dispatch = dispatcher.New(dispatcher.Options{
		Ledger:            n.cluster,
		Peers:             n.cluster,
		Overlay:           n.cluster,
		Silences:          silence.NewMuter(func() silence.View { return n.machine.View() }).LogTo(n.opts.Logger).Register(n.opts.Registerer),
		Store:             n.alerts,
		Node:              n.cluster.ID(),
		Epoch:             n.cluster.Epoch(),
		Outbox:            sent,
		Claims:            func() iter.Seq[*model.Entry] { return n.machine.View().Claims() },
		Final:             final,
		InStep:            func() bool { return n.exchange.InStep() },
		Behind:            func(err error) bool { return errors.Is(err, cluster.ErrBehind) },
		Cluster:           func() model.ClusterID { return n.machine.View().Cluster() },
		Started:           n.cluster.Now().Add(-time.Since(n.opts.Started)),
		StartDelay:        s.Dispatch.StartDelay,
		PeerTimeout:       s.Cluster.PeerTimeout,
		Events:            n.events,
		GroupKeyInMetrics: n.opts.Features.EnableGroupKeyInMetrics(),
		Now:               n.cluster.Now,
		Logger:            n.opts.Logger,
		Registerer:        n.opts.Registerer,
	})
	n.hearSources()
	n.recordAlerts()
	saver := n.keepAlerts()
	n.openExchange()
	n.background("alerts", closeFile, func(ctx context.Context) error {
		n.alerts.Run(ctx, saver.collected)
		return nil
	})
	n.closers.push("dispatcher", stopDispatcher, n.dispatch.Stop)
	n.background("dispatcher loop", stopDispatcher, func(ctx context.Context) error {
		if !n.inStep(ctx) {
			return nil
		}
		return n.dispatch.Run(ctx)
	})
	// Before this node stops sending, the others take over its turns.
	n.closers.push("turns", closeFile, func(context.Context) error {
		n.cluster.Drain()
		return nil
	})
	return nil
}

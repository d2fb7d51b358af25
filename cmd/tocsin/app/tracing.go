package app

import (
	"context"
	"path/filepath"
	"time"

	"tocsin/dispatcher/config"
	"tocsin/dispatcher/event"
	"tocsin/dispatcher/trace"
)

// stopTracing bounds exporting the last spans.
const stopTracing = 6 * time.Second

// openTracing is ready to export spans, once a configuration says where to.
func (n *Node) openTracing() error {
	n.tracing = trace.NewManager(n.opts.Logger, filepath.Dir(n.opts.Settings.ConfigFile))
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.tracing.Run()
	}()
	n.closers.push("tracing", stopTracing, func(context.Context) error {
		n.tracing.Stop()
		<-done
		return nil
	})
	return nil
}

// applyConfig has the dispatcher run a configuration. That spans cannot be
// exported is no reason not to page.
func (n *Node) applyConfig(c *config.Config) error {
	if err := n.dispatch.Apply(c, n.load.Metrics); err != nil {
		return err
	}
	if err := n.tracing.Apply(c.Upstream.TracingConfig); err != nil {
		n.opts.Logger.Error("spans are not exported as the configuration asks", "err", err)
	}
	if n.events == nil && event.Outputs(c.Upstream.EventRecorder) > 0 {
		n.opts.Logger.Warn("event_recorder in the configuration has no effect without --enable-feature=event-recorder")
	}
	n.events.Apply(c.Upstream.EventRecorder)
	n.recordStart()
	return nil
}

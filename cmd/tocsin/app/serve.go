package app

import (
	"context"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"

	"tocsin/fsm/model"
	"tocsin/httpapi/access"
)

// Serve runs a node until ctx ends or the node cannot go on. Each value of
// reload makes it reload its configuration file; it may be nil.
func Serve(ctx context.Context, o Options, reload <-chan os.Signal) error {
	o.fill()
	features, err := UseFeatures(o.Settings.Features, o.Logger)
	if err != nil {
		return err
	}
	o.Features = features
	if features.EnableAutoGOMEMLIMIT() {
		limitMemory(o.Settings.MemLimitRatio, o.Logger)
	}
	if o.Registerer != nil {
		if err := o.Registerer.Register(buildInfo()); err != nil {
			return err
		}
	}
	systemd := newSupervisor(o.Logger)
	systemd.tell("STATUS=opens its files")
	n, err := Open(ctx, o)
	if err != nil {
		return err
	}
	systemd.ready(n)
	err = n.wait(ctx, reload, systemd)
	systemd.stopping()
	if cerr := n.Close(context.WithoutCancel(ctx)); cerr != nil {
		o.Logger.Warn("the node did not stop cleanly", "err", cerr)
	}
	return err
}

// wait returns when ctx ends, or with the error that ends the node.
func (n *Node) wait(ctx context.Context, reload <-chan os.Signal, systemd *supervisor) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-n.failed:
			return err
		case <-reload:
			asked := access.WithActor(ctx, model.Actor{Name: access.Local})
			systemd.reload(func() error { return n.Reload(asked) }) // logged there
		}
	}
}

func buildInfo() prometheus.Collector { return versioncollector.NewCollector("alertmanager") }

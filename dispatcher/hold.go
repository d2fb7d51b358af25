package dispatcher

import (
	"context"
	"time"

	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/notify"
	"tocsin/dispatcher/trace"
	"tocsin/fsm/model"
)

// hold uses a granted claim: it looks again, sends, and settles. The grant is
// read from this node's own state, so all that was acknowledged before it is
// visible too (I7).
func (d *delivery) hold(v *view, s step, req model.ClaimRequest, l *lease) {
	core := d.group.epoch.core
	e, ok := core.opts.Ledger.Entry(d.key)
	if !ok || e.Claim == nil || e.Claim.Token != req.Token {
		// It has ended already, or this node's state is behind its answer.
		core.abandon(d.key, req.Token)
		return
	}
	s.entry = *e
	if e.Rev != e.Claim.Rev || d.group.epoch.ctx.Err() != nil {
		d.release(req.Token)
		return
	}
	out := d.compose(v, &s, false)
	switch {
	case out == nil:
		d.release(req.Token)
	case out.silent:
		d.settle(s, req.Token, out)
	default:
		d.sendClaimed(s, req, l, out)
	}
}

// outgoing is a message as it is about to be sent.
type outgoing struct {
	firing, resolved model.AlertSet
	reason           model.Reason
	// why is the reason to tell again what the receiver may know; empty if
	// there is none.
	why     string
	message *notify.Message
	// silent: only the ledger is told. Nothing goes out. stale: it was kept
	// back, and nothing has gone out.
	silent, stale bool
	// late: when the answer was heard the claim was not good any more.
	late bool
	tick time.Time
	// attempt counts the failures before.
	attempt uint32
	row     model.Delivery
	data    model.Data
}

// compose makes the message of a step from what is left of it, or nil if
// nothing is.
func (d *delivery) compose(v *view, s *step, degraded bool) *outgoing {
	core := d.group.epoch.core
	out := &outgoing{firing: s.firing, resolved: s.resolved, silent: true, tick: v.tick, attempt: s.entry.Attempt, data: s.base.Data}
	if s.reason == model.ReasonNone {
		return out
	}
	now := core.opts.Now()
	n := v.narrow(s.firing, s.resolved, now)
	sit := v.situation(d.to.SendResolved(), s.unsure, &s.base)
	sit.Firing, sit.Resolved, sit.Muted = n.firing, n.resolved, sit.Muted.Union(n.muted)
	if out.reason = NeedsUpdate(&s.base, sit); out.reason == model.ReasonNone {
		d.replace(v, v.after(n, s.firing, s.resolved))
		return nil
	}
	out.firing, out.resolved = n.firing, n.resolved
	out.silent = len(n.firing) == 0 && !d.to.SendResolved()
	if out.reason == model.ReasonFirst {
		out.data = nil
	}
	out.row = model.Delivery{
		ID:  notify.DeliveryID(core.opts.Cluster(), d.key, s.entry.Gen+d.pace.ahead, n.firing, n.resolved),
		Key: d.key, Node: core.opts.Node, Reason: out.reason, Degraded: degraded, At: millis(now),
		Firing: uint32(len(n.firing)), Resolved: uint32(len(n.resolved)),
	}
	if out.why = doubtOf(s, n.firing.Union(n.resolved)); out.why != "" {
		out.row.Reason = model.ReasonDoubt
	}
	if !out.silent {
		out.message = d.write(v, n.alerts, out)
	}
	return out
}

// write makes the message for the integration.
func (d *delivery) write(v *view, alerts []notify.Told, out *outgoing) *notify.Message {
	g := d.group
	m := &notify.Message{
		GroupKey: g.key, Receiver: g.route.Receiver, GroupLabels: g.labels, Reason: out.reason,
		Alerts: alerts, Now: v.now, RepeatInterval: g.route.RepeatInterval,
		DeliveryID: out.row.ID, Data: out.data, Degraded: out.row.Degraded,
	}
	if len(g.route.Labels) > 0 {
		told := make([]*alert.Alert, len(alerts))
		for i, t := range alerts {
			told[i] = t.Alert
		}
		var err error
		if m.RouteLabels, err = g.route.RenderLabels(g.epoch.setup.Template, g.labels, told); err != nil {
			g.epoch.core.opts.Logger.Error("route labels cannot be rendered", "group_key", g.key, "err", err)
		}
	}
	return m
}

// sendClaimed sends while the claim lasts, and tells the ledger how it ended.
func (d *delivery) sendClaimed(s step, req model.ClaimRequest, l *lease, out *outgoing) {
	core := d.group.epoch.core
	if l.left() <= 0 {
		d.release(req.Token)
		return
	}
	core.outbox.begin(d.key, req.Token)
	defer core.outbox.over(req.Token)
	res := d.sendWithin(l, d.claimFence(l, req.Token), out, func(ctx context.Context) error {
		return core.opts.Ledger.Renew(ctx, d.key, req.Token)
	})
	out.row.Token = req.Token
	out.row.InLease = res.Err == nil && l.covers(res.SentAt)
	out.late = l.left() <= 0
	switch {
	case res.Err == nil:
		d.settle(s, req.Token, out)
	case out.stale:
		d.release(req.Token)
		d.pace.pause(proposeAgain)
	default:
		d.failed(s, req.Token, out, res)
	}
}

// sendWithin sends while the lease lasts, renewing it.
func (d *delivery) sendWithin(l *lease, f *fence, out *outgoing, renew func(context.Context) error) notify.Result {
	ctx, end := context.WithCancelCause(d.group.epoch.core.hard)
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		l.keep(ctx, end, renew)
	}()
	res := d.send(ctx, f, out)
	end(nil)
	<-kept
	return res
}

// The bounds of one hold: after two tries, or after ten seconds without having
// arrived, the next node tries from elsewhere.
const (
	maxTries = 2
	maxHold  = 10 * time.Second
)

// send tries to deliver the message, within ctx and for no longer than until
// the next tick, or ten seconds.
func (d *delivery) send(ctx context.Context, f *fence, out *outgoing) notify.Result {
	core := d.group.epoch.core
	ctx, cancel := context.WithTimeout(ctx, max(d.group.route.GroupInterval, maxHold))
	defer cancel()
	sending := trace.Start(d.traced, trace.Send)
	defer func() { traceSend(sending, out) }()
	ctx = sending.With(ctx)
	began := time.Now()
	d.to.Begun()
	out.message.Check, out.message.Connect = f.check, d.connectTime(out)
	res := notify.Result{Unsent: true}
	for {
		if err := f.check(); err != nil {
			res.Err = err
			break
		}
		out.row.Tries++
		unsent := res.Unsent
		res = d.to.Send(ctx, out.message)
		res.Unsent = res.Unsent && unsent
		if res.Err == nil || !res.Retryable || res.RetryAfter > 0 || out.row.Tries >= maxTries || time.Since(began) >= maxHold {
			break
		}
		if (res.Unsent || res.Unreached) && d.replaceable() {
			// Somebody else may reach the receiver from where he is.
			break
		}
		if !sleep(ctx, notify.Backoff(int(out.row.Tries), noJitter)) {
			break
		}
	}
	out.stale = res.Err != nil && res.Unsent && f.closed.Load()
	if out.stale {
		core.metrics.keptBack.Inc()
		core.opts.Logger.Info("notification is kept back; what it says is looked at again", "key", d.key.String(), "delivery_id", out.row.ID, "err", res.Err)
		return res
	}
	d.pace.sent = time.Now()
	out.row.At, out.row.Took = millis(core.opts.Now()), time.Since(began).Milliseconds()
	out.row.Outcome = model.OutcomeSent
	if res.Err == nil {
		out.data = res.Data
		d.logSent(out)
	} else {
		out.row.Outcome, out.row.Error = model.OutcomeFailed, bounded(res.Err.Error())
		d.to.Failed(res.Reason)
		core.opts.Logger.Warn("notification failed", "key", d.key.String(), "group_key", d.group.key, "delivery_id", out.row.ID,
			"tries", out.row.Tries, "retryable", res.Retryable, "err", out.row.Error)
	}
	core.metrics.delivered(out.row, out.tick)
	return res
}

// The bounds of connecting to a receiver: the first for the first try, and longer
// after each failure, because some receivers are slow.
const (
	firstConnect = 4 * time.Second
	maxConnect   = 30 * time.Second
)

func (d *delivery) connectTime(out *outgoing) time.Duration {
	return min(maxConnect, time.Duration(1+min(out.attempt, 10))*firstConnect)
}

// replaceable reports whether another node may send in the place of this one.
func (d *delivery) replaceable() bool {
	_, of := d.group.epoch.core.opts.Peers.Rank(d.key)
	return of > 1
}

// noJitter is the chance at which notify.Backoff is the wait itself: within one
// hold nobody else tries, so there is no herd to spread.
const noJitter = 0.5

// bounded is text cut to model.MaxErrorBytes at a rune.
func bounded(text string) string {
	if len(text) <= model.MaxErrorBytes {
		return text
	}
	cut := model.MaxErrorBytes
	for cut > 0 && text[cut]&0xc0 == 0x80 {
		cut--
	}
	return text[:cut]
}

package dispatcher

import (
	"context"
	"time"

	"tocsin/fsm/model"
)

// The waits after answers to a claim that leave nothing to wait for in the
// ledger.
const (
	proposeAgain = 100 * time.Millisecond
	configAgain  = time.Second
)

// claim asks for the right to send, and uses it if it is granted.
func (d *delivery) claim(v *view, s step) {
	core := d.group.epoch.core
	began := time.Now()
	if s.probes && !core.cut.probe(began) {
		return
	}
	if core.solo.busy(d.key) {
		d.pace.pause(proposeAgain)
		return
	}
	l := newLease(core.opts.Now)
	req := model.ClaimRequest{
		Key: d.key, Token: newToken(), Node: core.opts.Node,
		BaseRev: s.entry.Rev, ConfigRev: d.group.epoch.setup.Rev,
		Firing: s.firing, Resolved: s.resolved, Reason: s.reason, MinGap: d.minGap(s.reason),
	}
	grant, err := d.propose(req)
	if err != nil {
		core.tokens.strand(req.Token)
		core.metrics.claims.WithLabelValues(claimUnanswered).Inc()
		core.opts.Logger.Debug("claim got no answer", "key", d.key.String(), "token", req.Token, "err", err)
		if time.Since(began) >= claimTimeout {
			core.cut.unanswered(began)
		} else {
			d.pace.pause(proposeAgain)
		}
		return
	}
	core.metrics.claims.WithLabelValues(grant.Denied.String()).Inc()
	if grant.Denied != model.DeniedNot {
		d.denied(req, grant, began)
		return
	}
	core.cut.answered()
	d.hold(v, s, req, l)
}

// propose repeats a claim until it is answered, for at most claimTimeout. It
// gives up at once when the quorum is gone: what to do then is not decided here.
func (d *delivery) propose(req model.ClaimRequest) (model.Grant, error) {
	core := d.group.epoch.core
	ctx, cancel := context.WithTimeout(core.hard, claimTimeout)
	defer cancel()
	for {
		grant, err := core.opts.Ledger.Claim(ctx, req)
		if err == nil {
			return grant, nil
		}
		if !core.opts.Peers.Quorum().Held || !sleep(ctx, proposeAgain) {
			return model.Grant{}, err
		}
	}
}

// denied takes in why a claim was not granted. Most denials mean that the entry
// has changed, and the change is what the delivery looks at next.
func (d *delivery) denied(req model.ClaimRequest, grant model.Grant, began time.Time) {
	core := d.group.epoch.core
	if grant.Denied == model.DeniedNotMember {
		// The cluster does not count this node any more, so nobody else may be
		// paging what it sees: it goes on as if cut off.
		core.cut.unanswered(began)
		d.pace.pause(proposeAgain)
		return
	}
	core.cut.answered()
	switch grant.Denied {
	case model.DeniedTooEarly:
		d.pace.bar(req.Reason, time.Now().Add(time.Duration(grant.RetryAfter)*time.Millisecond))
	case model.DeniedStaleConf:
		d.pace.pause(configAgain)
	default:
		if e, ok := core.opts.Ledger.Entry(d.key); ok == (req.BaseRev != 0) && (!ok || e.Rev == req.BaseRev && e.Claim == nil) {
			d.pace.pause(proposeAgain)
		}
	}
}

// minGap is the least time between the last message and one for this reason, in
// milliseconds: the interval, less a tenth of it or ten seconds, because the
// last message arrived a little after its tick.
func (d *delivery) minGap(reason model.Reason) int64 {
	interval := d.group.route.GroupInterval
	switch reason {
	case model.ReasonNone:
		return 0
	case model.ReasonRepeat:
		interval = d.group.route.RepeatInterval
	}
	return (interval - min(interval/10, 10*time.Second)).Milliseconds()
}

// release gives a claim back on which nothing was sent.
func (d *delivery) release(token model.Token) {
	core := d.group.epoch.core
	began := time.Now()
	ctx, cancel := context.WithTimeout(core.hard, claimTimeout)
	defer cancel()
	err := core.opts.Ledger.Release(ctx, model.Release{Key: d.key, Token: token, Node: core.opts.Node})
	if err == nil {
		core.cut.answered()
		return
	}
	if time.Since(began) >= claimTimeout {
		core.cut.unanswered(began)
	}
	core.tokens.strand(token)
	core.opts.Logger.Debug("claim could not be given back", "key", d.key.String(), "token", token, "err", err)
	d.pace.pause(proposeAgain)
}

// giveBack releases a claim that was granted when nobody waited for it.
func (d *delivery) giveBack(token model.Token) {
	d.group.epoch.core.tokens.forget(token)
	d.release(token)
}

// sleep waits; false if ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

package dispatcher

import (
	"context"
	"time"

	"tocsin/dispatcher/trace"
	"tocsin/fsm/model"
)

// The waits after answers to a claim that leave nothing to wait for in the
// ledger.
const (
	proposeAgain = 100 * time.Millisecond
	configAgain  = time.Second
	behindAgain  = 2 * time.Second
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
	core.restart.propose(req.Token)
	asked := trace.Start(d.traced, trace.Claim)
	grant, err := d.propose(req, s.patience)
	traceClaim(asked, grant, err)
	if err != nil {
		d.unanswered(req.Token, began, err)
		return
	}
	core.metrics.claims.WithLabelValues(grant.Denied.String()).Inc()
	if grant.Denied != model.DeniedNot {
		d.denied(req, grant, began)
		return
	}
	core.cut.answered()
	d.pace.without = time.Time{}
	d.hold(v, s, req, l)
}

// unanswered is for a claim that ended in an error. A refusal is an answer, but
// none that can be waited out: this one message goes out without a claim.
func (d *delivery) unanswered(token model.Token, began time.Time, err error) {
	core := d.group.epoch.core
	core.metrics.claims.WithLabelValues(claimUnanswered).Inc()
	if core.opts.Final(err) {
		core.opts.Logger.Error("claim is refused; the message is sent without one", "key", d.key.String(), "err", err)
		core.cut.answered()
		d.pace.refused = true
		return
	}
	if core.opts.Behind(err) {
		// The quorum stands; this node's own state is late. What it cannot see
		// it must not send on.
		core.opts.Logger.Info("claim is given back: this node's state is behind the cluster's", "key", d.key.String(), "err", err)
		core.cut.answered()
		d.release(token)
		d.pace.pause(behindAgain)
		return
	}
	core.opts.Logger.Debug("claim got no answer", "key", d.key.String(), "token", token, "err", err)
	core.cut.unanswered(began)
	core.abandon(d.key, token)
	if time.Since(began) < claimTimeout {
		d.pace.pause(proposeAgain)
	}
}

// propose repeats a claim until it is answered, for at most patience. It gives up
// at once when the quorum is gone: what to do then is not decided here.
func (d *delivery) propose(req model.ClaimRequest, patience time.Duration) (model.Grant, error) {
	core := d.group.epoch.core
	ctx, cancel := context.WithTimeout(core.hard, patience)
	defer cancel()
	for {
		grant, err := core.opts.Ledger.Claim(ctx, req)
		if err == nil {
			return grant, nil
		}
		if core.opts.Final(err) || core.opts.Behind(err) || !core.opts.Peers.Quorum().Held || !sleep(ctx, proposeAgain) {
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
		d.staleConfig()
	default:
		if e, ok := core.opts.Ledger.Entry(d.key); ok == (req.BaseRev != 0) && (!ok || e.Rev == req.BaseRev && e.Claim == nil) {
			d.pace.pause(proposeAgain)
		}
	}
}

// staleTime is how long a node goes without the cluster's configuration before
// it sends under its own what nobody else has sent meanwhile.
const staleTime = 30 * time.Second

// staleConfig waits for the configuration that the cluster has and this node has
// not. If it does not come the node may be unable to load it, and nobody else
// may be there who can: better told under an older configuration than not told.
func (d *delivery) staleConfig() {
	if d.pace.stale.IsZero() {
		d.pace.stale = time.Now()
	}
	if time.Since(d.pace.stale) >= staleTime && !d.pace.refused {
		d.group.epoch.core.opts.Logger.Error("this node does not run the cluster's configuration and nobody else tells; the message is sent under the older one",
			"key", d.key.String(), "config_rev", d.group.epoch.setup.Rev)
		d.pace.refused = true
	}
	d.pace.pause(configAgain)
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
	if err == nil || core.opts.Behind(err) {
		core.cut.answered()
		return
	}
	if core.opts.Final(err) {
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
	d.group.epoch.core.tokens.back(token)
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

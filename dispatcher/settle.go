package dispatcher

import (
	"context"
	"hash/fnv"
	"time"

	"tocsin/dispatcher/notify"
	"tocsin/fsm/model"
)

// settleAgain is the pause between two tries to settle.
const settleAgain = 200 * time.Millisecond

// settle tells the ledger what was sent, or that nothing had to be. If it does
// not acknowledge that in time the message is kept as an overlay, like one that
// was sent without a quorum, and the settlement is reported in the background. One
// that comes after the end of its claim is only reported: others may have told
// something newer since.
func (d *delivery) settle(s step, token model.Token, out *outgoing) {
	core := d.group.epoch.core
	st := model.Settlement{
		Key: d.key, Token: token, Node: core.opts.Node,
		Firing: out.firing, Resolved: out.resolved, Data: out.data, Delivery: out.row,
	}
	if !out.silent {
		core.outbox.sent(st)
	}
	if core.settled(st) {
		core.outbox.settled(token)
		d.pace.settled(s.overlays)
		return
	}
	core.metrics.unsettled.Inc()
	if !out.late {
		d.keepTold(s, out)
	}
	core.work.Go(func() { core.report(st, lookAgain) })
}

// settled tries for at most claimTimeout.
func (c *Dispatcher) settled(st model.Settlement) bool {
	began := time.Now()
	ctx, cancel := context.WithTimeout(c.hard, claimTimeout)
	defer cancel()
	for {
		err := c.opts.Ledger.Settle(ctx, st)
		if err == nil || c.opts.Behind(err) {
			c.cut.answered()
			return true
		}
		if c.opts.Final(err) {
			c.opts.Logger.Error("settlement is refused", "key", st.Key.String(), "token", st.Token, "err", err)
			return false
		}
		if !c.opts.Peers.Quorum().Held || !sleep(ctx, settleAgain) {
			if time.Since(began) >= claimTimeout {
				c.cut.unanswered(began)
			}
			c.opts.Logger.Warn("settlement is not acknowledged yet", "key", st.Key.String(), "token", st.Token, "err", err)
			return false
		}
	}
}

// report repeats a settlement until it is acknowledged or of no use any more. It
// returns false if the dispatcher stopped before; the outbox, and the overlay if
// there is one, say the same then.
func (c *Dispatcher) report(st model.Settlement, every time.Duration) bool {
	for sleep(c.life, every) {
		if !c.opts.Peers.Quorum().Held {
			continue
		}
		ctx, cancel := context.WithTimeout(c.life, claimTimeout)
		err := c.opts.Ledger.Settle(ctx, st)
		cancel()
		if c.opts.Behind(err) {
			err = nil
		}
		if err == nil {
			c.cut.answered()
		}
		if err == nil || c.opts.Final(err) || !c.wanted(st) {
			c.outbox.settled(st.Token)
			return true
		}
	}
	return false
}

// wanted reports whether the ledger still waits for a settlement, or would take
// it as evidence.
func (c *Dispatcher) wanted(st model.Settlement) bool {
	e, ok := c.opts.Ledger.Entry(st.Key)
	if !ok {
		return false
	}
	if e.Claim != nil && e.Claim.Token == st.Token {
		return true
	}
	for _, lapsed := range e.Lapsed {
		if lapsed.Token == st.Token {
			return true
		}
	}
	return false
}

// failed gives the claim back with a failure, so that the next node tries from
// elsewhere. If the ledger does not answer the claim is left to expire: the
// message may have arrived, so it must not count as unsent.
func (d *delivery) failed(s step, token model.Token, out *outgoing, res notify.Result) {
	core := d.group.epoch.core
	wait := d.backoff(s.entry.Attempt+1, res)
	r := model.Release{Key: d.key, Token: token, Node: core.opts.Node, Failed: true, Delivery: out.row}
	if wait > 0 {
		r.NotBefore = millis(core.opts.Now().Add(wait))
		d.pace.retry = time.Now().Add(wait)
	}
	ctx, cancel := context.WithTimeout(core.hard, claimTimeout)
	defer cancel()
	if err := core.opts.Ledger.Release(ctx, r); err != nil && !core.opts.Behind(err) {
		core.opts.Logger.Warn("failure is not acknowledged", "key", d.key.String(), "token", token, "err", err)
		d.pace.pause(proposeAgain)
	}
}

// backoff is how long nobody should try after so many failures in a row. Each
// node gets a try at once, unless the receiver asked for quiet. After that waits
// grow, but by no more than the group interval, at which Alertmanager tries
// again too; an answer that no repetition can change is worth no more than that.
func (d *delivery) backoff(failures uint32, res notify.Result) time.Duration {
	interval := d.group.route.GroupInterval
	_, of := d.group.epoch.core.opts.Peers.Rank(d.key)
	switch {
	case res.RetryAfter > 0:
		return res.RetryAfter
	case int(failures) < of:
		return 0
	case !res.Retryable:
		return interval
	default:
		return min(interval, notify.Backoff(int(failures)-of+2, d.chance(failures)))
	}
}

// chance spreads the next tries of many keys that failed at once. It is the same
// for the same key and number of failures.
func (d *delivery) chance(failures uint32) float64 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(d.key.Group))
	_, _ = h.Write([]byte(d.key.Integration))
	_, _ = h.Write([]byte{byte(failures)})
	return float64(h.Sum32()) / (1 << 32)
}

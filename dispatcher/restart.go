package dispatcher

import (
	"context"
	"slices"
	"sync"
	"time"

	"tocsin/dispatcher/notify"
	"tocsin/fsm/model"
)

// restart settles what the process before this one has left: messages that
// arrived and were not settled, and claims on which nothing was sent. Without it
// they would wait for the claims' expiry, and the messages be told again.
type restart struct {
	core *Dispatcher

	mu sync.Mutex // guards what follows
	// arrived are messages that the ledger may not know of yet, by key; begun
	// are claims on which a message may have been sent.
	arrived map[model.DeliveryKey][]model.Settlement
	begun   map[model.Token]struct{}
	// own are the claims that this process has proposed, as long as there may
	// be others; nil then.
	own map[model.Token]struct{}
}

const (
	// restartFor is how long claims of the process before may still show up
	// once there is a quorum: longer than any claim lives that nobody renews.
	restartFor = 30 * time.Second
	// restartLook is how often they are looked for.
	restartLook = 250 * time.Millisecond
	// restartReports bounds the settlements that are reported at once.
	restartReports = 64
)

func newRestart(d *Dispatcher) *restart {
	r := &restart{
		core: d, arrived: make(map[model.DeliveryKey][]model.Settlement),
		begun: make(map[model.Token]struct{}), own: make(map[model.Token]struct{}),
	}
	for _, s := range d.outbox.file.Left() {
		if s.Phase == model.SendDone {
			r.arrived[s.Key] = append(r.arrived[s.Key], s.Settlement)
		} else {
			r.begun[s.Token] = struct{}{}
		}
	}
	return r
}

// run reports what arrived, and gives back what was not begun, until nothing of
// the process before can be left, or ctx ends.
func (r *restart) run(ctx context.Context) {
	var reports sync.WaitGroup
	defer reports.Wait()
	reports.Go(func() { r.report(ctx) })
	if r.core.opts.Claims == nil {
		r.forgetOwn()
		return
	}
	var held time.Time
	for held.IsZero() || time.Since(held) < restartFor {
		if r.core.opts.Peers.Quorum().Held {
			if held.IsZero() {
				held = time.Now()
			}
			r.giveBack(ctx)
		}
		if !sleep(ctx, restartLook) {
			return
		}
	}
	r.forgetOwn()
	for token := range r.begun {
		r.core.outbox.over(token)
	}
}

// forgetOwn is for when no claim is looked for any more.
func (r *restart) forgetOwn() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.own = nil
}

// report settles what arrived, each until it is acknowledged or of no use.
func (r *restart) report(ctx context.Context) {
	r.mu.Lock()
	var all []model.Settlement
	for _, of := range r.arrived {
		all = append(all, of...)
	}
	r.mu.Unlock()
	var reports sync.WaitGroup
	defer reports.Wait()
	room := make(chan struct{}, restartReports)
	for _, st := range all {
		select {
		case room <- struct{}{}:
		case <-ctx.Done():
			return
		}
		reports.Go(func() {
			defer func() { <-room }()
			if r.core.report(st, restartLook) {
				r.forget(st)
			}
		})
	}
}

func (r *restart) forget(st model.Settlement) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.arrived[st.Key] = slices.DeleteFunc(r.arrived[st.Key], func(o model.Settlement) bool { return o.Token == st.Token })
	if len(r.arrived[st.Key]) == 0 {
		delete(r.arrived, st.Key)
	}
}

// giveBack releases the claims of the process before that have no record. They
// were most likely never used; but the record may not have come to the disk, so
// their alerts are put in doubt.
func (r *restart) giveBack(ctx context.Context) {
	for e := range r.core.opts.Claims() {
		c := e.Claim
		if c == nil || c.Node != r.core.opts.Node || !r.unused(e.Key, c.Token) {
			continue
		}
		try, cancel := context.WithTimeout(ctx, claimTimeout)
		err := r.core.opts.Ledger.Release(try, model.Release{
			Key: e.Key, Token: c.Token, Node: c.Node, Failed: true,
			Delivery: model.Delivery{
				ID:     notify.DeliveryID(r.core.opts.Cluster(), e.Key, e.Gen, c.Firing, c.Resolved),
				Reason: c.Reason, At: millis(r.core.opts.Now()),
				Error: "the node was restarted before it sent",
			},
		})
		cancel()
		r.core.opts.Logger.Info("claim of the process before this one is given back: nothing was sent on it", "key", e.Key.String(), "token", c.Token, "err", err)
	}
}

// unused reports whether a claim of this node was proposed by the process before
// and left no record.
func (r *restart) unused(key model.DeliveryKey, token model.Token) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, own := r.own[token]
	_, begun := r.begun[token]
	return !own && !begun && !slices.ContainsFunc(r.arrived[key], func(st model.Settlement) bool { return st.Token == token })
}

// propose notes a claim as one of this process.
func (r *restart) propose(token model.Token) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.own != nil {
		r.own[token] = struct{}{}
	}
}

// told is the entry with the messages that arrived in the process before and that
// the ledger does not know of yet, as it will have them once they are settled.
func (r *restart) told(e model.Entry) model.Entry {
	r.mu.Lock()
	arrived := r.arrived[e.Key]
	r.mu.Unlock()
	for _, st := range arrived {
		e = settledOver(e, st)
	}
	return e
}

func settledOver(e model.Entry, st model.Settlement) model.Entry {
	before := beliefOf(&e)
	after := before.told(st.Firing, st.Resolved)
	switch n := len(e.Lapsed); {
	case e.Claim != nil && e.Claim.Token == st.Token:
		if e.Rev != e.Claim.Rev {
			after = before.join(after)
		}
		e.Claim = nil
	case n > 0 && e.Claim == nil && e.Lapsed[n-1].Token == st.Token && e.Rev == e.Lapsed[n-1].Rev+1:
	case slices.ContainsFunc(e.Lapsed, func(c model.Claim) bool { return c.Token == st.Token }):
		after = before.join(after)
	default:
		return e
	}
	e.Must, e.Maybe, e.Resolved = after.must, after.maybe, after.resolved
	if st.Delivery.At > e.Stamp {
		e.Stamp = st.Delivery.At
	}
	return e
}

package exchange

import (
	"context"
	"time"

	"tocsin/fsm/model"
)

const (
	// backOff and maxBackOff are the waits between tries to reach a peer.
	backOff    = 100 * time.Millisecond
	maxBackOff = time.Second
	// settled is how old an update must be for a comparison without a reason:
	// it should have arrived everywhere by then.
	settled = 30 * time.Second
	// gently: a comparison on request waits this many times as long as the one
	// before it took, and a second at least.
	gently = 20
	// unheard is how long a peer that answers may not have asked us anything
	// before we take it that it does not reach us, and fetch its alerts.
	unheard = 5 * time.Second
)

// compareOn compares this node's alerts with the peer's: when it is first
// reached, after each time that it was not, when somebody asks for it, and every
// now and then.
func (l *link) compareOn(ctx context.Context) {
	wait, horizon := backOff, int64(always)
	for {
		began := time.Now()
		err := l.reconcile(ctx, horizon)
		if ctx.Err() != nil {
			return
		}
		least, most := max(time.Second, gently*time.Since(began)), l.x.opts.CompareEvery
		if err != nil {
			l.broke(err)
			least, most, wait = wait, wait, min(2*wait, maxBackOff)
		} else {
			wait = backOff
		}
		asked, ok := l.rest(ctx, least, most)
		if !ok {
			return
		}
		horizon = always
		if !asked && l.inStep() {
			horizon = l.x.opts.Now().Add(-settled).UnixNano()
		}
	}
}

// rest waits for most, or after least until somebody asks for a comparison. It
// is over at once when a peer that answered no longer does.
func (l *link) rest(ctx context.Context, least, most time.Duration) (asked, ok bool) {
	end, earliest := time.NewTimer(most), time.NewTimer(least)
	defer end.Stop()
	defer earliest.Stop()
	up := l.isUp()
	for early := true; early || !asked; {
		select {
		case <-l.again:
			asked = true
			if up && !l.isUp() {
				return true, true
			}
		case <-earliest.C:
			early = false
		case <-end.C:
			return asked, true
		case <-ctx.Done():
			return false, false
		}
	}
	return true, true
}

// reconcile makes both sides have the same alerts.
func (l *link) reconcile(ctx context.Context, horizon int64) error {
	if err := l.greet(ctx); err != nil {
		return err
	}
	doubts := l.begin()
	for from := 0; from < buckets; {
		q := comparison{horizon: horizon, from: from, sums: *sumsOf(l.x.opts.Store, horizon)}
		answer, err := l.ask(ctx, kindCompare, q.append(l.x.question()))
		if err != nil {
			return err
		}
		c := answer.contrast()
		if answer.err != nil || c.next <= from || c.next > buckets {
			return errWire
		}
		l.reached()
		if err := l.settle(ctx, c, from); err != nil {
			return err
		}
		from = c.next
	}
	l.x.metrics.compared(horizon)
	l.matched(doubts)
	return nil
}

// greet does what has to come before the first alert.
func (l *link) greet(ctx context.Context) error {
	if l.isUp() || l.x.opts.Before == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, l.x.opts.Timeout)
	defer cancel()
	l.mu.Lock()
	p := Peer{ID: l.id, Address: l.address}
	l.mu.Unlock()
	return l.x.opts.Before(ctx, p)
}

// begin lets the comparison bring what a peer that did not answer was not told.
func (l *link) begin() (doubts uint64) {
	f := l.x.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.up {
		l.read, l.since, l.urgent = f.end(), time.Time{}, false
	}
	return l.doubts
}

// reached notes that the peer answers: what changes from now on is told.
func (l *link) reached() {
	l.mu.Lock()
	was := l.up
	l.up = true
	l.mu.Unlock()
	if !was {
		poke(l.wake)
	}
}

// matched notes that both have the same, unless something came in between.
func (l *link) matched(doubts uint64) {
	l.mu.Lock()
	was := l.step
	l.step = l.up && l.doubts == doubts
	is := l.step
	l.mu.Unlock()
	if is && !was {
		l.x.opts.Logger.Info("alerts are in step with a node", "peer", model.NodeID(l.id))
		l.x.declare("this node has the alerts of the others")
	}
}

// settle exchanges what differs in the buckets that the answer is about.
func (l *link) settle(ctx context.Context, c *contrast, from int) error {
	p := plan{own: make(map[uint64]Entry)}
	own, theirs := c.differ.listing(l.x.opts.Store), make([][]Entry, buckets)
	for _, e := range c.entries {
		theirs[bucketOf(e.Hash)] = append(theirs[bucketOf(e.Hash)], e)
	}
	for b := from; b < c.next; b++ {
		if c.differ.has(b) {
			p.weigh(own[b], theirs[b])
		}
	}
	if len(p.moves) > 0 {
		l.x.opts.Store.Move(p.moves)
	}
	if err := l.pull(ctx, p.pull); err != nil {
		return err
	}
	if err := l.push(ctx, p.push); err != nil {
		return err
	}
	for rest := p.refresh; len(rest) > 0; {
		n := min(len(rest), maxRefreshes)
		if err := l.refresh(ctx, rest[:n]); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

// plan is what has to be done so that both have the same.
type plan struct {
	push, pull, refresh []uint64
	moves               []State
	own                 map[uint64]Entry // of the bucket at hand
}

// weigh adds what is to be done about one bucket.
func (p *plan) weigh(own, theirs []Entry) {
	clear(p.own)
	for _, e := range own {
		p.own[e.Hash] = e
	}
	for _, t := range theirs {
		o, known := p.own[t.Hash]
		delete(p.own, t.Hash)
		switch {
		case !known:
			if t.Offer {
				p.pull = append(p.pull, t.Hash)
			}
		case o.State == t.State:
		case judge(o.State, true, t.State) == move:
			p.moves = append(p.moves, t.State)
		case o.Sum == t.Sum:
			p.refresh = append(p.refresh, t.Hash)
		case o.Updated > t.Updated:
			p.push = append(p.push, t.Hash)
		case o.Updated < t.Updated:
			p.pull = append(p.pull, t.Hash)
		default:
			// Both are of one time: either may lack something.
			p.pull, p.push = append(p.pull, t.Hash), append(p.push, t.Hash)
		}
	}
	for h, e := range p.own {
		if e.Offer {
			p.push = append(p.push, h)
		}
	}
}

// maxPull is how many alerts are asked for in one question.
const maxPull = 16384

// pull fetches alerts.
func (l *link) pull(ctx context.Context, hashes []uint64) error {
	for len(hashes) > 0 {
		q := appendHashes(l.x.question(), hashes[:min(len(hashes), maxPull)])
		answer, err := l.ask(ctx, kindPull, q)
		if err != nil {
			return err
		}
		done := int(answer.uint32())
		records := answer.records()
		if answer.err != nil || done <= 0 || done > len(hashes) {
			return errWire
		}
		l.x.receive(records)
		hashes = hashes[done:]
	}
	return nil
}

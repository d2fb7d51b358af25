package exchange

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"tocsin/cluster/rpc"
	"tocsin/fsm/model"
)

// link is this node's side of the exchange with one peer. One goroutine tells it
// what changes here, another compares. While the peer is not reached nothing is
// told: the comparison after that brings everything.
type link struct {
	x  *Exchange
	id string
	// wake has the teller look at once; again asks for a comparison.
	wake, again chan struct{}
	stop        context.CancelFunc

	mu      sync.Mutex // guards the rest
	address string
	read    position
	// since is when the oldest transition that was not told yet came; zero if
	// there is none.
	since time.Time
	// urgent: refreshes must not wait for their round.
	urgent bool
	// up: the peer answers. step: it was compared with since it last did not.
	up, step bool
	// doubts counts what put step in doubt.
	doubts uint64
	// boot is the peer's life as it said last; heard when it last asked us.
	boot  uint64
	heard time.Time
}

func newLink(x *Exchange, p Peer) *link {
	return &link{
		x: x, id: p.ID, address: p.Address, heard: time.Now(),
		wake: make(chan struct{}, 1), again: make(chan struct{}, 1),
	}
}

// start begins; stop, or the end of ctx, ends it.
func (l *link) start(ctx context.Context, wg *sync.WaitGroup) {
	ctx, l.stop = context.WithCancel(ctx)
	wg.Go(func() { l.tellOn(ctx) })
	wg.Go(func() { l.compareOn(ctx) })
}

func (l *link) isUp() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.up
}

func (l *link) inStep() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.up && l.step
}

// behind reports whether the peer lacks something for longer than it should.
func (l *link) behind() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.up || !l.step || !l.since.IsZero() && time.Since(l.since) > time.Second
}

func (l *link) moveTo(address string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.address = address
}

// hasten has the teller look at the feed. The caller has the feed's lock.
func (l *link) hasten(transitions, urgent bool) {
	l.mu.Lock()
	if transitions && l.since.IsZero() {
		l.since = time.Now()
	}
	l.urgent = l.urgent || urgent
	l.mu.Unlock()
	poke(l.wake)
}

// doubt asks for a comparison although the peer answers; until then it is not
// in step.
func (l *link) doubt() {
	l.mu.Lock()
	l.step = false
	l.doubts++
	l.mu.Unlock()
	poke(l.again)
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// broke notes that the peer did not answer.
func (l *link) broke(err error) {
	l.mu.Lock()
	was := l.up
	l.up, l.step = false, false
	l.doubts++
	l.mu.Unlock()
	if was {
		l.x.opts.Logger.Warn("alerts are not exchanged with a node: it does not answer", "peer", model.NodeID(l.id), "err", err)
		poke(l.again)
	}
}

// answered notes the life of a peer that answered. A new one may have forgotten
// what the old one was told.
func (l *link) answered(boot uint64) {
	l.mu.Lock()
	fresh := l.boot != 0 && l.boot != boot
	l.boot = boot
	l.mu.Unlock()
	if fresh {
		l.doubt()
	}
}

// farewell is how long a node that is stopped goes on telling what it took in
// before.
const farewell = time.Second

// tellOn tells the peer what changes here, at once.
func (l *link) tellOn(ctx context.Context) {
	telling, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(farewell, cancel) })()
	round := time.NewTicker(l.x.opts.Round)
	defer round.Stop()
	for ctx.Err() == nil {
		due := false
		select {
		case <-l.wake:
		case <-round.C:
			due = true
			l.listen()
		case <-ctx.Done():
		}
		if !l.isUp() {
			continue
		}
		if err := l.tell(telling, due); err != nil {
			l.broke(err)
		}
	}
}

// listen asks for a comparison if the peer answers and never asks: it may not be
// able to reach us.
func (l *link) listen() {
	l.mu.Lock()
	deaf := l.up && time.Since(l.heard) > unheard
	l.mu.Unlock()
	if deaf {
		poke(l.again)
	}
}

// The most hashes that are read from the feed at a time.
const (
	maxTransitions = 2048
	maxRefreshes   = 8192
)

// tell says all transitions, and then refreshes if they are due.
func (l *link) tell(ctx context.Context, due bool) error {
	for {
		hashes, since, urgent := l.nextTransitions()
		due = due || urgent
		if len(hashes) == 0 {
			break
		}
		if err := l.push(ctx, hashes); err != nil {
			return err
		}
		l.x.metrics.lag.Observe(time.Since(since).Seconds())
	}
	if !due {
		return nil
	}
	hashes, more := l.nextRefreshes()
	if err := l.refresh(ctx, hashes); err != nil || !more {
		return err
	}
	// Transitions go first.
	return l.tell(ctx, true)
}

// nextTransitions takes some that were not told yet. What was lost is brought by
// a comparison.
func (l *link) nextTransitions() (hashes []uint64, since time.Time, urgent bool) {
	f := l.x.feed
	f.mu.Lock()
	l.mu.Lock()
	var lost uint64
	hashes, l.read.transitions, lost = f.transitions.read(nil, l.read.transitions, maxTransitions)
	since, urgent = l.since, l.urgent
	l.urgent = false
	if l.read.transitions == f.transitions.end() {
		l.since = time.Time{}
	}
	l.mu.Unlock()
	f.mu.Unlock()
	if lost > 0 {
		l.x.metrics.overflows.Add(float64(lost))
		l.doubt()
	}
	return unique(hashes), since, urgent
}

func (l *link) nextRefreshes() (hashes []uint64, more bool) {
	f := l.x.feed
	f.mu.Lock()
	l.mu.Lock()
	var lost uint64
	hashes, l.read.refreshes, lost = f.refreshes.read(nil, l.read.refreshes, maxRefreshes)
	more = l.read.refreshes < f.refreshes.end()
	l.mu.Unlock()
	f.mu.Unlock()
	if lost > 0 {
		l.x.metrics.shed.Add(float64(lost))
		l.doubt()
	}
	return unique(hashes), more
}

func unique(hashes []uint64) []uint64 {
	slices.Sort(hashes)
	return slices.Compact(hashes)
}

// push sends alerts with their bodies.
func (l *link) push(ctx context.Context, hashes []uint64) error {
	for len(hashes) > 0 {
		// Most alerts take less than 512 bytes.
		b := slices.Grow(l.x.question(), min(chunk+chunk/8, 512*len(hashes)))
		empty, sent := len(b), 0
		for len(hashes) > 0 && len(b) < chunk {
			was := len(b)
			b = appendRecord(b, l.x.opts.Store, hashes[0])
			if len(b) > was {
				sent++
			}
			hashes = hashes[1:]
		}
		if len(b) == empty {
			continue
		}
		if _, err := l.ask(ctx, kindPush, b); err != nil {
			return err
		}
		l.x.metrics.told.Add(float64(sent))
	}
	return nil
}

// refresh sends states, and then the bodies that the peer wants to have.
func (l *link) refresh(ctx context.Context, hashes []uint64) error {
	b := slices.Grow(l.x.question(), stateBytes*len(hashes))
	for _, h := range hashes {
		if s, ok := l.x.opts.Store.State(h); ok {
			b = appendState(b, s)
		}
	}
	answer, err := l.ask(ctx, kindRefresh, b)
	if err != nil {
		return err
	}
	wanted := answer.hashes()
	if answer.err != nil {
		return answer.err
	}
	return l.push(ctx, wanted)
}

// question is a message with nothing but the head.
func (x *Exchange) question() []byte {
	return head{from: x.opts.Self, boot: x.boot, cut: x.cut()}.append(nil)
}

// ask asks the peer and counts what that costs.
func (l *link) ask(ctx context.Context, kind uint8, question []byte) (*reader, error) {
	ctx, cancel := context.WithTimeout(ctx, l.x.opts.Timeout)
	defer cancel()
	l.mu.Lock()
	address := l.address
	l.mu.Unlock()
	l.x.metrics.sent(kind, question)
	answer, err := l.x.client.Call(ctx, address, kind, question)
	if err != nil {
		if refusal := (*rpc.Refusal)(nil); errors.As(err, &refusal) {
			l.x.metrics.received(kind, nil)
		}
		return nil, err
	}
	l.x.metrics.received(kind, answer)
	r := &reader{rest: answer}
	boot := r.uint64()
	if r.err != nil {
		return nil, r.err
	}
	l.answered(boot)
	return r, nil
}

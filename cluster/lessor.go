package cluster

import (
	"container/list"
	"context"
	"sync"
	"time"

	"tocsin/fsm"
	"tocsin/fsm/model"
)

// lessor times the live claims for the leader, on its monotonic clock, and
// reports those whose time is over; expire must not return before they have been
// logged or ctx has ended. It decides nothing: the end of a claim is a
// command in the log. All claims have the same time, so the order in which they
// were armed is the order in which they end.
type lessor struct {
	machine *fsm.Machine
	time    time.Duration
	expire  func(ctx context.Context, ended []model.Expiry)

	mu     sync.Mutex // guards the rest
	leases map[model.DeliveryKey]*list.Element
	order  *list.List // of lease, the next to end first
	kick   chan struct{}
}

type lease struct {
	model.Expiry
	ends time.Time
}

// maxExpiries bounds the claims that are ended by one log entry.
const maxExpiries = 512

func newLessor(machine *fsm.Machine, d time.Duration, expire func(context.Context, []model.Expiry)) *lessor {
	return &lessor{
		machine: machine,
		time:    d,
		expire:  expire,
		leases:  make(map[model.DeliveryKey]*list.Element),
		order:   list.New(),
		kick:    make(chan struct{}, 1),
	}
}

// observe follows the ledger; it is called by the machine and does not block.
func (l *lessor) observe(c fsm.Change) {
	view := l.machine.View()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, key := range c.Keys {
		e, ok := view.Entry(key)
		if !ok || e.Claim == nil {
			l.drop(key)
			continue
		}
		l.arm(model.Expiry{Key: key, Token: e.Claim.Token}, false)
	}
}

// armAll gives every live claim its full time but what of it has passed already.
func (l *lessor) armAll(passed time.Duration) {
	view := l.machine.View()
	l.mu.Lock()
	defer l.mu.Unlock()
	for e := range view.Claims() {
		l.start(model.Expiry{Key: e.Key, Token: e.Claim.Token}, l.time-passed, true)
	}
}

// renew gives a live claim its full time again.
func (l *lessor) renew(key model.DeliveryKey, token model.Token) error {
	// The observer sees a change after the view has it, so a claim that was
	// just granted may not be armed yet.
	e, ok := l.machine.View().Entry(key)
	if !ok || e.Claim == nil || e.Claim.Token != token {
		return ErrClaimNotLive
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.arm(model.Expiry{Key: key, Token: token}, true)
	return nil
}

// arm is start with a claim's full time.
func (l *lessor) arm(x model.Expiry, again bool) { l.start(x, l.time, again) }

// start starts a claim's time; again says whether one that runs starts over. None
// may end before one that was started earlier. l.mu is held.
func (l *lessor) start(x model.Expiry, left time.Duration, again bool) {
	if el := l.leases[x.Key]; el != nil {
		if el.Value.(lease).Token == x.Token && !again {
			return
		}
		l.order.Remove(el)
	}
	l.leases[x.Key] = l.order.PushBack(lease{x, time.Now().Add(left)})
	if l.order.Len() > 1 {
		return // run waits for an earlier one
	}
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

// drop forgets a key. l.mu is held.
func (l *lessor) drop(key model.DeliveryKey) {
	if el := l.leases[key]; el != nil {
		l.order.Remove(el)
		delete(l.leases, key)
	}
}

// run reports claims whose time is over, until ctx ends.
func (l *lessor) run(ctx context.Context) {
	for {
		ended, wait := l.due()
		if len(ended) > 0 {
			l.expire(ctx, ended)
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		case <-l.kick:
			t.Stop()
		}
	}
}

// due takes the claims whose time is over, and says when the next one's is.
func (l *lessor) due() (ended []model.Expiry, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for el := l.order.Front(); el != nil; el = l.order.Front() {
		x := el.Value.(lease)
		if left := x.ends.Sub(now); left > 0 {
			return ended, left
		}
		if len(ended) == maxExpiries {
			return ended, 0
		}
		ended = append(ended, x.Expiry)
		l.drop(x.Key)
	}
	return ended, time.Hour
}

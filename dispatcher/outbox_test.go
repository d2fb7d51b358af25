package dispatcher_test

import (
	"context"
	"errors"
	"iter"
	"sync"
	"testing"
	"time"

	"tocsin/dispatcher"
	"tocsin/dispatcher/notify"
	"tocsin/fsm/model"
)

// box is the file of a node's outbox, in memory. What a dead process writes does
// not get there.
type box struct {
	mu   sync.Mutex // guards the rest
	kept map[model.Token]model.Send
	puts int
}

// slot is one process's way to the box.
type slot struct {
	*box
	dead bool // guarded by box.mu
}

func newBox() *box { return &box{kept: make(map[model.Token]model.Send)} }

func (s *slot) Put(r model.Send) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.dead {
		s.puts++
		s.kept[r.Token] = r
	}
}

func (s *slot) Drop(t model.Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.dead {
		delete(s.kept, t)
	}
}

func (s *slot) Left() []model.Send {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []model.Send
	for _, r := range s.kept {
		all = append(all, r)
	}
	return all
}

func (s *slot) die() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead = true
}

func (b *box) len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.kept)
}

// with gives a node an outbox and the claims that it may look through.
func (b *box) with(r *rig) (options, *slot) {
	s := &slot{box: b}
	return func(o *dispatcher.Options) {
		o.Outbox = s
		o.Claims = func() iter.Seq[*model.Entry] { return r.ledger.claims() }
		o.Final = func(err error) bool { return errors.Is(err, errTooLarge) }
	}, s
}

func (l *ledger) claims() iter.Seq[*model.Entry] {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []*model.Entry
	for _, e := range l.entries {
		if e.Claim != nil {
			all = append(all, e)
		}
	}
	return func(yield func(*model.Entry) bool) {
		for _, e := range all {
			if !yield(e) {
				return
			}
		}
	}
}

// die ends a node without a word.
func (r *rig) die(n *node, s *slot) {
	s.die()
	n.seat.mu.Lock()
	n.seat.deaf = true
	n.seat.mu.Unlock()
	n.mouth.mu.Lock()
	n.mouth.gone = true
	n.mouth.mu.Unlock()
	n.gone.Store(true)
	r.graves = append(r.graves, n)
	r.nodes = r.nodes[:0]
}

// crash runs a node that dies when dies says so, starts it again a while later,
// and returns when there was time for anything that may be told.
func crash(t *testing.T, after time.Duration, dies func(r *rig, n *node, die func()), check func(r *rig, b *box, again time.Duration)) {
	t.Helper()
	conf := simple("1s", "5m", "4h")
	inBubble(t, 0, conf, func(r *rig) {
		b := newBox()
		with, s := b.with(r)
		n := r.add(0, 1, with)
		n.use(1, conf)
		dead := make(chan struct{})
		var once sync.Once
		dies(r, n, func() { once.Do(func() { close(dead) }) })
		n.fire("a")
		<-dead
		r.die(n, s)
		time.Sleep(after)
		with, _ = b.with(r)
		next := r.add(0, 1, with)
		next.use(1, conf)
		again := time.Since(r.zero)
		next.fire("a")
		r.until(again + 2*time.Minute)
		check(r, b, again)
		if got := b.len(); got != 0 {
			t.Errorf("%d records are left", got)
		}
	})
}

// I12: a claim on which nothing was begun does not have to expire first.
func TestRestartGivesUnusedClaimsBack(t *testing.T) {
	crash(t, sec, func(r *rig, n *node, die func()) {
		// The claim is granted, and the node dies before it knows.
		n.seat.mu.Lock()
		n.seat.late = 10 * ms
		n.seat.mu.Unlock()
		time.AfterFunc(1200*ms, die)
	}, func(r *rig, _ *box, again time.Duration) {
		got := r.tellings()
		if len(got) != 1 || got[0].at > again+2*sec || r.ledger.tally().expiries != 0 {
			t.Errorf("started at %v, told %v, %d expiries", again, got, r.ledger.tally().expiries)
		}
	})
}

// A message that may be on its way is waited for: nobody else sends before the
// claim has expired.
func TestRestartLeavesBegunSendsToExpire(t *testing.T) {
	crash(t, sec, func(r *rig, n *node, die func()) {
		n.answer = func(ctx context.Context, _ int, _ *notify.Message) notify.Result {
			die()
			<-ctx.Done()
			return notify.Result{Err: errRefused}
		}
	}, func(r *rig, _ *box, again time.Duration) {
		got := r.tellings()
		if len(got) != 1 || got[0].at < 11*sec || got[0].at > 15*sec || r.ledger.tally().expiries != 1 {
			t.Errorf("started at %v, told %v, %d expiries", again, got, r.ledger.tally().expiries)
		}
	})
}

// I11: what the receiver has taken is not told again, although the sender died
// before the ledger knew; whether it comes back before or after its claim has
// expired.
func TestRestartSettlesWhatArrived(t *testing.T) {
	for _, after := range []time.Duration{sec, 30 * sec} {
		crash(t, after, func(r *rig, n *node, die func()) {
			n.answer = func(context.Context, int, *notify.Message) notify.Result {
				n.seat.mu.Lock()
				n.seat.deaf = true
				n.seat.mu.Unlock()
				time.AfterFunc(500*ms, die)
				return notify.Result{}
			}
		}, func(r *rig, b *box, again time.Duration) {
			got, tally := r.tellings(), r.ledger.tally()
			if len(got) != 1 || got[0].at > again || len(tally.history) != 1 {
				t.Errorf("started at %v, told %v, history %+v", again, got, tally.history)
			}
			if e := onlyEntry(t, r); len(e.Must) != 1 || len(e.Maybe) != 0 {
				t.Errorf("the ledger has %+v", e)
			}
			if b.puts != 2 {
				t.Errorf("%d records were written, want two of one send", b.puts)
			}
		})
	}
}

// The same where the node comes back without a quorum: it knows what it told.
func TestRestartInACutKnowsWhatArrived(t *testing.T) {
	conf := simple("1s", "5m", "4h")
	inBubble(t, 0, conf, func(r *rig) {
		b := newBox()
		with, s := b.with(r)
		n := r.add(0, 1, with)
		n.use(1, conf)
		n.answer = func(context.Context, int, *notify.Message) notify.Result {
			n.seat.mu.Lock()
			n.seat.deaf = true
			n.seat.mu.Unlock()
			return notify.Result{}
		}
		n.fire("a")
		r.until(2 * sec)
		r.die(n, s)
		with, _ = b.with(r)
		next := r.add(0, 1, with)
		next.lose()
		next.use(1, conf)
		next.fire("a")
		r.until(time.Minute)
		if got := r.tellings(); len(got) != 1 {
			t.Errorf("told %v", got)
		}
		if b.len() != 1 {
			t.Error("the record is gone before the ledger knows")
		}
		next.find()
		r.until(2 * time.Minute)
		if got := r.tellings(); len(got) != 1 || b.len() != 0 {
			t.Errorf("told %v, %d records left", got, b.len())
		}
	})
}

// Records do not pile up: each is gone when its message is settled or given up.
func TestOutboxIsEmptied(t *testing.T) {
	conf := simple("1s", "10s", "4h")
	inBubble(t, 0, conf, func(r *rig) {
		b := newBox()
		with, _ := b.with(r)
		n := r.add(0, 1, with)
		n.use(1, conf)
		r.answer = failsBefore(r, 20*sec)
		n.fire("a job=x", "b job=y", "c job=z")
		r.until(time.Minute)
		if b.puts < 6 || b.len() != 0 {
			t.Errorf("%d records were written, %d are left", b.puts, b.len())
		}
	})
}

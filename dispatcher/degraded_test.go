package dispatcher_test

import (
	"context"
	"testing"
	"time"

	"tocsin/dispatcher"
	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/notify"
	"tocsin/fsm/model"
)

// island cuts nodes off: they see each other and nobody else of voters.
func island(voters int, nodes ...*node) {
	for i, n := range nodes {
		n.seat.mu.Lock()
		n.seat.rank, n.seat.of, n.seat.reachable, n.seat.voters = i, len(nodes), len(nodes), voters
		n.seat.mu.Unlock()
		n.lose()
	}
}

// I10: a node that may be the smaller part holds its tongue once a cut, for the
// peer timeout from the loss of the quorum and what a heal takes, and then sends at
// once.
func TestLonelyNodeHoldsOnce(t *testing.T) {
	inBubble(t, 1, simple("1s", "10s", "4h"), func(r *rig) {
		n := r.nodes[0]
		r.until(5 * sec)
		island(3, n)
		n.fire("a job=x")
		r.until(22*sec + 499*ms)
		r.wants()
		r.until(23 * sec)
		r.wants("22.5s hook firing a")
		if got := gauge(t, n, "tocsin_degraded"); got != 1 {
			t.Errorf("tocsin_degraded is %v", got)
		}
		r.until(30 * sec)
		n.fire("b job=y")
		r.until(60 * sec)
		r.wants("31s hook firing b")
	})
}

func gauge(t *testing.T, n *node, name string) float64 {
	t.Helper()
	fs, err := n.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fs {
		if f.GetName() == name {
			m := f.GetMetric()[0]
			if m.GetGauge() != nil {
				return m.GetGauge().GetValue()
			}
			return m.GetCounter().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

// A cut that heals while the tongue is held costs nobody a second message.
func TestShortCutIsNotToldTwice(t *testing.T) {
	inBubble(t, 3, simple("1s", "60s", "4h"), func(r *rig) {
		island(3, r.nodes[2])
		r.fire("a")
		r.until(10 * sec)
		r.nodes[2].find()
		r.until(100 * sec)
		r.wants("1s hook firing a")
	})
}

// I10: on an island without a quorum ranks take turns, the peer timeout apart,
// and gossip tells those who wait.
func TestIslandTakesTurns(t *testing.T) {
	inBubble(t, 2, simple("1s", "60s", "4h"), func(r *rig) {
		island(5, r.nodes...)
		r.fire("a")
		r.until(100 * sec)
		r.wants("17.5s hook firing a")
		// The first is gone for good; the second tells, one peer timeout later
		// than its tick.
		r.nodes[0].stop()
		r.nodes[1].fire("b")
		r.until(200 * sec)
		if m := r.last(); len(r.tellings()) != 1 || m.node != "n1" || m.at != 121*sec+15*sec {
			t.Errorf("told %v by %s", r.tellings(), m.node)
		}
	})
}

// What gossip still sees of the others when the quorum goes says nothing: it
// misses them later, so the tongue is held in any case.
func TestNoLeaderButMajority(t *testing.T) {
	inBubble(t, 2, simple("1s", "60s", "4h"), func(r *rig) {
		island(3, r.nodes...)
		r.fire("a")
		r.until(50 * sec)
		r.wants("17.5s hook firing a")
	})
}

// A leader that is known but answers nothing is as good as none, and is asked
// again now and then.
func TestUnansweredClaims(t *testing.T) {
	inBubble(t, 1, simple("1s", "10s", "4h"), func(r *rig) {
		n := r.nodes[0]
		n.seat.mu.Lock()
		n.seat.deaf = true
		n.seat.mu.Unlock()
		n.fire("a job=x")
		r.until(8 * sec)
		r.wants("4s hook firing a")
		n.seat.mu.Lock()
		n.seat.deaf = false
		n.seat.mu.Unlock()
		n.mouth.drain(r.ledger)
		r.until(20 * sec)
		n.fire("b job=y")
		r.until(40 * sec)
		if m := r.last(); len(r.tellings()) != 1 || m.degraded || m.at != 21*sec {
			t.Errorf("told %v", r.tellings())
		}
		if n.Degraded() {
			t.Error("still degraded")
		}
	})
}

// Heal: what was sent is in the ledger, and nobody is told again.
func TestHealTellsNothingAgain(t *testing.T) {
	inBubble(t, 3, simple("1s", "10s", "4h"), func(r *rig) {
		r.gossip.apart = func(a, b model.NodeID) bool { return (a == "n2") != (b == "n2") }
		r.fire("a")
		r.until(5 * sec)
		r.wants("1s hook firing a")
		island(3, r.nodes[2])
		for i, n := range r.nodes[:2] {
			n.seat.mu.Lock()
			n.seat.rank, n.seat.of, n.seat.reachable = i, 2, 2
			n.seat.mu.Unlock()
		}
		r.until(30 * sec)
		r.wants()
		// The lonely node alone hears of b, the others of c.
		r.nodes[2].fire("b")
		r.nodes[0].fire("c")
		r.nodes[1].fire("c")
		r.until(60 * sec)
		if len(r.tellings()) != 2 {
			t.Fatalf("told %v", r.tellings())
		}
		r.forget()
		r.nodes[2].find()
		for i, n := range r.nodes {
			n.seat.mu.Lock()
			n.seat.rank, n.seat.of, n.seat.reachable = i, 3, 3
			n.seat.mu.Unlock()
		}
		// The exchange brings both everywhere.
		for _, n := range r.nodes {
			for _, o := range r.nodes {
				for rec := range o.store.All() {
					n.Merge([]alert.Alert{*rec.Load()})
				}
			}
		}
		r.until(120 * sec)
		// Each side did not know what the other told, so both are told once
		// more, and then no more.
		if len(r.tellings()) != 1 || r.tellings()[0].firing != "a,b,c" {
			t.Errorf("told %v", r.tellings())
		}
		r.forget()
		r.until(600 * sec)
		r.wants()
	})
}

// The same where one side only had something to say: it is adopted.
func TestHealAdoptsTheOnlyLine(t *testing.T) {
	inBubble(t, 3, simple("1s", "10s", "4h"), func(r *rig) {
		island(3, r.nodes...)
		r.fire("a")
		r.until(30 * sec)
		r.wants("17.5s hook firing a")
		for _, n := range r.nodes {
			n.seat.back()
		}
		r.until(40 * sec)
		for _, n := range r.nodes {
			n.mouth.drain(r.ledger)
		}
		r.until(600 * sec)
		r.wants()
		if e := onlyEntry(t, r); len(e.Must) != 1 || len(e.Maybe) != 0 {
			t.Errorf("entry %+v", e)
		}
	})
}

// An overlay that is not merged, although there is a quorum again, costs a wait
// and not a message every interval.
func TestUnmergedOverlayIsNotRepeated(t *testing.T) {
	inBubble(t, 2, simple("1s", "10s", "4h"), func(r *rig) {
		island(2, r.nodes...)
		r.fire("a")
		r.until(18 * sec)
		r.wants("17.5s hook firing a")
		for _, n := range r.nodes {
			n.seat.back()
		}
		r.fire("b")
		r.until(30 * sec)
		r.wants("26s hook firing a,b")
		r.resolve("a")
		r.until(50 * sec)
		r.forget()
		r.until(600 * sec)
		r.wants()
	})
}

// A lonely node does not call resolved what only was not heard of again, but
// what somebody said is resolved it does.
func TestLonelyNodeTellsNoTimeouts(t *testing.T) {
	inBubble(t, 1, simple("1s", "10s", "4h"), func(r *rig) {
		n := r.nodes[0]
		n.post(20*sec, "silent")
		n.fire("said")
		r.until(2 * sec)
		r.wants("1s hook firing said,silent")
		island(3, n)
		r.until(60 * sec)
		r.wants()
		n.resolve("said")
		r.until(75 * sec)
		r.wants("1m1s hook resolved said")
		n.find()
		// The others, once they are in sight, may know better for a while.
		r.until(90 * sec)
		r.wants()
		r.until(100 * sec)
		r.wants("1m31s hook resolved silent")
		if len(n.Groups(dispatcher.GroupFilter{Resolved: true})) != 0 {
			t.Error("the group is still there")
		}
	})
}

// A disk that hangs holds no page back.
func TestHangingDiskDoesNotHoldPages(t *testing.T) {
	inBubble(t, 1, simple("1s", "10s", "4h"), func(r *rig) {
		n := r.nodes[0]
		n.mouth.hang = make(chan struct{})
		n.lose()
		n.fire("a")
		r.until(100 * sec)
		r.wants("4s hook firing a")
		if got := gauge(t, n, "tocsin_overlay_writes_failed_total"); got == 0 {
			t.Error("the failed write is not counted")
		}
		close(n.mouth.hang)
	})
}

// A reload while a send without a quorum is under way: the new epoch waits for
// how it ends.
func TestReloadDuringLonelySend(t *testing.T) {
	conf := simple("1s", "10s", "4h")
	inBubble(t, 1, conf, func(r *rig) {
		n := r.nodes[0]
		r.answer = sleeps(3 * sec)
		n.lose()
		n.fire("a")
		r.until(5 * sec)
		n.use(1, conf)
		r.until(100 * sec)
		r.wants("6s hook firing a")
	})
}

// A claim that is granted after its node went on without an answer is given
// back, and keeps nobody waiting until it expires.
func TestStrayClaimIsGivenBack(t *testing.T) {
	inBubble(t, 1, simple("1s", "5s", "4h"), func(r *rig) {
		n := r.nodes[0]
		n.seat.mu.Lock()
		n.seat.late = 4 * sec
		n.seat.mu.Unlock()
		n.fire("a")
		r.until(4500 * ms)
		r.wants("4s hook firing a")
		r.until(5500 * ms)
		n.mouth.drain(r.ledger)
		n.fire("b")
		r.until(9 * sec)
		if r.ledger.tally().expiries != 0 || len(r.tellings()) != 1 || r.tellings()[0].firing != "a,b" {
			t.Errorf("told %v, %d claims expired", r.tellings(), r.ledger.tally().expiries)
		}
	})
}

// I8, I11: killed while it sends without a quorum, the node tells it again after
// its start, because what it kept is in doubt.
func TestKilledDuringLonelySend(t *testing.T) {
	conf := simple("1s", "10s", "4h")
	inBubble(t, 1, conf, func(r *rig) {
		n := r.nodes[0]
		dead := make(chan struct{})
		defer close(dead)
		r.answer = func(_ context.Context, k int, _ *notify.Message) notify.Result {
			if k == 1 {
				<-dead
				return notify.Result{Err: errRefused}
			}
			return notify.Result{}
		}
		n.lose()
		n.fire("a")
		r.until(10 * sec)
		r.wants()
		again := r.add(0, 1)
		again.mouth.gossip = n.mouth.gossip
		again.use(1, conf)
		again.lose()
		again.fire("a")
		r.until(30 * sec)
		if len(r.tellings()) != 1 || r.tellings()[0].firing != "a" || r.tellings()[0].reason != model.ReasonFirst {
			t.Errorf("told %v, %s", r.tellings(), r.tellings()[0].reason)
		}
	})
}

// A node whose clock is ahead says when to try again; the others believe it for
// a minute at most.
func TestNotBeforeOfAFaultyClock(t *testing.T) {
	inBubble(t, 2, simple("1s", "10s", "4h"), func(r *rig) {
		r.nodes[0].shift.Store(int64(5 * time.Hour))
		r.answer = failsBefore(r, 20*sec)
		for _, n := range r.nodes {
			n.Post([]alert.Alert{make1("a", time.Now(), time.Now().Add(9*time.Hour), n.now())})
		}
		r.until(10 * sec)
		// The node with the faulty clock is gone.
		r.nodes[0].stop()
		r.until(100 * sec)
		if len(r.tellings()) != 1 {
			t.Errorf("told %v", r.tellings())
		}
	})
}

// Failures without a quorum are tried again, ever less often.
func TestRetryWithoutQuorum(t *testing.T) {
	inBubble(t, 1, simple("1s", "1m", "4h"), func(r *rig) {
		n := r.nodes[0]
		r.answer = failsBefore(r, 20*sec)
		n.lose()
		n.fire("a")
		r.until(50 * sec)
		if len(r.tellings()) != 1 || len(r.moments()) > 20 {
			t.Errorf("told %v after %d tries", r.tellings(), len(r.moments()))
		}
	})
}

// I16: clocks an hour off, on any node, delay nothing by more than an interval
// and send nothing twice.
func TestClockFaults(t *testing.T) {
	for _, shift := range []time.Duration{time.Hour, -time.Hour} {
		for faulty := range 4 {
			inBubble(t, 3, simple("1s", "10s", "4h"), func(r *rig) {
				if faulty < 3 {
					r.nodes[faulty].shift.Store(int64(shift))
				} else {
					r.ledger.clock = func() time.Time { return time.Now().Add(shift) }
				}
				r.answer = func(ctx context.Context, n int, m *notify.Message) notify.Result {
					if n == 2 {
						return notify.Result{Err: errRefused, Retryable: true}
					}
					return notify.Result{}
				}
				fireFor := func(spec string) {
					for _, n := range r.nodes {
						// The source's clock is right.
						n.Post([]alert.Alert{make1(spec, time.Now(), time.Now().Add(9*time.Hour), n.now())})
					}
				}
				fireFor("a")
				r.until(15 * sec)
				if len(r.tellings()) != 1 {
					t.Errorf("%v on %d: told %v", shift, faulty, r.tellings())
				}
				fireFor("b")
				r.until(45 * sec)
				if len(r.tellings()) != 2 {
					t.Errorf("%v on %d: told %v", shift, faulty, r.tellings())
				}
				r.until(600 * sec)
				if len(r.tellings()) != 2 {
					t.Errorf("%v on %d: told %v", shift, faulty, r.tellings())
				}
			})
		}
	}
}

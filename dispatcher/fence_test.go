package dispatcher_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"tocsin/dispatcher/notify"
)

// suspends has a node stand still for d, once, before it can write its next
// request: nothing of it is heard of in that time, and none of its timers counts.
func (n *node) suspends(d time.Duration) {
	done := false
	n.connect = func() {
		if done {
			return
		}
		done = true
		n.seat.mu.Lock()
		n.seat.deaf = true
		n.seat.mu.Unlock()
		time.Sleep(d)
		n.seat.mu.Lock()
		n.seat.deaf = false
		n.seat.mu.Unlock()
	}
}

// I9, I17: a sender that stood still between its grant and the socket looks at
// its lease before it writes: another has told a newer state meanwhile.
func TestSuspendedSenderDoesNotSendWhatWas(t *testing.T) {
	inBubble(t, 2, simple("1s", "10s", "4h"), func(r *rig) {
		r.nodes[0].suspends(40 * sec)
		r.fire("a")
		r.until(20 * sec)
		r.wants("11s hook firing a")
		r.nodes[1].resolve("a")
		r.until(35 * sec)
		r.wants("21.5s hook resolved a")
		r.nodes[0].resolve("a")
		r.until(100 * sec)
		r.wants()
		if got := gauge(t, r.nodes[0], "tocsin_notifications_kept_back_total"); got != 1 {
			t.Errorf("%v messages were kept back", got)
		}
	})
}

// I17: an alert that is over, and of which it is in doubt what was told last, is
// not told as firing by a view of before: its end is what is left to tell.
func TestOldViewInDoubtIsNotTold(t *testing.T) {
	inBubble(t, 1, simple("1s", "20s", "4h"), func(r *rig) {
		r.answer = failsBefore(r, 12*sec)
		r.fire("a")
		r.until(5 * sec)
		r.resolve("a")
		r.until(30 * sec)
		r.wants("21s hook resolved a")
		r.until(30 * time.Minute)
		r.wants()
	})
}

// I17: nor when it is back in step: what fired at its last look, ended and was told
// as resolved by others is not told as firing again.
func TestOldViewIsNotTold(t *testing.T) {
	inBubble(t, 2, simple("1s", "10m", "4h"), func(r *rig) {
		// The other node looks again while this one stands still.
		r.nodes[1].use(1, simple("1s", "10s", "4h"))
		r.nodes[0].suspends(40 * sec)
		r.fire("a")
		r.until(20 * sec)
		r.nodes[1].resolve("a")
		r.until(35 * sec)
		r.wants("11s hook firing a", "21.5s hook resolved a")
		// It hears of the end as soon as it goes on, before its next look.
		r.nodes[0].resolve("a")
		r.until(30 * time.Minute)
		r.wants()
	})
}

// The same between two tries.
func TestSuspendedBetweenTries(t *testing.T) {
	inBubble(t, 2, simple("1s", "10s", "4h"), func(r *rig) {
		n := r.nodes[0]
		n.answer = func(context.Context, int, *notify.Message) notify.Result {
			// It stands still as soon as the first try has failed; that the
			// wall clock went on is all that it could know.
			n.shift.Store(int64(time.Minute))
			return notify.Result{Err: errRefused, Retryable: true}
		}
		r.nodes[1].seat.mu.Lock()
		r.nodes[1].seat.rank = 1
		r.nodes[1].seat.mu.Unlock()
		r.fire("a")
		r.until(5 * sec)
		if got := len(r.moments()); got != 2 {
			t.Errorf("asked %d times, want once by either node", got)
		}
		if got := r.tellings(); len(got) != 1 || got[0].node != "n1" {
			t.Errorf("told %v", got)
		}
	})
}

// Without a quorum too: a node that stood still looks again.
func TestSuspendedLonelySender(t *testing.T) {
	inBubble(t, 1, simple("1s", "10s", "4h"), func(r *rig) {
		n := r.nodes[0]
		n.lose()
		n.connect = func() {
			if n.shift.CompareAndSwap(0, int64(time.Minute)) {
				n.resolve("b")
			}
		}
		n.fire("a", "b")
		r.until(30 * sec)
		if got := r.tellings(); len(got) == 0 || got[0].firing != "a,b" || gauge(t, n, "tocsin_notifications_kept_back_total") != 1 {
			t.Errorf("told %v", got)
		}
	})
}

// A node that sends without a quorum stops before it writes when the others have
// told meanwhile: the quorum is back, or gossip says so.
func TestLonelySenderIsOvertaken(t *testing.T) {
	inBubble(t, 2, simple("1s", "1m", "4h"), func(r *rig) {
		island(3, r.nodes[0])
		r.nodes[1].seat.mu.Lock()
		r.nodes[1].seat.rank = 0
		r.nodes[1].seat.mu.Unlock()
		first := true
		r.nodes[0].connect = func() {
			if first {
				first = false
				time.Sleep(2 * sec)
				r.nodes[0].find()
			}
		}
		r.fire("a")
		r.until(3 * time.Minute)
		r.wants("1s hook firing a")
	})
	inBubble(t, 2, simple("1s", "1m", "4h"), func(r *rig) {
		island(5, r.nodes...)
		first := true
		r.nodes[0].connect = func() {
			if first {
				first = false
				time.Sleep(20 * sec) // so that it is the turn of the next
			}
		}
		r.fire("a")
		r.until(3 * time.Minute)
		r.wants("32.5s hook firing a")
	})
}

// Nor does it write when it hears meanwhile that the others have a quorum.
func TestLonelySenderHearsOfAQuorum(t *testing.T) {
	inBubble(t, 1, simple("1s", "10m", "4h"), func(r *rig) {
		n := r.nodes[0]
		island(3, n)
		n.connect = func() {
			n.seat.mu.Lock()
			defer n.seat.mu.Unlock()
			n.seat.elsewhere = true
		}
		n.fire("a")
		r.until(2 * time.Minute)
		r.wants()
		if got := gauge(t, n, "tocsin_notifications_kept_back_total"); got != 1 {
			t.Errorf("%v messages were kept back", got)
		}
	})
}

// unsentWhile is the answer of a receiver that cannot be reached while it is so.
func unsentWhile(unreachable *atomic.Bool) func(context.Context, int, *notify.Message) notify.Result {
	return func(context.Context, int, *notify.Message) notify.Result {
		if unreachable.Load() {
			return notify.Result{Err: errRefused, Retryable: true, Unsent: true}
		}
		return notify.Result{}
	}
}

// A node that has lost its whole network cannot tell anything, and knows that
// nothing arrived: once it is back the others have nothing to tell again.
func TestUnsentIsNotDoubted(t *testing.T) {
	inBubble(t, 2, simple("1s", "10s", "4h"), func(r *rig) {
		cut := r.nodes[0]
		r.nodes[1].seat.mu.Lock()
		r.nodes[1].seat.rank = 0
		r.nodes[1].seat.mu.Unlock()
		var unreachable atomic.Bool
		cut.answer = unsentWhile(&unreachable)
		r.fire("a")
		r.until(5 * sec)
		unreachable.Store(true)
		island(3, cut)
		r.fire("b")
		r.until(60 * sec)
		if len(r.moments()) < 3 {
			t.Fatal("the node that is cut off does not even try")
		}
		unreachable.Store(false)
		cut.find()
		r.until(5 * time.Minute)
		r.wants("1s hook firing a", "11s hook firing a,b")
		if e := onlyEntry(t, r); len(e.Maybe) != 0 {
			t.Errorf("in doubt are %v", e.Maybe)
		}
	})
}

// What could not be sent at all, and resolved before anybody told it, is told as
// resolved, during the cut or after it.
func TestUnsentThenResolvedIsTold(t *testing.T) {
	for _, healed := range []bool{false, true} {
		inBubble(t, 1, simple("1s", "10s", "4h"), func(r *rig) {
			n := r.nodes[0]
			var unreachable atomic.Bool
			unreachable.Store(true)
			n.answer = unsentWhile(&unreachable)
			n.lose()
			n.fire("a")
			r.until(15 * sec)
			n.resolve("a")
			r.until(25 * sec)
			r.wants()
			if healed {
				n.find()
			}
			unreachable.Store(false)
			r.until(2 * time.Minute)
			if got := r.tellings(); len(got) != 1 || got[0].resolved != "a" {
				t.Errorf("healed %v: told %v", healed, got)
			}
		})
	}
}

// A sender that gets no connection to the receiver hands over at once: one that
// does not can reach it from where it is.
func TestUnreachableReceiverIsHandedOver(t *testing.T) {
	inBubble(t, 3, simple("1s", "35s", "4h"), func(r *rig) {
		r.nodes[0].answer = func(ctx context.Context, _ int, m *notify.Message) notify.Result {
			<-time.After(m.Connect)
			return notify.Result{Err: errRefused, Retryable: true, Unsent: true}
		}
		r.fire("a")
		r.until(10 * sec)
		r.wants("5s hook firing a")
		r.until(5 * time.Minute)
		r.wants()
	})
}

// Where nobody reaches it in the first seconds, connecting may take longer.
func TestSlowConnectionIsWaitedFor(t *testing.T) {
	inBubble(t, 1, simple("1s", "35s", "4h"), func(r *rig) {
		r.answer = func(ctx context.Context, _ int, m *notify.Message) notify.Result {
			if m.Connect > 7*sec {
				<-time.After(7 * sec)
				return notify.Result{}
			}
			<-time.After(m.Connect)
			return notify.Result{Err: errRefused, Retryable: true, Unsent: true}
		}
		r.fire("a")
		r.until(2 * time.Minute)
		if got := r.tellings(); len(got) != 1 {
			t.Errorf("told %v", got)
		}
	})
}

package dispatcher_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"tocsin/dispatcher"
	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/notify"
)

// An alert that was only not heard of again comes back between the tick and the
// hold: there is nothing to say then, and it is not asked for again and again.
func TestSilentAlertComesBackBeforeHold(t *testing.T) {
	inBubble(t, 1, simple("1s", "10s", "4h"), func(r *rig) {
		n := r.nodes[0]
		n.fire("a")
		n.post(15*sec, "h")
		r.until(20 * sec)
		r.wants("1s hook firing a,h")
		n.seat.mu.Lock()
		n.seat.latency = 500 * ms
		n.seat.mu.Unlock()
		r.until(21*sec + 100*ms)
		n.Post([]alert.Alert{make1("h", r.zero, time.Now().Add(time.Hour), time.Now())})
		before := r.ledger.tally().grants
		r.until(30 * sec)
		r.wants()
		if got := r.ledger.tally().grants - before; got > 1 {
			t.Errorf("%d claims for nothing", got)
		}
	})
}

func isTooLarge(o *dispatcher.Options) {
	o.Final = func(err error) bool { return errors.Is(err, errTooLarge) }
}

// A claim that is refused for good is not repeated for ever: the message goes
// out without one, and the node is not degraded for it.
func TestRefusedClaim(t *testing.T) {
	inBubble(t, 1, simple("1s", "10s", "4h"), func(r *rig) {
		n := r.nodes[0]
		n.seat.mu.Lock()
		n.seat.refuses = true
		n.seat.mu.Unlock()
		n.fire("a")
		r.until(60 * sec)
		r.wants("1.05s hook firing a")
		if n.Degraded() {
			t.Error("degraded")
		}
	}, isTooLarge)
}

// A settlement that is refused is an answer too.
func TestRefusedSettlement(t *testing.T) {
	inBubble(t, 1, simple("1s", "10s", "4h"), func(r *rig) {
		n := r.nodes[0]
		r.answer = func(context.Context, int, *notify.Message) notify.Result {
			n.seat.mu.Lock()
			defer n.seat.mu.Unlock()
			n.seat.refuses = true
			return notify.Result{}
		}
		n.fire("a")
		r.until(9 * sec)
		r.wants("1s hook firing a")
		if n.Degraded() {
			t.Error("degraded")
		}
	}, isTooLarge)
}

// A node that cannot get the cluster's configuration tells what nobody else does.
func TestStaleConfigurationFailsOpen(t *testing.T) {
	inBubble(t, 1, simple("1s", "5m", "4h"), func(r *rig) {
		r.ledger.setConfig(2)
		r.nodes[0].fire("a")
		r.until(20 * sec)
		r.wants()
		r.until(100 * sec)
		if len(r.tellings()) != 1 || r.tellings()[0].at > 35*sec {
			t.Errorf("told %v", r.tellings())
		}
	})
}

// A late grant is given back although its delivery is quiet.
func TestStrayOfAQuietDelivery(t *testing.T) {
	inBubble(t, 1, simple("1s", "5m", "4h"), func(r *rig) {
		n := r.nodes[0]
		n.seat.mu.Lock()
		n.seat.late = 4 * sec
		n.seat.mu.Unlock()
		n.fire("a")
		r.until(6 * sec)
		r.wants("4s hook firing a")
		if e := onlyEntry(t, r); e.Claim != nil {
			t.Errorf("the claim is still there: %+v", e.Claim)
		}
	})
}

// Stop says so when its time was not enough.
func TestStopThatCutsOff(t *testing.T) {
	inBubble(t, 1, simple("1s", "5m", "4h"), func(r *rig) {
		n := r.nodes[0]
		r.answer = sleeps(time.Minute)
		n.fire("a")
		r.until(2 * sec)
		ctx, cancel := context.WithTimeout(context.Background(), sec)
		defer cancel()
		if err := n.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("stop: %v", err)
		}
	})
}

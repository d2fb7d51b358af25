package dispatcher

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"tocsin/fsm/model"
)

// A claim that nobody answered in a cut says nothing of the time after it: a
// node with nothing to send is not degraded until it has.
func TestUnansweredClaimOfACutIsForgottenAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &cut{peerTimeout: 15 * time.Second, now: time.Now, logger: slog.New(slog.DiscardHandler)}
		whole := model.Quorum{Held: true, Reachable: 3, Voters: 3}
		look := func(q model.Quorum) bool { return c.mode(q, time.Now()).degraded }

		began := time.Now()
		if look(whole) {
			t.Fatal("degraded before the cut")
		}
		time.Sleep(claimTimeout)
		c.unanswered(began)
		if !look(model.Quorum{LostAt: time.Now(), Reachable: 1, Voters: 3}) {
			t.Fatal("not degraded in the cut")
		}
		time.Sleep(time.Minute)
		look(whole)
		time.Sleep(claimTimeout - time.Millisecond)
		if !look(whole) {
			t.Error("a quorum that may only flap ended the degraded mode at once")
		}
		time.Sleep(time.Millisecond)
		if look(whole) {
			t.Error("still degraded, although the quorum has been back for a while")
		}

		// Without a loss, only an answer ends it.
		c.unanswered(time.Now())
		time.Sleep(time.Minute)
		if !look(whole) {
			t.Error("an unanswered claim under quorum was forgotten")
		}
		c.answered()
		if look(whole) {
			t.Error("still degraded after an answer")
		}
	})
}

package doctor_test

import (
	"testing"
	"time"

	"tocsin/cmd/tocsin/doctor"
	"tocsin/fsm/model"
)

// TestFindFailing: an integration fails if nothing has got through to it since,
// and only if it has been tried lately.
func TestFindFailing(t *testing.T) {
	row := func(receiver string, o model.Outcome, ago time.Duration) model.Delivery {
		return model.Delivery{
			Key: model.DeliveryKey{Receiver: receiver, Integration: "webhook[0]"}, Outcome: o,
			Stamp: model.Millis(now.Add(-ago).UnixMilli()), Error: "no route to " + receiver,
		}
	}
	got := doctor.FindFailing([]model.Delivery{
		row("broken", model.OutcomeFailed, time.Minute),
		row("mended", model.OutcomeSent, 2*time.Minute),
		row("mended", model.OutcomeFailed, 3*time.Minute),
		row("broken", model.OutcomeExpired, 4*time.Minute),
		row("broken", model.OutcomeFailed, 20*time.Minute),
		row("broken", model.OutcomeSent, 30*time.Minute),
		row("broken", model.OutcomeFailed, 40*time.Minute),
		row("long ago", model.OutcomeFailed, time.Hour),
	}, now)
	want := doctor.Failing{Receiver: "broken", Integration: "webhook[0]", Times: 2, Since: now.Add(-20 * time.Minute), Error: "no route to broken"}
	if len(got) != 1 || !got[0].Since.Equal(want.Since) {
		t.Fatalf("failing: %+v, want %+v", got, want)
	}
	if got[0].Since = want.Since; got[0] != want {
		t.Errorf("failing: %+v, want %+v", got[0], want)
	}
}

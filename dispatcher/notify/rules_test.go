package notify_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/dispatcher/notify"
	"tocsin/fsm/model"
)

func TestBackoff(t *testing.T) {
	for failed, want := range map[int]time.Duration{
		-1: 0, 0: 0, 1: 500 * time.Millisecond, 2: 750 * time.Millisecond, 3: 1125 * time.Millisecond, 100: time.Minute, 1 << 40: time.Minute,
	} {
		if got := notify.Backoff(failed, 0.5); got != want {
			t.Errorf("after %d tries the wait is %v, want %v", failed, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		failed, chance := rapid.IntRange(1, 1000).Draw(t, "failed"), rapid.Float64Range(0, 0.999).Draw(t, "chance")
		got, middle := notify.Backoff(failed, chance), notify.Backoff(failed, 0.5)
		if got < middle/2 || got >= middle*3/2 {
			t.Fatalf("the wait %v is not around %v", got, middle)
		}
		if next := notify.Backoff(failed+1, 0.5); next < middle {
			t.Fatalf("the wait shrinks from %v to %v", middle, next)
		}
	})
}

// TestDeliveryID: equal for equal messages (I3), in whatever order the sets were
// made, and different where any part is.
func TestDeliveryID(t *testing.T) {
	key := model.DeliveryKey{Group: "g", Receiver: "r", Integration: "i"}
	set := model.NewAlertSet
	base := notify.DeliveryID("c", key, 3, set(2, 1), set(5))
	if again := notify.DeliveryID("c", key, 3, set(1, 2, 2), set(5)); again != base || len(base) != 32 {
		t.Errorf("the same message has the IDs %s and %s", base, again)
	}
	moved := model.DeliveryKey{Group: "gr", Receiver: "", Integration: "i"}
	others := map[string]string{
		"cluster":    notify.DeliveryID("d", key, 3, set(1, 2), set(5)),
		"key":        notify.DeliveryID("c", moved, 3, set(1, 2), set(5)),
		"generation": notify.DeliveryID("c", key, 4, set(1, 2), set(5)),
		"firing":     notify.DeliveryID("c", key, 3, set(1), set(5)),
		"resolved":   notify.DeliveryID("c", key, 3, set(1, 2), set()),
		"sides":      notify.DeliveryID("c", key, 3, set(1), set(2, 5)),
	}
	seen := map[string]string{base: "base"}
	for what, id := range others {
		if before, ok := seen[id]; ok {
			t.Errorf("another %s has the ID of %s", what, before)
		}
		seen[id] = what
	}
	// The ID is in the wild: on mails and in receivers' memories. It may not
	// change from one release to the next.
	if base != "395315c06dae7cf0d84532dc2f978968" {
		t.Errorf("the ID is %s", base)
	}
}

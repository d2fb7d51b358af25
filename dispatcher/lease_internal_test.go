package dispatcher

import (
	"testing"
	"testing/synctest"
	"time"
)

// A message that left while the lease was good did so, however late that is looked
// at; unless the wall clock says that more time has gone by than the other.
func TestLeaseCoversWhatWasSentInIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ahead time.Duration
		l := newLease(func() time.Time { return time.Now().Add(ahead) })
		begun := time.Now()
		at := func(d time.Duration) time.Time { return begun.Add(d) }
		time.Sleep(2 * time.Second)
		if !l.covers(time.Time{}) || !l.covers(at(time.Second)) {
			t.Error("not covered while it is good")
		}
		time.Sleep(38 * time.Second)
		for d, want := range map[time.Duration]bool{
			0: true, 2 * time.Second: true, leaseTerm - time.Millisecond: true, leaseTerm: false, 39 * time.Second: false,
		} {
			if got := l.covers(at(d)); got != want {
				t.Errorf("sent after %v: %v", d, got)
			}
		}
		if l.covers(time.Time{}) {
			t.Error("covered after its end")
		}
		ahead = 10 * time.Second
		if l.covers(at(2 * time.Second)) {
			t.Error("covered, although the machine slept")
		}
		l.restart(l.clocks())
		if !l.covers(at(2 * time.Second)) {
			t.Error("not covered by a lease that was renewed since")
		}
	})
}

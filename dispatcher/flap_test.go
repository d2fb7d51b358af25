package dispatcher_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// flap has the quorum come and go until stop is called: held for so long in
// every period, from at on.
func (n *node) flap(at, held, period time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	sleep := func(d time.Duration) bool {
		select {
		case <-time.After(d):
			return true
		case <-ctx.Done():
			return false
		}
	}
	go func() {
		defer close(ended)
		for sleep(at) {
			n.lose()
			if !sleep(period - held) {
				break
			}
			n.seat.back()
			at = held
		}
		n.seat.back()
	}()
	return func() {
		cancel()
		<-ended
	}
}

// I1, I10: a quorum that comes and goes, and answers nothing, is none, whenever
// in its course it is looked at.
func TestFlappingQuorum(t *testing.T) {
	for phase := time.Duration(0); phase < 2*sec; phase += 37 * ms {
		for _, deaf := range []bool{true, false} {
			inBubble(t, 1, simple("1s", "5m", "4h"), func(r *rig) {
				n := r.nodes[0]
				// Deaf: what is asked while it is there is not answered. Slow:
				// it is gone again before it could.
				n.seat.mu.Lock()
				n.seat.deaf = deaf
				n.seat.mu.Unlock()
				n.seat.mu.Lock()
				n.seat.latency = 150 * ms
				n.seat.mu.Unlock()
				defer n.flap(phase, 100*ms, 2*sec)()
				n.fire("a")
				r.until(20 * sec)
				if got := r.tellings(); phase < sec && (len(got) != 1 || got[0].at > 5500*ms) {
					t.Errorf("phase %v, deaf %v: told %v", phase, deaf, got)
				}
			})
		}
	}
}

// A cut that comes and goes is not told twice: each loss is waited out anew, as
// long as what the others tell gets through in between.
func TestFlappingCutIsNotToldTwice(t *testing.T) {
	for phase := time.Duration(0); phase < 4*sec; phase += 130 * ms {
		inBubble(t, 2, simple("1s", "10s", "4h"), func(r *rig) {
			cut := r.nodes[0]
			cut.seat.mu.Lock()
			cut.seat.voters, cut.seat.reachable = 3, 1
			cut.seat.mu.Unlock()
			r.nodes[1].seat.mu.Lock()
			r.nodes[1].seat.rank, r.nodes[1].seat.of = 0, 1
			r.nodes[1].seat.mu.Unlock()
			defer cut.flap(phase, 500*ms, 4*sec)()
			for i, name := range []string{"a", "b", "c", "d", "e", "f"} {
				time.Sleep(time.Duration(7*i) * sec)
				r.fire(name + " job=" + name)
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			if got := r.tellings(); len(got) != 6 {
				t.Errorf("phase %v: told %v", phase, got)
			}
		})
	}
}

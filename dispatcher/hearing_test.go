package dispatcher_test

import (
	"sync/atomic"
	"testing"
	"time"

	"tocsin/dispatcher"
)

const powerAndHosts = `
route: {receiver: hook, group_by: [alertname], group_wait: 1s, group_interval: 10s, repeat_interval: 4h}
inhibit_rules:
- source_matchers: [alertname="power"]
  target_matchers: [alertname="host"]
receivers:
- name: hook
  webhook_configs: [{url: 'http://localhost/'}]
`

// A lonely node whose sources went silent all at once holds its judgement: what
// inhibited goes on to, although its time is over before that of what it
// inhibits.
func TestLonelyNodeHoldsItsJudgement(t *testing.T) {
	for _, speaks := range []bool{false, true} {
		inBubble(t, 1, powerAndHosts, func(r *rig) {
			n := r.nodes[0]
			n.post(60*sec, "power")
			n.post(200*sec, "host")
			r.until(5 * sec)
			r.wants("1s hook firing power")
			island(3, n)
			if speaks {
				// Another source is heard, so it is the first one that is gone.
				r.until(100 * sec)
				n.fire("other")
			}
			r.until(150 * sec)
			if speaks {
				// Both groups tick at the same moment.
				got := r.tellings()
				if len(got) != 2 || got[0].at != 101*sec || got[0].firing+got[1].firing != "hostother" && got[0].firing+got[1].firing != "otherhost" {
					t.Errorf("told %v", got)
				}
			} else {
				r.wants()
			}
		})
	}
}

// I17: after a heal, or after the process stood still, Raft may have its quorum
// before the alerts are compared. Until they are, what is over by time is not
// told; but not for ever, should the exchange be out of order.
func TestOutOfStepTellsNoTimeouts(t *testing.T) {
	for _, mends := range []bool{true, false} {
		var out atomic.Bool
		inBubble(t, 2, simple("1s", "10s", "4h"), func(r *rig) {
			n := r.nodes[0]
			r.nodes[1].seat.mu.Lock()
			r.nodes[1].seat.rank = 1
			r.nodes[1].seat.mu.Unlock()
			n.post(15*sec, "a")
			r.until(12 * sec)
			out.Store(true)
			if mends {
				r.until(25 * sec)
				// The comparison shows that it fires on.
				n.fire("a")
				out.Store(false)
			}
			r.until(40 * sec)
			r.wants("1s hook firing a")
			r.until(100 * sec)
			if mends {
				r.wants()
			} else {
				r.wants("51s hook resolved a")
			}
		}, func(o *dispatcher.Options) { o.InStep = func() bool { return !out.Load() } })
	}
}

// What a source itself calls resolved is told whether or not the node is in step.
func TestOutOfStepTellsWhatWasSaid(t *testing.T) {
	inBubble(t, 1, simple("1s", "10s", "4h"), func(r *rig) {
		n := r.nodes[0]
		n.fire("a")
		r.until(5 * sec)
		n.resolve("a")
		r.until(time.Minute)
		r.wants("1s hook firing a", "11s hook resolved a")
	}, func(o *dispatcher.Options) { o.InStep = func() bool { return false } })
}

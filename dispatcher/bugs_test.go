package dispatcher_test

import (
	"fmt"
	"testing"
	"time"

	"tocsin/dispatcher/alert"
	"tocsin/fsm/model"
)

// Each test here is named after the weakness of Alertmanager that it shows we do
// not have: the inventory's section 10, A for one process, B for several.

func TestA1RefireAfterResolveUnderSilencePages(t *testing.T) {
	inBubble(t, 1, simple("1s", "10s", "4h"), func(r *rig) {
		n := r.nodes[0]
		n.fire("a")
		r.until(2 * sec)
		r.wants("1s hook firing a")
		r.sils.put("s", "a", time.Now(), time.Now().Add(20*sec))
		r.until(5 * sec)
		n.resolve("a")
		r.until(30 * sec)
		r.wants()
		n.fire("a")
		r.until(32 * sec)
		r.wants("31s hook firing a")
		r.until(3600 * sec)
		r.wants()
	})
}

// The same while something else in the group keeps firing.
func TestA1RefireInOpenGroupPages(t *testing.T) {
	inBubble(t, 1, simple("1s", "10s", "4h"), func(r *rig) {
		n := r.nodes[0]
		n.fire("a", "b")
		r.until(2 * sec)
		r.sils.put("s", "a", time.Now(), time.Now().Add(20*sec))
		r.until(5 * sec)
		n.resolve("a")
		r.until(30 * sec)
		r.wants("1s hook firing a,b")
		n.fire("a")
		r.until(3600 * sec)
		r.wants("31s hook firing a,b")
	})
}

// The same with the process killed in between: what the receiver knows is in the
// ledger, not in the process.
func TestA1RefireAfterRestartPages(t *testing.T) {
	conf := simple("1s", "10s", "4h")
	inBubble(t, 1, conf, func(r *rig) {
		n := r.nodes[0]
		n.fire("a")
		r.until(2 * sec)
		r.wants("1s hook firing a")
		r.sils.put("s", "a", time.Now(), time.Now().Add(20*sec))
		n.resolve("a")
		r.until(15 * sec)
		n.stop()
		again := r.add(0, 1)
		r.nodes = r.nodes[1:]
		again.use(1, conf)
		r.until(30 * sec)
		again.fire("a")
		r.until(40 * sec)
		r.wants("31s hook firing a")
	})
}

// Inhibited and time-muted alerts go the same way as silenced ones.
func TestA1RefireAfterResolveUnderInhibitionPages(t *testing.T) {
	conf := simple("1s", "10s", "4h") + `
inhibit_rules:
- source_matchers: [alertname = source]
  target_matchers: [alertname = a]
`
	inBubble(t, 1, conf, func(r *rig) {
		n := r.nodes[0]
		n.fire("a")
		r.until(2 * sec)
		n.fire("source job=other")
		r.until(4 * sec)
		n.resolve("a")
		r.until(15 * sec)
		n.resolve("source job=other")
		r.until(30 * sec)
		r.wants("1s hook firing a", "3s hook firing source", "23s hook resolved source")
		n.fire("a")
		r.until(40 * sec)
		r.wants("31s hook firing a")
	})
}

func TestA2OneTruthAboutAnAlert(t *testing.T) {
	inBubble(t, 1, simple("1s", "10s", "4h"), func(r *rig) {
		n := r.nodes[0]
		for i := range 1000 {
			spec := fmt.Sprintf("a%d job=j%d", i, i%10)
			go n.fire(spec)
			go func() {
				time.Sleep(time.Nanosecond)
				n.resolve(spec)
			}()
		}
		r.until(30 * sec)
		r.wants()
		if gs := n.Groups(groupsAll); len(gs) != 0 {
			t.Errorf("%d groups left", len(gs))
		}
	})
}

func TestA3ReloadDoesNotCancelSends(t *testing.T) {
	conf := simple("1s", "10s", "4h")
	inBubble(t, 1, conf, func(r *rig) {
		n := r.nodes[0]
		r.answer = sleeps(2 * sec)
		n.fire("a")
		r.until(2 * sec)
		r.ledger.setConfig(2)
		n.use(2, conf)
		r.until(60 * sec)
		r.wants("3s hook firing a")
	})
}

func TestA3StopWaitsForSendsAndSettles(t *testing.T) {
	inBubble(t, 1, simple("1s", "10s", "4h"), func(r *rig) {
		n := r.nodes[0]
		r.answer = sleeps(2 * sec)
		n.fire("a")
		r.until(2 * sec)
		n.stop()
		r.wants("3s hook firing a")
		if len(r.ledger.tally().history) != 1 || r.ledger.tally().history[0].Outcome != model.OutcomeSent {
			t.Errorf("history %+v", r.ledger.tally().history)
		}
	})
}

func TestA5SiblingRoutesKeepTheirOwnLog(t *testing.T) {
	conf := `
route:
  receiver: root
  group_wait: 1s
  group_interval: 10s
  repeat_interval: 1h
  routes:
  - receiver: hook
    matchers: [job = x]
    group_by: [job]
    continue: true
  - receiver: hook
    matchers: [job = x]
    group_by: [job]
receivers:
- name: root
- name: hook
  webhook_configs: [{url: http://localhost/}]
`
	inBubble(t, 1, conf, func(r *rig) {
		r.nodes[0].fire("a job=x")
		r.until(60 * sec)
		r.wants("1s hook firing a", "1s hook firing a")
	})
}

func TestA7InhibitedFromTheFirstFlush(t *testing.T) {
	conf := simple("0s", "10s", "4h") + `
inhibit_rules:
- source_matchers: [sev = critical]
  target_matchers: [sev = warning]
  equal: [job]
`
	inBubble(t, 1, conf, func(r *rig) {
		n := r.nodes[0]
		for i := range 200 {
			job := fmt.Sprintf(" job=j%d", i)
			n.fire("target sev=warning"+job, "source sev=critical"+job)
		}
		r.until(5 * sec)
		if len(r.tellings()) != 200 {
			t.Errorf("%d messages, want 200", len(r.tellings()))
		}
		for _, m := range r.tellings() {
			if m.firing != "source" {
				t.Errorf("told %v", m)
			}
		}
	})
}

// B1: a resolve that reached one node only. The exchange of alerts between nodes
// is not part of this package; what is, is that the node with the older view
// does not page again because of it before it hears of the end.
func TestB1LaterUpdateWinsOnEveryNode(t *testing.T) {
	inBubble(t, 2, simple("1s", "10s", "4h"), func(r *rig) {
		r.fire("a")
		r.until(2 * sec)
		r.nodes[0].resolve("a")
		// The exchange brings the state to the other node.
		rec, _ := r.nodes[0].store.Get(alert.NewLabels(labelsOf("a")).Hash())
		r.nodes[1].Merge([]alert.Alert{*rec.Load()})
		r.until(60 * sec)
		r.wants("1s hook firing a", "11s hook resolved a")
	})
}

func TestB2SlowReceiverIsToldOnce(t *testing.T) {
	inBubble(t, 3, simple("1s", "10s", "4h"), func(r *rig) {
		// Slower than the peer timeout, the claim's term and the group
		// interval, as long as the leader is heard of.
		r.answer = sleeps(9 * sec)
		r.fire("a")
		r.until(60 * sec)
		r.wants("10s hook firing a")
		if r.ledger.tally().expiries != 0 {
			t.Errorf("%d claims expired", r.ledger.tally().expiries)
		}
	})
}

func TestB3SilenceExtensionMutesKnownAlerts(t *testing.T) {
	inBubble(t, 1, simple("1s", "10s", "15s"), func(r *rig) {
		n := r.nodes[0]
		r.sils.put("s", "a", time.Now(), time.Now().Add(5*sec))
		n.fire("a")
		r.until(8 * sec)
		// The silence is over, and the alert was looked at since; now it is
		// extended.
		if st := n.Status(recordOf(n, "a")); st.State != "active" {
			t.Fatalf("status %+v", st)
		}
		r.sils.put("s", "a", r.zero, time.Now().Add(100*sec))
		if st := n.Status(recordOf(n, "a")); len(st.SilencedBy) != 1 {
			t.Errorf("status %+v", st)
		}
		r.until(100 * sec)
		r.wants()
		r.until(150 * sec)
		r.wants("1m51s hook firing a", "2m11s hook firing a")
	})
}

func recordOf(n *node, spec string) *alert.Alert {
	r, ok := n.store.Get(alert.NewLabels(labelsOf(spec)).Hash())
	if !ok {
		n.rig.t.Fatalf("no alert %s", spec)
	}
	return r.Load()
}

// B6: both sides of a cut may page, but with the same delivery ID.
func TestB6BothSidesOfACutSayTheSame(t *testing.T) {
	inBubble(t, 2, simple("1s", "60s", "4h"), func(r *rig) {
		r.gossip.apart = func(model.NodeID, model.NodeID) bool { return true }
		a, b := r.nodes[0], r.nodes[1]
		a.seat.mu.Lock()
		a.seat.reachable = 2
		a.seat.mu.Unlock()
		b.seat.mu.Lock()
		b.seat.reachable = 1
		b.seat.mu.Unlock()
		b.seat.mu.Lock()
		b.seat.rank, b.seat.of = 0, 1
		b.seat.mu.Unlock()
		b.seat.mu.Lock()
		b.seat.voters = 3
		b.seat.mu.Unlock()
		a.seat.mu.Lock()
		a.seat.voters = 3
		a.seat.mu.Unlock()
		b.lose()
		r.fire("a")
		r.until(40 * sec)
		if len(r.tellings()) == 2 && r.tellings()[0].id != r.tellings()[1].id {
			t.Errorf("delivery IDs differ: %v", r.tellings())
		}
		if len(r.tellings()) == 2 && (r.tellings()[0].degraded || !r.tellings()[1].degraded) {
			t.Errorf("degraded is told wrongly: %v", r.tellings())
		}
		r.wants("1s hook firing a", "17.5s hook firing a")
	})
}

// B7: ranks that change while a delivery waits do not make it go out twice.
func TestB7FlappingRanks(t *testing.T) {
	inBubble(t, 3, simple("1s", "10s", "4h"), func(r *rig) {
		for i, n := range r.nodes {
			n.seat.mu.Lock()
			n.seat.latency = 20 * time.Millisecond
			n.seat.mu.Unlock()
			n.seat.mu.Lock()
			n.seat.rank = 0
			n.seat.mu.Unlock()
			go func() {
				for k := range 200 {
					time.Sleep(10 * time.Millisecond)
					n.seat.mu.Lock()
					n.seat.rank = (i + k) % 3
					n.seat.mu.Unlock()
				}
			}()
		}
		r.answer = sleeps(300 * time.Millisecond)
		r.fire("a")
		r.until(60 * sec)
		if len(r.tellings()) != 1 {
			t.Errorf("told %v", r.tellings())
		}
	})
}

func TestB10LastSourceLetsTargetGo(t *testing.T) {
	conf := simple("1s", "10s", "4h") + `
inhibit_rules:
- source_matchers: [sev = critical]
  target_matchers: [sev = warning]
  equal: [job]
`
	inBubble(t, 1, conf, func(r *rig) {
		n := r.nodes[0]
		n.fire("s1 sev=critical job=x", "s2 sev=critical job=x", "target sev=warning job=x")
		r.until(5 * sec)
		r.wants("1s hook firing s1,s2")
		n.resolve("s2 sev=critical job=x")
		r.until(15 * sec)
		r.wants("11s hook firing s1 resolved s2")
		n.resolve("s1 sev=critical job=x")
		r.until(25 * sec)
		r.wants("21s hook firing target resolved s1")
	})
}

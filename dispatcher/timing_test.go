package dispatcher_test

import (
	"fmt"
	"testing"
	"time"

	"tocsin/dispatcher"
	"tocsin/dispatcher/alert"
)

const sec = time.Second

func TestGroupWaitThenInterval(t *testing.T) {
	inBubble(t, 1, simple("30s", "5m", "4h"), func(r *rig) {
		n := r.nodes[0]
		n.fire("a")
		r.until(10 * sec)
		n.fire("b")
		r.until(29*sec + 999*time.Millisecond)
		r.wants()
		r.until(31 * sec)
		r.wants("30s hook firing a,b")
		n.fire("c")
		r.until(330*sec - time.Millisecond)
		r.wants()
		r.until(331 * sec)
		r.wants("5m30s hook firing a,b,c")
		n.resolve("b")
		r.until(631 * sec)
		r.wants("10m30s hook firing a,c resolved b")
		n.resolve("a", "c")
		r.until(3600 * sec)
		r.wants("15m30s hook resolved a,c")
	})
}

func TestRepeatInterval(t *testing.T) {
	inBubble(t, 1, simple("1s", "5s", "12s"), func(r *rig) {
		n := r.nodes[0]
		n.fire("a")
		r.until(60 * sec)
		// Ticks at 1, 6, 11, 16 s: the first more than 12 s after a message.
		r.wants("1s hook firing a", "16s hook firing a", "31s hook firing a", "46s hook firing a")
	})
}

func TestOldAlertIsToldAtOnce(t *testing.T) {
	inBubble(t, 1, simple("30s", "5m", "4h"), func(r *rig) {
		n := r.nodes[0]
		old := make1("a", time.Now().Add(-time.Minute), time.Now().Add(time.Hour), time.Now())
		young := make1("b", time.Now(), time.Now().Add(time.Hour), time.Now())
		n.Post([]alert.Alert{old, young})
		r.until(1)
		r.wants("0s hook firing a,b")
	})
}

// When the store is gone through, it does not matter which alert of a group
// comes first.
func TestOldAlertsAreToldAtOnceAfterReload(t *testing.T) {
	conf := simple("30s", "5m", "4h")
	inBubble(t, 1, conf, func(r *rig) {
		n := r.nodes[0]
		for i := range 20 {
			job := fmt.Sprintf(" job=j%d", i)
			old := make1("old"+job, time.Now().Add(-time.Minute), time.Now().Add(time.Hour), time.Now())
			young := make1("young"+job, time.Now(), time.Now().Add(time.Hour), time.Now())
			n.store.Put(n.now(), []alert.Alert{old, young})
		}
		n.use(1, conf)
		r.until(1)
		if len(r.tellings()) != 20 {
			t.Errorf("%d messages", len(r.tellings()))
		}
	})
}

func TestStartDelay(t *testing.T) {
	inBubble(t, 1, simple("1s", "6s", "10m"), func(r *rig) {
		n := r.nodes[0]
		r.until(1 * sec)
		old := make1("test1", time.Now().Add(-100*sec), time.Now().Add(time.Hour), time.Now())
		n.Post([]alert.Alert{old})
		r.until(2 * sec)
		n.fire("test2")
		// A reload while nothing may be sent yet returns at once.
		before := time.Now()
		n.use(1, simple("1s", "6s", "10m"))
		if took := time.Since(before); took != 0 {
			t.Errorf("reload took %v", took)
		}
		r.until(4999 * time.Millisecond)
		r.wants()
		r.until(6 * sec)
		r.wants("5s hook firing test1,test2")
		n.fire("test3")
		r.until(12 * sec)
		r.wants("11s hook firing test1,test2,test3")
	}, func(o *dispatcher.Options) { o.StartDelay = 5 * sec })
}

// Inventory 10.A4: neither a reload nor a stop waits for the rest of the start
// delay. The reload is in TestStartDelay.
func TestA4StopDuringStartDelay(t *testing.T) {
	inBubble(t, 1, simple("1s", "6s", "10m"), func(r *rig) {
		r.nodes[0].fire("a")
		r.until(2 * sec)
		r.nodes[0].stop()
		if took := time.Since(r.zero); took > 3*sec {
			t.Errorf("stopped after %v", took)
		}
		r.wants()
	}, func(o *dispatcher.Options) { o.StartDelay = time.Minute })
}

func TestReloadRestartsTimers(t *testing.T) {
	conf := simple("1s", "6s", "10m")
	inBubble(t, 1, conf, func(r *rig) {
		n := r.nodes[0]
		r.until(1 * sec)
		n.fire("test1")
		r.until(3 * sec)
		r.wants("2s hook firing test1")
		r.ledger.setConfig(2)
		n.use(2, conf)
		r.until(4 * sec)
		n.fire("test2")
		r.until(20 * sec)
		r.wants("9s hook firing test1,test2")
	})
}

func TestResolvedRules(t *testing.T) {
	conf := `
route:
  receiver: with
  group_by: [job]
  group_wait: 1s
  group_interval: 10s
  repeat_interval: 1h
  routes:
  - receiver: with
    continue: true
  - receiver: without
receivers:
- name: with
  webhook_configs: [{url: http://localhost/}]
- name: without
  webhook_configs: [{url: http://localhost/, send_resolved: false}]
`
	inBubble(t, 1, conf, func(r *rig) {
		n := r.nodes[0]
		n.fire("a", "b")
		r.until(5 * sec)
		r.sort()
		r.wants("1s with firing a,b", "1s without firing a,b")
		n.resolve("b")
		r.until(15 * sec)
		r.wants("11s with firing a resolved b")
		n.resolve("a")
		r.until(25 * sec)
		r.wants("21s with resolved a")
		if r.ledger.tally().quiet != 1 {
			t.Errorf("%d quiet settlements, want the one that closes the log of the receiver without resolved", r.ledger.tally().quiet)
		}
		// What fires and resolves between two ticks is not told.
		n.fire("c")
		r.until(25*sec + 500*time.Millisecond)
		n.resolve("c")
		r.until(100 * sec)
		r.wants()
		n.fire("a")
		r.until(102 * sec)
		r.sort()
		r.wants("1m41s with firing a", "1m41s without firing a")
		if reason := r.nodes[0].Pending(); reason != 0 {
			t.Errorf("%d deliveries pending", reason)
		}
	})
}

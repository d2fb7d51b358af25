package dispatcher_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"tocsin/dispatcher"
	"tocsin/dispatcher/alert"
)

const inhibiting = `
inhibit_rules:
- source_matchers: [sev = critical]
  target_matchers: [sev = warning]
  equal: [job]
`

func TestStatusAtOnce(t *testing.T) {
	inBubble(t, 1, simple("1s", "10s", "4h")+inhibiting, func(r *rig) {
		n := r.nodes[0]
		n.fire("a sev=warning job=x")
		a := recordOf(n, "a sev=warning job=x")
		is := func(want string) {
			t.Helper()
			st := n.Status(a)
			got := fmt.Sprint(st.State, " silenced ", len(st.SilencedBy), " inhibited ", len(st.InhibitedBy))
			if got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
		is("active silenced 0 inhibited 0")
		r.sils.put("s1", "a", time.Now(), time.Now().Add(time.Hour))
		is("suppressed silenced 1 inhibited 0")
		n.fire("src sev=critical job=x")
		is("suppressed silenced 1 inhibited 1")
		if by := n.Status(a).InhibitedBy[0]; by != fmt.Sprintf("%016x", recordOf(n, "src sev=critical job=x").Fingerprint) {
			t.Errorf("inhibited by %s", by)
		}
		r.sils.put("s1", "a", r.zero, time.Now().Add(-time.Millisecond))
		time.Sleep(sec)
		n.resolve("src sev=critical job=x")
		is("active silenced 0 inhibited 0")
	})
}

func TestStatusBeforeAnyConfiguration(t *testing.T) {
	d := dispatcher.New(dispatcher.Options{Store: alert.NewStore(alert.Options{})})
	a := make1("a", time.Now(), time.Now().Add(time.Hour), time.Now())
	if res := d.Post([]alert.Alert{a}); len(res.Changes) != 1 {
		t.Errorf("post: %+v", res)
	}
	if st := d.Status(&a); st.State != dispatcher.StateUnprocessed || d.Groups(dispatcher.GroupFilter{}) != nil || d.Receivers(&a) != nil {
		t.Errorf("status %+v", st)
	}
	if err := d.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

const twoReceivers = `
route:
  receiver: first
  group_by: [job]
  group_wait: 1s
  group_interval: 10s
  routes:
  - receiver: second
    matchers: [alertname =~ "a|b"]
    group_by: [alertname]
    continue: true
  - receiver: first
receivers:
- name: first
  webhook_configs: [{url: http://localhost/}]
- name: second
`

func TestGroups(t *testing.T) {
	inBubble(t, 1, twoReceivers, func(r *rig) {
		n := r.nodes[0]
		n.fire("b job=y instance=2", "a job=y instance=1", "c job=x")
		show := func(f dispatcher.GroupFilter) []string {
			var out []string
			for _, g := range n.Groups(f) {
				s := g.Receiver + g.Labels.String()
				for _, a := range g.Alerts {
					s += " " + a.Name() + "(" + string(a.Status.State) + ")" + strings.Join(a.Receivers, "+")
				}
				out = append(out, s)
			}
			return out
		}
		want := []string{
			`first{job="x"} c(active)first`,
			`first{job="y"} a(active)first+second b(active)first+second`,
			`second{alertname="a"} a(active)first+second`,
			`second{alertname="b"} b(active)first+second`,
		}
		if got := show(dispatcher.GroupFilter{}); !slices.Equal(got, want) {
			t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
		}
		got := show(dispatcher.GroupFilter{
			Receiver: func(name string) bool { return name == "first" },
			Alert:    func(a *alert.Alert, _ dispatcher.AlertStatus) bool { return a.Name() == "a" },
		})
		if want := []string{`first{job="y"} a(active)first`}; !slices.Equal(got, want) {
			t.Errorf("filtered %v", got)
		}
		if got := n.Receivers(recordOf(n, "a job=y instance=1")); !slices.Equal(got, []string{"second", "first"}) {
			t.Errorf("receivers %v", got)
		}
		// Resolved ones are hidden at once, before anybody is told.
		n.resolve("c job=x")
		time.Sleep(time.Nanosecond)
		if got := show(dispatcher.GroupFilter{}); len(got) != 3 {
			t.Errorf("after the end %v", got)
		}
	})
}

// A group without integrations comes and goes like any other.
func TestReceiverWithoutIntegrations(t *testing.T) {
	inBubble(t, 1, twoReceivers, func(r *rig) {
		n := r.nodes[0]
		n.fire("a job=x")
		r.until(5 * sec)
		n.resolve("a job=x")
		r.until(30 * sec)
		r.wants("1s first firing a", "11s first resolved a")
		if gs := n.Groups(dispatcher.GroupFilter{Resolved: true}); len(gs) != 0 {
			t.Errorf("groups left: %+v", gs)
		}
		if got := gauge(t, n, "alertmanager_dispatcher_aggregation_groups"); got != 0 {
			t.Errorf("%v groups counted", got)
		}
		for rec := range n.store.All() {
			if rec.Held() != 0 {
				t.Error("a record is still held")
			}
		}
	})
}

func TestMetrics(t *testing.T) {
	inBubble(t, 1, simple("1s", "10s", "4h")+inhibiting, func(r *rig) {
		n := r.nodes[0]
		n.fire("a sev=warning job=x", "src sev=critical job=x")
		r.sils.put("s", "quiet", time.Now(), time.Now().Add(time.Hour))
		n.fire("quiet job=z")
		expect := func(text string, names ...string) {
			t.Helper()
			if err := testutil.GatherAndCompare(n.reg, strings.NewReader(text), names...); err != nil {
				t.Error(err)
			}
		}
		states := "# HELP alertmanager_alerts How many alerts by state.\n# TYPE alertmanager_alerts gauge\n"
		expect(states+`
alertmanager_alerts{state="active"} 0
alertmanager_alerts{state="suppressed"} 0
alertmanager_alerts{state="unprocessed"} 3
`, "alertmanager_alerts")
		r.until(5 * sec)
		expect(states+`
alertmanager_alerts{state="active"} 1
alertmanager_alerts{state="suppressed"} 2
alertmanager_alerts{state="unprocessed"} 0
`, "alertmanager_alerts")
		expect(`# HELP alertmanager_notifications_suppressed_total The total number of notifications suppressed for being silenced, inhibited, outside of active time intervals or within muted time intervals.
# TYPE alertmanager_notifications_suppressed_total counter
alertmanager_notifications_suppressed_total{reason="active_time_interval"} 0
alertmanager_notifications_suppressed_total{reason="inhibition"} 1
alertmanager_notifications_suppressed_total{reason="mute_time_interval"} 0
alertmanager_notifications_suppressed_total{reason="silence"} 1
`, "alertmanager_notifications_suppressed_total")
		expect(`# HELP alertmanager_inhibition_rules How many inhibition rules are configured.
# TYPE alertmanager_inhibition_rules gauge
alertmanager_inhibition_rules 1
# HELP alertmanager_dispatcher_aggregation_groups Number of active aggregation groups
# TYPE alertmanager_dispatcher_aggregation_groups gauge
alertmanager_dispatcher_aggregation_groups 2
`, "alertmanager_inhibition_rules", "alertmanager_dispatcher_aggregation_groups")
	})
}

func TestEmptyInhibitionRule(t *testing.T) {
	inBubble(t, 1, simple("1s", "10s", "4h")+"\ninhibit_rules:\n-\n", func(r *rig) {
		r.nodes[0].fire("a", "b")
		r.until(5 * sec)
		r.wants("1s hook firing a,b")
	})
}

// A refresh touches nothing but the store.
func TestRefreshTouchesNoGroup(t *testing.T) {
	inBubble(t, 1, simple("1s", "10s", "4h"), func(r *rig) {
		n := r.nodes[0]
		n.fire("a")
		batch := []alert.Alert{make1("a", r.zero, time.Now().Add(2*time.Hour), time.Now().Add(sec))}
		if res := n.Post(batch); len(res.Changes) != 0 || res.Refreshed != 1 {
			t.Errorf("refresh: %+v", res)
		}
		if allocs := testing.AllocsPerRun(100, func() {
			batch[0].UpdatedAt++
			batch[0].EndsAt++
			n.Post(batch)
		}); allocs > 2 {
			t.Errorf("%v allocations a refresh", allocs)
		}
	})
}
